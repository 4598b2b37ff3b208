"""The Postgres of projects as databases of the operator's own server.

`server-databases/<identity>.json` says what lies there, with the password: owner only. It is written before anything is made,
and goes after all of it has gone. A kept database without a file is never dropped: the server is not ours alone.
"""

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from blocks.postgres_programs import postgres_programs, run_resource_script
from blocks.postgres_schema import postgres_schema
from blocks.postgres_server import PostgresServer
from blocks.process_engine.folders import locked
from blocks.process_engine.shim import write_json
from blocks.resource_clients import await_answer, settle_file
from domain.app_data import Schema
from domain.database_servers import SETTING, DatabaseState, ServerAddress, database_name, loopback_refusal
from domain.errors import NeedsPerson, ServiceUnreachable, SlipwayError, UnknownObject
from domain.resources import Endpoint, ResourceKind, ResourceSpec, ResourceState, ResourceStatus, resource_identity, url_of

KIND = ResourceKind.POSTGRES
ROOM = "server-databases"


class ServerDatabases:
    """Fulfil `domain.resources.ResourceRunner` for Postgres, on a server that others use too."""

    def __init__(self, root: Path, url: SecretStr | None, installation: str, *, isolates: bool) -> None:
        self._root = root
        self._server = PostgresServer(url, installation) if url is not None else None
        self._isolates = isolates

    @property
    def is_wanted(self) -> bool:
        """Tell whether new projects get theirs there."""
        return self._server is not None

    def knows(self, identity: str) -> bool:
        return self._file(identity).exists()

    async def endpoint(self, spec: ResourceSpec) -> Endpoint:
        """Return the server's address, the same for apps and for us; raise NeedsPerson where apps cannot reach it."""
        server = self._server_of(self._saved(spec.identity) if self.knows(spec.identity) else None)
        if self._isolates and await server.is_on_loopback():
            raise NeedsPerson(loopback_refusal(server.address))
        async with locked(self._root / f"{ROOM}.lock"):
            return _endpoint(self._record(spec, server.address))

    async def provide(self, spec: ResourceSpec) -> None:
        """Have the database with its role let in, and return when it answers to its password."""
        endpoint = await self.endpoint(spec)
        server = self._server_of(self._saved(spec.identity))
        if not spec.scratch_of:  # what could not be dumped later is not begun
            postgres_programs((await server.look()).version)
        async with locked(self._root / f"{ROOM}.lock"):
            await server.make(endpoint.database, spec.identity, spec.password.get_secret_value())

        async def address() -> str:
            return url_of(KIND, endpoint, spec.password.get_secret_value())

        async def log() -> str:
            return "see the server's own"

        await await_answer(KIND, f"postgres of {spec.project} at {server.address}", address, log)

    async def status(self, project: str | None = None) -> Sequence[ResourceStatus]:
        """Ask the server once for all; what it does not answer for counts as stopped."""
        kept = {path.stem: saved for path in self._files() if (saved := self._read(path))}
        mine = {identity: saved for identity, saved in kept.items() if project in (None, saved["project"])}
        states = await self._states([saved["database"] for saved in mine.values()])
        return [_status(identity, saved, states.get(saved["database"])) for identity, saved in mine.items()]

    async def stop(self, project: str, kind: ResourceKind, scratch_of: str = "") -> None:
        identity = resource_identity(project, kind, scratch_of)
        if self.knows(identity):
            saved = self._saved(identity)
            async with locked(self._root / f"{ROOM}.lock"):
                await self._server_of(saved).close(saved["database"], identity)

    async def remove(self, project: str, kind: ResourceKind, scratch_of: str = "") -> None:
        identity = resource_identity(project, kind, scratch_of)
        if self.knows(identity):
            saved = self._saved(identity)
            async with locked(self._root / f"{ROOM}.lock"):
                await self._server_of(saved).drop(saved["database"], identity)
                self._file(identity).unlink(missing_ok=True)

    async def dump(self, project: str, path: Path) -> int:
        saved = await self._running(project)
        partial = path.with_name(f"{path.name}.partial")
        await self._run("dump", saved, path, writes=partial)
        return await asyncio.to_thread(settle_file, partial, path)

    async def restore(self, project: str, path: Path) -> None:
        await self._run("restore", await self._running(project), path, reads=path)

    async def schema(self, project: str, kind: ResourceKind) -> Schema:
        saved = await self._running(project)
        return await postgres_schema(url_of(KIND, _endpoint(saved), saved["password"]), resource_identity(project, kind))

    async def _run(self, what: str, saved: dict[str, Any], path: Path, **streams: Path) -> None:
        version = (await self._server_of(saved).look()).version
        await run_resource_script(
            what, f"{what} of {saved['project']}'s postgres ({path.name})", _libpq(saved, version), **streams
        )

    async def _running(self, project: str) -> dict[str, Any]:
        """Return what is kept of the project's own; raise UnknownObject for none, ServiceUnreachable for a stopped one."""
        identity = resource_identity(project, KIND)
        saved = self._saved(identity)
        state = (await self._server_of(saved).states([saved["database"]])).get(saved["database"], DatabaseState()).state
        if state is not ResourceState.RUNNING:
            raise ServiceUnreachable(identity, "asking for its data", "it does not run")
        return saved

    async def _states(self, names: Sequence[str]) -> dict[str, DatabaseState]:
        if not names or self._server is None:
            return {}
        try:
            return dict(await self._server.states(names))
        except SlipwayError:  # who wants to use one is told why
            return {}

    def _server_of(self, saved: dict[str, Any] | None) -> PostgresServer:
        """Return the server; raise NeedsPerson, with the cure, when the setting does not lead to where the database lies."""
        where = ServerAddress(host=saved["host"], port=saved["port"]) if saved else None
        if self._server is None or (where and where != self._server.address):
            whose = f"the Postgres of {saved['project']} is a database of {where}" if saved else "a server is asked for"
            raise NeedsPerson(f"{whose}: set {SETTING} to that server, run `slipway up` again, then try again")
        return self._server

    def _record(self, spec: ResourceSpec, address: ServerAddress) -> dict[str, Any]:
        """Return what is kept of it, after keeping it with the password that is wanted. The caller holds the lock."""
        place = self._file(spec.identity)
        saved = spec.model_dump(mode="json") | {
            "password": spec.password.get_secret_value(),
            "database": database_name(spec.identity),
            "host": address.host,
            "port": address.port,
        }
        if not place.exists() or self._saved(spec.identity) != saved:
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_json(str(place), saved)
        return saved

    def _file(self, identity: str) -> Path:
        return self._root / ROOM / f"{identity}.json"

    def _files(self) -> Sequence[Path]:
        return sorted((self._root / ROOM).glob("*.json"))

    def _saved(self, identity: str) -> dict[str, Any]:
        saved = self._read(self._file(identity))
        if saved is None:
            raise UnknownObject("resource", identity)
        return saved

    def _read(self, path: Path) -> dict[str, Any] | None:
        with suppress(FileNotFoundError):  # removed meanwhile
            saved: dict[str, Any] = json.loads(path.read_bytes())
            return saved
        return None


def _endpoint(saved: dict[str, Any]) -> Endpoint:
    return Endpoint(host=saved["host"], port=saved["port"], user=saved["database"], database=saved["database"])


def _libpq(saved: dict[str, Any], version: int) -> dict[str, str]:
    return {
        "PROGRAMS": str(postgres_programs(version)),
        "PGHOST": saved["host"],
        "PGPORT": str(saved["port"]),
        "PGUSER": saved["database"],
        "PGDATABASE": saved["database"],
        "PGPASSWORD": saved["password"],
    }


def _status(identity: str, saved: dict[str, Any], state: DatabaseState | None) -> ResourceStatus:
    return ResourceStatus(
        identity=identity,
        project=saved["project"],
        kind=KIND,
        run=saved["run"],
        scratch_of=saved["scratch_of"],
        state=(state or DatabaseState()).state,
    )
