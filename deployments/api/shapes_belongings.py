"""What the API shows of what belongs to a project: secrets, host names, a repository."""

from datetime import datetime
from typing import Any

from pydantic import Field

from deployments.api.shapes import RunShown, Said, Shown


class SecretShown(Shown):
    """One version of a secret; its value is never shown."""

    name: str
    version: int
    newest: bool
    made: datetime
    length: int | None = None
    made_by: str = Field(alias="from", description="`person`, or `slipway` for what it made itself")
    used_by: tuple[dict[str, Any], ...]
    problem: str | None = None


class Needed(Shown):
    """Kept releases that could not be brought back without a secret's values."""

    releases: tuple[int, ...]


class Rotation(Said):
    """How a secret stands between two values."""

    made_up: bool = Field(description="Slipway makes up its next value too: none is to be sent")


class Rotated(Shown):
    """A secret that has another value."""

    run: RunShown | None = Field(description="Lets the app have it; null when nothing that serves uses it")


class Forgotten(Shown):
    """How many earlier values are gone."""

    forgotten: int


class LedShown(Said):
    """A host name that leads to a project."""

    warning: str = Field(description="Empty, or what keeps visitors from coming by it")


class HostGone(Said):
    """A host name that leads to a project no more."""

    host: str


class RepositoryShown(Shown):
    """A project's repository at GitHub."""

    project: str
    repository: str | None = Field(examples=["anna/short-links"])
    address: str | None
    token: bool = Field(description="Whether its workers' token is among the project's secrets")
    workers: bool = Field(description="Whether workers may use it")
