"""What an app needs in its environment: variables, who provides them, and versions of the whole."""

from enum import StrEnum

from pydantic import Field

from domain.complaints import Complaint
from domain.names import EnvName
from domain.resources import ResourceKind
from domain.values import Value


class Source(StrEnum):
    """Who provides a variable."""

    INFRA = "infra"
    """Generated once by Slipway and kept."""
    COMPUTED = "computed"
    """Follows from the project and its release: address, port, folders."""
    USER = "user"
    """A secret that only the person has."""
    DEFAULT = "default"
    """A plain value written in the file; not secret."""


class Variable(Value):
    name: EnvName
    source: Source
    default: str | None = None
    comment: str = ""
    required: bool = True
    addon: ResourceKind | None = None
    """Of which resource of the project's own it is the address."""
    guessed: bool = False
    """Nothing says who provides it, so that it counts as the user's."""


class Requirements(Value):
    """All variables of one commit."""

    variables: tuple[Variable, ...] = ()

    @property
    def guessed(self) -> tuple[Variable, ...]:
        """Return those of which nothing says who provides them."""
        return tuple(v for v in self.variables if v.guessed)


TELEGRAM_BOT_TOKEN, TELEGRAM_API_URL = "TELEGRAM_BOT_TOKEN", "TELEGRAM_API_URL"
"""What a bot of a kind with chat reads: who it is, and where its Telegram is."""
_ADDRESSES = ("PUBLIC_URL", "BASE_URL", "APP_URL", "SITE_URL", "EXTERNAL_URL")
COMPUTED_NAMES = frozenset({*_ADDRESSES, "PUBLIC_HOST", "APP_DOMAIN", "DATA_DIR"})
"""What `computed_values` knows."""


def computed_values(address: str, telegram_api: str | None = None) -> dict[str, str]:
    """Return what follows from the project's address; `${DATA_DIR}` is filled by the engine when the app starts.

    `telegram_api`: the installation's Bot API server, where that is not Telegram's own.
    """
    host = address.split("://", 1)[-1].split(":", 1)[0]
    urls = dict.fromkeys(_ADDRESSES, address)
    own_api = {TELEGRAM_API_URL: telegram_api} if telegram_api else {}
    return {**own_api, **urls, "PUBLIC_HOST": host, "APP_DOMAIN": host, "DATA_DIR": "${DATA_DIR}"}


class EnvironmentVersion(Value):
    """Which names a release gets and where each value lies; no value itself, but for plain ones."""

    project: str
    number: int
    secrets: dict[str, str] = Field(default_factory=dict, description="Name to vault reference, which names the version")
    plain: dict[str, str] = Field(
        default_factory=dict,
        description="Computed and default values; `${NAME}` of a secret is filled where the app is started",
    )


class Missing(Value):
    """Names of the variables that a person must give before the app can start."""

    names: tuple[str, ...] = Field(min_length=1)
    complaints: dict[str, Complaint] = Field(default_factory=dict, description="What is wrong with those that were given")
