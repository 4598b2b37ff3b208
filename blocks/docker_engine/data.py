"""Apps' data on the Docker engine: `data_keeper` in a container of its own, with two volumes of the project and no network."""

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from blocks import data_keeper
from blocks.docker_engine.commands import WORKER_UID
from blocks.docker_engine.connection import DockerConnection
from blocks.docker_engine.containers import hardening
from blocks.docker_engine.volumes import DATA, DockerVolumes, forget
from domain.app_data import NoRoom, Saved, Schema
from domain.errors import DiskFull, EngineUnreachable, UnknownObject
from domain.workers import Limits

SHELF = "/shelf"
SECONDS = 1800
"""How long one copy may take."""
LIMITS = Limits(memory_mb=512, pids=32)


class DockerData:
    """Copies the volumes of one installation's projects. A keeper that a killed process left at work ends with the next one."""

    def __init__(self, connection: DockerConnection, volumes: DockerVolumes, worker_image: str) -> None:
        self._connection = connection
        self._volumes = volumes
        self._image = worker_image

    async def save_data(self, project: str, reference: str, limit_mb: int) -> Saved | NoRoom:
        found = await self._keep(project, "save", reference, str(limit_mb))
        return NoRoom.model_validate(found) if "needed_mb" in found else Saved.model_validate(found)

    async def data_schema(self, project: str) -> Schema:
        return tuple(await self._keep(project, "schema"))

    async def restore_data(self, project: str, reference: str) -> NoRoom | None:
        found = await self._keep(project, "restore", reference)
        if "unknown" in found:
            raise UnknownObject("snapshot", f"{project} {reference}")
        return NoRoom.model_validate(found) if found else None

    async def forget_data(self, project: str, reference: str) -> None:
        await self._keep(project, "forget", reference)

    async def remove(self, project: str) -> None:
        """Delete the project's data with all snapshots of it."""
        for name in (self._volumes.data(project), self._volumes.snapshots(project)):
            await self._volumes.remove(name)

    async def fill(self, project: str, volume: str) -> None:
        """Make the volume a copy of the project's data; raise DiskFull, and copy nothing, when there is no room for it."""
        if await self._keep(project, "fill", shelf=volume):
            raise DiskFull("the Docker engine's volumes")

    async def _keep(self, project: str, action: str, *words: str, shelf: str = "") -> Any:
        """Run the keeper to its end and return what it found; raise EngineUnreachable when it failed."""
        data = await self._volumes.ensure(self._volumes.data(project), project)
        shelf = await self._volumes.ensure(shelf or self._volumes.snapshots(project), project)
        attempted = f"the data of {project}: {action}"
        settings = {
            "image": self._image,
            "name": shelf,
            "entrypoint": ["python3", "-I", "-c", _keeper()],
            "command": [action, DATA, SHELF, *words],
            "user": WORKER_UID,
            "labels": {**self._volumes.marks(project), "slipway.kind": "volume"},
        }
        binds = [f"{data}:{DATA}", f"{shelf}:{SHELF}"]
        code, output, complaint = await self._connection.ask(attempted, lambda api: _run(api, settings, binds))
        if code:
            last = complaint.decode("utf-8", "replace").strip().splitlines() or [f"exit code {code}"]
            raise EngineUnreachable("the Docker engine", attempted, last[-1][:500])
        return json.loads(output)


@lru_cache(maxsize=1)
def _keeper() -> str:
    return Path(data_keeper.__file__).read_text(encoding="utf-8")


def _run(api: Any, settings: dict[str, Any], binds: Sequence[str]) -> tuple[int, bytes, bytes]:
    """Run a container to its end and delete it; return its exit code and both streams. One of its name goes first."""
    forget(api, settings["name"])
    host = {**hardening(LIMITS), "read_only": True, "binds": [*binds], "network_mode": "none"}
    made = api.create_container(host_config=api.create_host_config(**host), **settings)["Id"]
    try:
        api.start(made)
        code = api.wait(made, timeout=SECONDS)["StatusCode"]
        output, complaint = (api.logs(made, stdout=out, stderr=not out) for out in (True, False))
    finally:
        forget(api, made)
    return code, output, complaint
