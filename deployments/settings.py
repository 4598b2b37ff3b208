"""Everything that an operator may choose, read once from the environment and `.env`."""

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import NoDecode, SettingsConfigDict

from deployments.door_settings import DoorSettings
from deployments.file_settings import FileSettings
from deployments.github_settings import GitHubSettings
from deployments.misspelt import misspelt
from deployments.setting_people import PeopleSettings
from deployments.setting_types import (
    KNOWN_ENGINES,
    PATTERNS,
    SPLIT,
    ExistingFile,
    ExistingFolder,
    Port,
    PostgresAddress,
    Tls,
    Where,
    as_text,
)
from domain.errors import BadInput
from domain.hosts import HOST_PATTERN

CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Where other programs are told of a machine's own certificates."""

PREFIX = "SLIPWAY_"


class Settings(DoorSettings, FileSettings, GitHubSettings, PeopleSettings):
    """Settings of one installation. The description of a field is the cure that a person reads when its value is wrong."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True, populate_by_name=True
    )

    home: Where = Field(default=Path("~/.slipway"), description="folder that holds everything Slipway keeps")
    base_domain: str = Field(
        default="localhost",
        pattern=HOST_PATTERN,
        description="a lower-case host name: apps are reached as <name>.<base domain>",
    )
    http_port: Port = Field(default=8080, description="a port number: the apps are served on it; 0 chooses a free one")
    tls: Tls = Field(
        default="off",
        description="`off` (plain HTTP), `internal` (certificates of this installation's own authority), or `auto` (by ACME)",
    )
    https_port: Port = Field(default=8443, description="a port number: with TLS apps are served on it; 0 chooses a free one")
    acme_url: str | None = Field(
        default=None,
        pattern=r"^https://",
        description="directory of another ACME authority, like https://ca.example.org/directory",
    )
    acme_ca: ExistingFile | None = Field(
        default=None, description="an existing PEM file with the root certificate of that authority's own address"
    )
    acme_email: str | None = Field(
        default=None, pattern=r"^[^@\s\"`{}]+@[^@\s\"`{}]+$", description="address to which the ACME authority may write"
    )
    prefect_port: Port = Field(default=4200, description="a port number of Prefect's API and UI; 0 chooses a free one")
    prefect_api_url: str | None = Field(
        default=None, pattern=r"^https?://", description="address of an outside Prefect server, like http://host:4200/api"
    )
    database_url: SecretStr | None = Field(
        default=None,
        description="SQLAlchemy async address of the registry, like postgresql+asyncpg://user:password@host/slipway",
    )
    redis_url: SecretStr | None = Field(default=None, description="address of an outside Redis, like redis://host:6379/0")
    app_postgres_url: PostgresAddress | None = Field(
        default=None,
        description="address of a Postgres server for the apps' databases, like postgresql://slipway:password@db.example.org/postgres,"
        " with a role that may make databases and roles",
    )
    caddy_admin: str | None = Field(
        default=None,
        pattern=r"^(https?://|unix//)",
        description="admin address of an outside Caddy, like http://127.0.0.1:2019",
    )
    engine: Literal["auto", "docker", "process"] = Field(
        default="auto", description="`docker`, `process` (isolates nothing), or `auto`: Docker when it answers"
    )
    docker_host: str | None = Field(default=None, description="address of the Docker engine, like unix:///var/run/docker.sock")
    base_image: str | None = Field(default=None, description="base image of generated projects; unset: made on this machine")
    ca_bundle: ExistingFile | None = Field(
        default=None, description="an existing PEM file with this machine's certificate authorities, for workers and images"
    )
    egress: Annotated[tuple[str, ...], NoDecode, SPLIT, PATTERNS] = Field(
        default=(),
        description="host names with commas between that agents may reach besides package registries, like "
        "packages.example.org or *.example.org; port 443, or 80 when :80 is added",
    )
    github_url: str = Field(
        default="https://github.com",
        pattern=r"^https?://[a-z0-9.-]+(:\d{1,5})?$",
        description="address of GitHub, or of a GitHub Enterprise server, like https://github.example.org; no slash at its end",
    )
    anthropic_api_key: SecretStr | None = Field(
        default=None, validation_alias="ANTHROPIC_API_KEY", description="your key of the Anthropic API"
    )
    anthropic_base_url: str | None = Field(
        default=None,
        validation_alias="ANTHROPIC_BASE_URL",
        pattern=r"^https?://",
        description="address of another Messages API, like http://127.0.0.1:8000",
    )
    model: str = Field(default="claude-sonnet-5-5", description="the model of every role that SLIPWAY_MODELS does not name")
    fallback_model: str | None = Field(
        default=None, description="a second model, asked by turns with the wanted one while that is overloaded or unreachable"
    )
    models: dict[str, str] = Field(
        default_factory=dict, description='JSON of role to model, like {"tester": "claude-haiku-4-5"}'
    )
    gateway_models: dict[str, str] = Field(
        default_factory=dict,
        description="JSON of model name to model: which one answers when a CLI agent asks for another than its role's, "
        'like {"claude-haiku-4-5": "claude-haiku-4-5"}; "*" stands for every other name',
    )
    budget_usd: float = Field(default=5.0, gt=0, description="US dollars above 0 that one project may spend on models")
    rounds: int = Field(default=3, ge=1, le=20, description="1 to 20: how often the developer may try")
    engines: Annotated[dict[str, str], KNOWN_ENGINES] = Field(
        default_factory=dict,
        description='JSON of developer or product_owner to anthropic or claude-code, like {"developer": "claude-code"}',
    )
    ralph: bool = Field(
        default=False,
        description="true or false: each round of the developer is a new conversation that knows only the repository",
    )
    capabilities: Annotated[tuple[Literal["node", "docker", "github"], ...], NoDecode, SPLIT] = Field(
        default=(),
        description="what developers' workers have besides git and python, with commas between: node, docker, github",
    )
    review: bool = Field(default=True, description="true or false: a reviewer reads what passes its tests")
    mutation_seconds: float = Field(
        default=90.0, ge=0, le=600, description="0 to 600 seconds for which tests are tried with mutants; 0 is not at all"
    )
    answer_hours: float = Field(
        default=24.0, gt=0, le=720, description="hours, above 0 and up to 720, that a run waits for an answer before it stops"
    )
    record: Where | None = Field(default=None, description="a folder: the model session is saved there")
    replay: ExistingFolder | None = Field(default=None, description="an existing folder with a recorded model session to play")
    bots_low: int = Field(
        default=1, ge=0, le=1000, description="0 to 1000: with fewer free bots in the pool the operator is warned"
    )
    bots_rest_hours: float = Field(
        default=24.0, ge=0, le=720, description="0 to 720 hours for which a bot that was given back rests"
    )
    chat_approval: bool = Field(
        default=True, description="true or false: a person sees a proposal first, and work starts when they agree"
    )
    digest_hour: int = Field(default=8, ge=0, le=23, description="0 to 23: the hour, in UTC, of the daily digest")
    health_interval: float = Field(default=2.0, ge=1, description="seconds, at least 1, between two probes of a live release")
    unhealthy_threshold: int = Field(default=3, ge=1, description="failed probes, at least 1, that make a release unhealthy")
    unhealthy_window: float = Field(default=60.0, ge=10, description="seconds, at least 10, within which they must fail")
    flap_seconds: float = Field(
        default=600.0,
        ge=0,
        description="seconds after a rollback by itself in which a second failure goes to a person; 0: none",
    )
    drain_seconds: float = Field(default=30.0, ge=0, description="seconds that an old release may go on answering")
    health_deadline: float = Field(default=60.0, gt=0, description="seconds in which a new release must become healthy")
    command_deadline: float = Field(default=600.0, gt=0, description="seconds, above 0, that a release command may take")
    snapshot_mb: int = Field(
        default=2048, ge=1, description="1 or more: megabytes that a snapshot of a project's data may have before a release"
    )
    preview_changes: bool = Field(
        default=False, description="true or false: a change goes up as a preview first, unless it is asked for otherwise"
    )
    preview_days: float = Field(default=3.0, gt=0, le=90, description="days, above 0 and up to 90, for which a preview is up")
    runner_limit: int = Field(
        default=4, ge=1, le=100, description="1 to 100: how many deliveries go on at once; upkeep does not count"
    )
    spare_workers: int = Field(
        default=1, ge=0, le=20, description="0 to 20: how many containers wait for a run's next worker; each holds 15 MB"
    )
    debug: bool = Field(default=False, description="true or false: commands show tracebacks, as with --debug")

    @property
    def certificates(self) -> Path | None:
        """Return the CA bundle: the one set, else the first that the usual variables name and that exists."""
        usual = (Path(os.environ[name]) for name in CA_VARIABLES if os.environ.get(name))
        return self.ca_bundle or next((path for path in usual if path.is_file()), None)

    def environment(self) -> dict[str, str]:
        """Return the variables that make `load_settings` in a child process give the same settings. It holds secrets."""
        return {
            variable(name): as_text(value)
            for name in type(self).model_fields
            if (value := getattr(self, name)) not in (None, ())
        }


def variable(field: str) -> str:
    """Return the environment variable of a field."""
    alias = Settings.model_fields[field].validation_alias
    return alias if isinstance(alias, str) else f"{PREFIX}{field.upper()}"


def load_settings(**chosen: Any) -> Settings:
    """Read settings, `chosen` ones before all others; raise BadInput that names every problem with its cure."""
    problems = misspelt(Path(".env"), PREFIX, [variable(field) for field in Settings.model_fields])
    try:
        settings = Settings(**chosen)
    except ValidationError as error:
        problems += [_sentence(detail["loc"], detail["msg"]) for detail in error.errors()]
    except ValueError as error:  # pydantic-settings: a JSON value that is not JSON
        problems += [_no_json(str(error))]
    if problems:
        raise BadInput("these settings cannot be used:\n" + "\n".join(f"  - {problem}" for problem in problems))
    return settings


def _sentence(place: tuple[int | str, ...], message: str) -> str:
    if not place:  # two settings that do not go together
        return message.removeprefix("Value error, ")
    named = str(place[0])
    field = next((f for f in Settings.model_fields if named in (f, variable(f))), None)
    if field is None:
        return f"{named}: {message}"
    return f"{variable(field)}: {message.removeprefix('Value error, ')}; set it to {Settings.model_fields[field].description}"


def _no_json(said: str) -> str:
    """Return the sentence on a value that is no JSON; the library names the field within its own."""
    field = next((name for name in Settings.model_fields if f'"{name}"' in said), "")
    return f"{variable(field)}: no JSON; set it to {Settings.model_fields[field].description}" if field else said
