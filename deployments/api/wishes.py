"""What callers may wish: bodies of changing calls, each with its bounds."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from domain.keys import NAME_LIMIT, Scope
from domain.names import REQUEST_LIMIT, Slug
from domain.vault import SECRET_LIMIT

WHOLE = r"^[^\x00]*$"
"""Without NUL, which neither databases nor environments take."""
Text = Annotated[str, StringConstraints(min_length=1, max_length=REQUEST_LIMIT, pattern=WHOLE)]
FileMark = Annotated[str, StringConstraints(max_length=2_000, pattern=r"^[A-Za-z0-9_.-]+$")]

FIELDS = 20
"""Of one body at most; no wish has as many."""


class Wish(BaseModel):
    """A body: what it does not know is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _few(cls, given: object) -> object:
        """Refuse at once what has more fields than any wish: each would be an error of its own."""
        if isinstance(given, dict) and len(given) > FIELDS:
            raise ValueError(f"a body has at most {FIELDS} fields")
        return given


class Built(Wish):
    """What work is begun by."""

    files: list[FileMark] = Field(
        default_factory=list, max_length=100, description="What it is built from: marks as `PUT /v1/files` gives them"
    )


class NewProject(Built):
    """Something new, in the caller's own words; its Brief is accepted as it is written."""

    text: Text = Field(examples=["A short-link service for our team, with a page that counts the clicks"])
    name: Slug | None = Field(default=None, description="Name of the project and its address", examples=["short-links"])
    kind: str | None = Field(default=None, max_length=60, description="Kind of project; else the Product Owner chooses")


class Change(Built):
    """A change of a project."""

    text: Text = Field(examples=["Links can have an end date"])
    preview: bool | None = Field(default=None, description="Show it first; unset: as the settings have it")
    scratch: bool = Field(default=False, description="Begin the preview with no data, not with a copy")


class Proposed(Built):
    """Something new, or a change of `project`, of which a Brief is made that may be accepted or not."""

    text: Text = Field(examples=["Links can have an end date"])
    project: Slug | None = Field(default=None, description="What is to be changed; unset: something new")
    name: Slug | None = Field(default=None, description="Of something new: its name and address")
    kind: str | None = Field(default=None, max_length=60, description="Of something new: its kind")
    preview: bool | None = Field(default=None, description="Of a change: show it first; unset: as the settings have it")
    scratch: bool = Field(default=False, description="Begin the preview with no data, not with a copy")


class Accepted(Wish):
    """A Brief that is to be built."""

    offer: str = Field(
        min_length=1, max_length=240_000, pattern=r"^[A-Za-z0-9_.-]+$", description="As `POST /v1/proposals` said it"
    )


class GoBack(Wish):
    """A rollback."""

    version: int | None = Field(default=None, ge=1, le=1_000_000_000, description="Release; unset: the previous good one")
    data: str = Field(
        default="",
        pattern=r"^(keep|restore|v[0-9]{1,9}(-undo|-redo)?)?$",
        description="What becomes of the data when its database was changed; a snapshot's name brings only the data back",
    )
    reason: str = Field(default="asked for by the API", min_length=1, max_length=500, pattern=WHOLE)


class NewSecret(Wish):
    """A secret's value; it is never shown again."""

    value: str = Field(min_length=1, max_length=SECRET_LIMIT, pattern=WHOLE, json_schema_extra={"writeOnly": True}, repr=False)
    unchecked: bool = Field(default=False, description="Use it whatever it looks like")


class NewDomain(Wish):
    """A host name; its DNS record is yours to make."""

    host: str = Field(min_length=1, max_length=253, examples=["shop.example.org"])
    main: bool = Field(default=False, description="Make the project's address of it, by a new release")


class NextValue(Wish):
    """A secret's next value; unset for one that Slipway makes up."""

    value: str | None = Field(
        default=None, min_length=1, max_length=SECRET_LIMIT, pattern=WHOLE, json_schema_extra={"writeOnly": True}, repr=False
    )
    unchecked: bool = Field(default=False, description="Use it whatever it looks like")


class NewRepository(Wish):
    """A project's repository at GitHub; an empty name takes it away."""

    name: str = Field(max_length=200, examples=["anna/short-links"])


class AtGitHub(Wish):
    """Somebody at GitHub."""

    login: str = Field(min_length=1, max_length=100, examples=["anna"])


class NewKey(Wish):
    """A key of the caller's own."""

    name: str = Field(min_length=1, max_length=NAME_LIMIT, examples=["laptop"])
    owner: str | None = Field(
        default=None, max_length=200, description="Whose things it opens: the operator's to say; unset: yours"
    )
    scopes: list[Annotated[Scope, Field(strict=False)]] = Field(
        default_factory=list, max_length=3, description="Unset: read and write"
    )
    days: float | None = Field(default=None, ge=0.001, le=36_500, description="After which it ends")


class NewBot(Wish):
    """A bot's token; it is never shown again."""

    token: str = Field(min_length=1, max_length=200, pattern=WHOLE, json_schema_extra={"writeOnly": True}, repr=False)


class NewInvitation(Wish):
    """A code by which somebody may use the bot."""

    uses: int = Field(default=1, ge=1, le=10_000, description="How many people may come in by it")
    days: float | None = Field(default=None, ge=0.01, le=3650, description="After which it ends")
    note: str = Field(default="", max_length=200, pattern=WHOLE, description="For whom it is")


class OwnLimitsWish(Wish):
    """Limits of one person; those that are not given stay as they are, or with `usual` become those of everybody."""

    runs: int | None = Field(default=None, ge=0, le=1_000_000_000, description="Runs that have not ended; 0: any number")
    per_minute: int | None = Field(default=None, ge=0, le=1_000_000_000, description="Messages within a minute; 0: any number")
    usd_day: float | None = Field(default=None, ge=0, le=1e9, description="US dollars a day; 0: any sum")
    usd_month: float | None = Field(default=None, ge=0, le=1e9, description="US dollars a month; 0: any sum")
    usual: bool = False


class Remark(Wish):
    """Something that a run's agent shall know."""

    text: Text = Field(examples=["The links are for our team only"])


class Reply(Wish):
    """An answer to what a run asks; the first one counts."""

    choice: str = Field(max_length=40, examples=["guidance"])
    text: str = Field(
        default="", max_length=REQUEST_LIMIT, pattern=WHOLE, description="Words, or how many rounds or US dollars"
    )
    number: int | None = Field(default=None, ge=1, le=1_000_000_000, description="Only if this is what it asks now")
