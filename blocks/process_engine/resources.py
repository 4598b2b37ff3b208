"""Resources as plain processes: the redis-server that Slipway ships, and Postgres where this machine has Debian's package.

`resources/<identity>` holds `spec.json` (with the password: owner only), the data, and what the supervisor keeps. They
listen on loopback only, each on a port that stays its own: addresses lie in the environments of releases.
"""

import asyncio
import json
import os
import pwd
import shutil
import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from blocks.docker_engine.resource_image import SCRIPT
from blocks.postgres_programs import run_resource_script
from blocks.postgres_schema import postgres_schema
from blocks.process_engine.commands import bounds
from blocks.process_engine.folders import SYSTEM_PATH, delete, locked, place
from blocks.process_engine.ports import RESOURCES, free_port, is_free
from blocks.process_engine.shim import write_json
from blocks.process_engine.supervised import LOG_BYTES, MARK, Supervised, restarts, runs
from blocks.resource_clients import await_answer, endpoint_at, settle_file
from domain.app_data import Schema
from domain.errors import NeedsPerson, ServiceUnreachable, UnknownObject
from domain.resources import (
    Endpoint,
    ResourceKind,
    ResourceSpec,
    ResourceState,
    ResourceStatus,
    resource_identity,
    url_of,
)
from domain.workers import Limits

HOST = "127.0.0.1"
SERVERS = Path("/usr/lib/postgresql")
STEP_DOWN = "postgres"
"""The user that Debian's package makes."""
LIMITS = Limits(memory_mb=512, disk_mb=4096)
REDIS_MB = 160
STOP_SIGNALS = {ResourceKind.POSTGRES: signal.SIGINT, ResourceKind.REDIS: signal.SIGTERM}
"""Postgres: end the clients' sessions, write everything down, and go; by SIGTERM it would wait for the clients."""
LOG_LINES = 20
STOP_SECONDS = 20.0


class ProcessResources:
    """Fulfil `domain.resources.ResourceRunner` with processes of this user."""

    def __init__(self, root: Path, redis_server: str) -> None:
        self._root = root
        self._redis_server = redis_server

    async def endpoint(self, spec: ResourceSpec) -> Endpoint:
        """Return its port, which is chosen at the first call; raise NeedsPerson where its program is missing."""
        self._require(spec.kind)
        async with locked(self._root / "resources.lock"):
            return endpoint_at(spec.kind, HOST, await asyncio.to_thread(self._port, spec))

    async def provide(self, spec: ResourceSpec) -> None:
        """Make or adopt it, and return when it answers. One that runs with another password is started anew."""
        self._require(spec.kind)
        async with locked(self._root / "resources.lock"):
            port = await asyncio.to_thread(self._port, spec)
            home = self._supervised(spec.identity)
            if self._saved(spec.identity)["password"] != spec.password.get_secret_value():
                await home.kill()
                self._save(spec, port)
            if not (runs(home.state) or restarts(home.state)):
                await self._launch(spec, port, home)
        url = url_of(spec.kind, endpoint_at(spec.kind, HOST, port), spec.password.get_secret_value())

        async def address() -> str:
            return url

        async def log() -> str:
            return home.log(LOG_LINES)

        await await_answer(spec.kind, f"{spec.kind.value} of {spec.project}", address, log)

    async def status(self, project: str | None = None) -> Sequence[ResourceStatus]:
        return [status for status in self.found() if project in (None, status.project)]

    async def keeps(self, project: str, kind: ResourceKind, scratch_of: str = "") -> bool:
        """Tell whether it has its folder."""
        return resource_identity(project, kind, scratch_of) in self._all_saved()

    def found(self) -> Sequence[ResourceStatus]:
        """Return how each is."""
        return [self._status(name, saved) for name, saved in self._all_saved().items()]

    async def stop(self, project: str, kind: ResourceKind, scratch_of: str = "") -> None:
        await self._supervised(resource_identity(project, kind, scratch_of)).stop(STOP_SECONDS)

    async def remove(self, project: str, kind: ResourceKind, scratch_of: str = "") -> None:
        identity = resource_identity(project, kind, scratch_of)
        await self._supervised(identity).kill()
        await asyncio.to_thread(delete, self._place(identity), self._root)

    async def dump(self, project: str, path: Path) -> int:
        saved = self._running(resource_identity(project, ResourceKind.POSTGRES))
        partial = path.with_name(f"{path.name}.partial")
        await self._run("dump", saved, path, writes=partial)
        return await asyncio.to_thread(settle_file, partial, path)

    async def restore(self, project: str, path: Path) -> None:
        saved = self._running(resource_identity(project, ResourceKind.POSTGRES))
        await self._run("restore", saved, path, reads=path)

    async def schema(self, project: str, kind: ResourceKind) -> Schema:
        identity = resource_identity(project, kind)
        saved = self._running(identity)
        return await postgres_schema(_url(kind, saved), identity) if kind is ResourceKind.POSTGRES else ()

    def _require(self, kind: ResourceKind) -> None:
        if kind is ResourceKind.POSTGRES and not any(SERVERS.glob("*/bin/initdb")):
            raise NeedsPerson(
                "the app asks for Postgres, and this machine has none: run `apt-get install postgresql` as root, then try again"
            )

    def _place(self, identity: str) -> Path:
        return place(self._root, "resources", identity)

    def _supervised(self, identity: str) -> Supervised:
        return Supervised(self._place(identity))

    def _saved(self, identity: str) -> dict[str, Any]:
        """Return what is kept of it; raise UnknownObject when there is none."""
        try:
            saved: dict[str, Any] = json.loads((self._place(identity) / "spec.json").read_bytes())
        except FileNotFoundError:
            raise UnknownObject("resource", identity) from None
        return saved

    def _save(self, spec: ResourceSpec, port: int) -> None:
        home = self._place(spec.identity)
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        fields = spec.model_dump(mode="json") | {"password": spec.password.get_secret_value(), "port": port}
        write_json(str(home / "spec.json"), fields)

    def _port(self, spec: ResourceSpec) -> int:
        """Return the port that is kept for it, after choosing one. The caller holds the lock."""
        ports = {name: int(saved["port"]) for name, saved in self._all_saved().items()}
        if spec.identity not in ports:
            ports[spec.identity] = free_port(RESOURCES, ports.values())
            self._save(spec, ports[spec.identity])
        return ports[spec.identity]

    def _all_saved(self) -> dict[str, dict[str, Any]]:
        """Return what is kept of each, by identity; one that is removed meanwhile is left out."""
        kept = {}
        for path in sorted((self._root / "resources").glob("*")):
            with suppress(UnknownObject):
                kept[path.name] = self._saved(path.name)
        return kept

    async def _launch(self, spec: ResourceSpec, port: int, home: Supervised) -> None:
        await home.kill()  # what a killed supervisor left behind holds port and data
        if not is_free(port):
            raise ServiceUnreachable(
                f"port {port} of this machine", f"starting {spec.identity}", "another program listens on it"
            )
        for name in ("data", "tmp"):
            (home.home / name).mkdir(mode=0o700, exist_ok=True)
        await home.launch(self._plan(spec, port, home.home))

    def _plan(self, spec: ResourceSpec, port: int, home: Path) -> dict[str, Any]:
        """Return launch.json: what the supervisor runs and how often it tries."""
        environment = {
            "PATH": SYSTEM_PATH,
            "LANG": "C.UTF-8",
            "TMPDIR": str(home / "tmp"),
            "KIND": spec.kind.value,
            "DATA": str(home / "data"),
            "BIND": HOST,
            "PORT": str(port),
            "PASSWORD": spec.password.get_secret_value(),
            "SCRATCH": "yes" if spec.scratch_of else "no",
            "MEMORY_MB": str(REDIS_MB),
            "REDIS": self._redis_server,
            "AS": _step_down() if spec.kind is ResourceKind.POSTGRES else "",
            MARK: str(home),
        }
        argv = [*bounds(LIMITS), "/bin/sh", str(SCRIPT), "start"]
        return {
            "argv": argv,
            "environment": environment,
            "cwd": str(home),
            "log_bytes": LOG_BYTES,
            "tries": 5,
            "pause": 0.1,
            "stop_signal": STOP_SIGNALS[spec.kind],
        }

    def _status(self, identity: str, saved: dict[str, Any]) -> ResourceStatus:
        state = self._supervised(identity).state
        known = ResourceState.RUNNING if runs(state) else ResourceState.STOPPED
        return ResourceStatus(
            identity=identity,
            project=saved["project"],
            kind=ResourceKind(saved["kind"]),
            run=saved["run"],
            scratch_of=saved["scratch_of"],
            state=ResourceState.RESTARTING if restarts(state) else known,
            restarts=state.get("restarts", 0),
        )

    def _running(self, identity: str) -> dict[str, Any]:
        saved = self._saved(identity)
        if not runs(self._supervised(identity).state):
            raise ServiceUnreachable(identity, "asking for its data", "it does not run")
        return saved

    async def _run(self, what: str, saved: dict[str, Any], path: Path, **streams: Path) -> None:
        environment = {
            "DATA": str(self._place(resource_identity(saved["project"], ResourceKind(saved["kind"]))) / "data"),
            "PGHOST": HOST,
            "PGPORT": str(saved["port"]),
            "PGUSER": "app",
            "PGDATABASE": "app",
            "PGPASSWORD": saved["password"],
        }
        await run_resource_script(what, f"{what} of {saved['project']}'s postgres ({path.name})", environment, **streams)


def _url(kind: ResourceKind, saved: dict[str, Any]) -> str:
    return url_of(kind, endpoint_at(kind, HOST, saved["port"]), saved["password"])


def _step_down() -> str:
    """Return the front of a command line by which root is another user to the program: Postgres refuses root.

    In a user namespace of its own, whose one user is we: files need no other owner, and no folder has to be opened up.
    """
    if os.geteuid() != 0:
        return ""
    unshare = shutil.which("unshare", path=f"{os.defpath}:/usr/sbin")
    try:
        user = pwd.getpwnam(STEP_DOWN)
    except KeyError:
        user = None
    if unshare is None or user is None:
        raise NeedsPerson("Postgres does not run as root: run Slipway as an ordinary user, or with a Docker engine")
    return f"{unshare} --user --map-user={user.pw_uid} --map-group={user.pw_gid} --"
