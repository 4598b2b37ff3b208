"""Resources of a project: a database or a store of its own beside the app, and what runs them.

A kept resource holds the project's data until the project goes. A scratch one belongs to a rehearsal: empty, with a password
of its own, gone with it. Both are reached by a URL that stays the same for as long as the resource is there.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from pydantic import Field, SecretStr

from domain.app_data import Schema
from domain.values import Value


class ResourceKind(StrEnum):
    POSTGRES = "postgres"
    REDIS = "redis"


class Endpoint(Value):
    """Where a resource listens, as apps of its project reach it."""

    host: str
    port: int
    user: str
    database: str

    @property
    def address(self) -> str:
        return host_and_port(self.host, self.port)


class Resource(Value):
    """A row of the registry: the project has one of this kind, or is about to."""

    project: str
    kind: ResourceKind
    reference: str = Field(description="`host:port` where apps of the project reach it")
    created: datetime


class ResourceSpec(Value):
    """One resource that is wanted. The same spec again adopts what is there, with all that is in it."""

    project: str
    kind: ResourceKind
    password: SecretStr = Field(description="Letters and digits; what is there keeps the one that it was made with")
    scratch_of: str = Field(
        default="", description="Identity of the rehearsal that it belongs to; empty: the project's own, kept"
    )
    run: str = Field(default="", description="Run of a scratch one, by which the janitor knows whether it is still needed")

    @property
    def identity(self) -> str:
        return resource_identity(self.project, self.kind, self.scratch_of)


class ResourceState(StrEnum):
    RUNNING = "running"
    RESTARTING = "restarting"
    STOPPED = "stopped"
    GONE = "gone"


class ResourceStatus(Value):
    """What a runner knows of one resource."""

    identity: str
    project: str
    kind: ResourceKind
    run: str = ""
    scratch_of: str = ""
    """The rehearsal that it belongs to; empty: it is the project's own."""
    state: ResourceState
    restarts: int = 0


class Resources(Protocol):
    """The registry's part that knows them: a row is written before anything is made, and goes after all of it has gone."""

    async def add_resource(self, project: str, kind: ResourceKind, reference: str, at: datetime) -> Resource:
        """Store it; the stored one is returned when the project has one of this kind."""
        ...

    async def resources(self, project: str | None = None) -> Sequence[Resource]:
        """Return all, or those of one project, by project and kind."""
        ...

    async def remove_resource(self, project: str, kind: ResourceKind) -> None:
        """Forget it; nothing happens when there is none."""
        ...


class ResourceRunner(Protocol):
    """Runs resources. What cannot be had here raises NeedsPerson with the cure; a service that is down raises TryAgain."""

    async def endpoint(self, spec: ResourceSpec) -> Endpoint:
        """Return where it will listen, the same at every call until it is removed; nothing is started."""
        ...

    async def provide(self, spec: ResourceSpec) -> None:
        """Make or adopt it, and return when it answers at its endpoint; one that was stopped is started."""
        ...

    async def status(self, project: str | None = None) -> Sequence[ResourceStatus]:
        """List those of this installation that run here or should, kept and scratch ones, of one project or of all."""
        ...

    async def stop(self, project: str, kind: ResourceKind, scratch_of: str = "") -> None:
        """End it in good order and keep its data, so that `provide` starts it again; nothing happens when there is none."""
        ...

    async def remove(self, project: str, kind: ResourceKind, scratch_of: str = "") -> None:
        """Delete it with all its data; nothing happens when there is none."""
        ...

    async def dump(self, project: str, path: Path) -> int:
        """Write all data of the project's own Postgres to the file, in its own format, as of one moment; return its bytes.

        The file is whole or not there. Postgres has to run.
        """
        ...

    async def restore(self, project: str, path: Path) -> None:
        """Put the data of a dump in the place of what Postgres has. Interrupted, it can be done again."""
        ...

    async def schema(self, project: str, kind: ResourceKind) -> Schema:
        """Return the schema of the project's own one, which has to run; Redis has none."""
        ...


def password_key(kind: ResourceKind) -> str:
    """Return the key under which the vault keeps the password of a project's own one; no release gets it by this name."""
    return f"SLIPWAY_{kind.value.upper()}_PASSWORD"


def resource_identity(project: str, kind: ResourceKind, scratch_of: str = "") -> str:
    """Return its unique name: no app is named so, since those end in a version or an attempt."""
    return f"{scratch_of or project}-{kind.value}"


SCHEMES = {ResourceKind.POSTGRES: "postgresql", ResourceKind.REDIS: "redis"}
_SQL = re.compile(r"(?:postgres(?:ql)?|mysql|mariadb|mssql)(?:\+\w+)?://")
_STORE = re.compile(r"(redis|rediss|valkey|mongodb|mongodb\+srv)://")
FILE = "sqlite:///${DATA_DIR}/app.db"
"""The database of an app that has no server: a file in its data folder."""


def host_and_port(host: str, port: int) -> str:
    """Return both as URLs have them: RFC 3986 wants an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def url_of(kind: ResourceKind, endpoint: Endpoint, password: str) -> str:
    """Return the address with its credentials, as an app gets it.

    `postgresql://`, since SQLAlchemy refuses Heroku's `postgres://`, and every other library reads both.
    """
    return f"{SCHEMES[kind]}://{endpoint.user}:{password}@{endpoint.address}/{endpoint.database}"


def is_own_address(value: str) -> bool:
    """Tell whether a value that Slipway made up is the address of a resource; other made-up values are no addresses."""
    return value.startswith(tuple(f"{scheme}://" for scheme in SCHEMES.values()))


def stand_in(name: str, value: str) -> str | None:
    """Return what a copy of the app gets that must not touch the server at this address; None for what is no such address.

    A file of its own for a database; for a store an address of the same kind where nobody answers.
    """
    if name == "DATABASE_URL" or _SQL.match(value):
        return FILE
    store = _STORE.match(value)
    return f"{store[1]}://127.0.0.1:9/0" if store else None
