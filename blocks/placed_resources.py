"""Which of two runners has a project's resource: the engine's own, or the operator's server of databases."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from blocks.server_databases import ServerDatabases
from domain.app_data import Schema
from domain.resources import Endpoint, ResourceKind, ResourceRunner, ResourceSpec, ResourceStatus, resource_identity


class OwnResources(ResourceRunner, Protocol):
    """The engine's own runner."""

    async def keeps(self, project: str, kind: ResourceKind, scratch_of: str = "") -> bool:
        """Tell whether it is there, or data of it that it would come up with again."""
        ...


class PlacedResources:
    """Fulfil `domain.resources.ResourceRunner`: what is there stays where it is, and only what is new goes by the setting.

    A scratch one goes where the project's own is, so that a rehearsal meets the same server.
    """

    def __init__(self, own: OwnResources, server: ServerDatabases) -> None:
        self._own = own
        self._server = server

    async def endpoint(self, spec: ResourceSpec) -> Endpoint:
        return await (await self._of(spec.project, spec.kind, spec.scratch_of)).endpoint(spec)

    async def provide(self, spec: ResourceSpec) -> None:
        await (await self._of(spec.project, spec.kind, spec.scratch_of)).provide(spec)

    async def status(self, project: str | None = None) -> Sequence[ResourceStatus]:
        return [*await self._own.status(project), *await self._server.status(project)]

    async def stop(self, project: str, kind: ResourceKind, scratch_of: str = "") -> None:
        await (await self._of(project, kind, scratch_of)).stop(project, kind, scratch_of)

    async def remove(self, project: str, kind: ResourceKind, scratch_of: str = "") -> None:
        await (await self._of(project, kind, scratch_of)).remove(project, kind, scratch_of)

    async def dump(self, project: str, path: Path) -> int:
        return await (await self._of(project, ResourceKind.POSTGRES)).dump(project, path)

    async def restore(self, project: str, path: Path) -> None:
        await (await self._of(project, ResourceKind.POSTGRES)).restore(project, path)

    async def schema(self, project: str, kind: ResourceKind) -> Schema:
        return await (await self._of(project, kind)).schema(project, kind)

    async def _of(self, project: str, kind: ResourceKind, scratch_of: str = "") -> ResourceRunner:
        if kind is not ResourceKind.POSTGRES:
            return self._own
        for owner in dict.fromkeys((scratch_of, "")):
            if self._server.knows(resource_identity(project, kind, owner)):
                return self._server
            if self._server.is_wanted and await self._own.keeps(project, kind, owner):
                return self._own
        return self._server if self._server.is_wanted else self._own
