"""Resources in memory: data as text by identity, with the rules of the real runners."""

from collections.abc import Sequence
from pathlib import Path

from domain.app_data import Schema
from domain.errors import ServiceUnreachable, UnknownObject
from domain.resources import (
    Endpoint,
    ResourceKind,
    ResourceSpec,
    ResourceState,
    ResourceStatus,
    resource_identity,
)


class MemoryResources:
    """Fulfils `domain.resources.ResourceRunner`; `data[identity]` is what a test puts into a resource and looks for.

    A line of it that begins with `schema ` is of its schema.
    """

    def __init__(self) -> None:
        self.live: dict[str, ResourceSpec] = {}
        self.data: dict[str, str] = {}
        self.stopped: set[str] = set()
        self.provided: list[str] = []
        """Identities in the order in which they were made; one that is adopted is not made again."""
        self.reachable = True

    async def endpoint(self, spec: ResourceSpec) -> Endpoint:
        self._check(f"looking for {spec.identity}")
        if spec.kind is ResourceKind.POSTGRES:
            return Endpoint(host=spec.identity, port=5432, user="app", database="app")
        return Endpoint(host=spec.identity, port=6379, user="default", database="0")

    async def provide(self, spec: ResourceSpec) -> None:
        self._check(f"providing {spec.identity}")
        if spec.identity not in self.live:
            self.live[spec.identity] = spec
            self.data[spec.identity] = ""
            self.provided.append(spec.identity)
        self.stopped.discard(spec.identity)

    async def status(self, project: str | None = None) -> Sequence[ResourceStatus]:
        self._check("listing resources")
        return [self._status(name, spec) for name, spec in self.live.items() if project in (None, spec.project)]

    async def keeps(self, project: str, kind: ResourceKind, scratch_of: str = "") -> bool:
        return resource_identity(project, kind, scratch_of) in self.live

    async def stop(self, project: str, kind: ResourceKind, scratch_of: str = "") -> None:
        identity = resource_identity(project, kind, scratch_of)
        self._check(f"stopping {identity}")
        if identity in self.live:
            self.stopped.add(identity)

    async def remove(
        self,
        project: str,
        kind: ResourceKind,
        scratch_of: str = "",
    ) -> None:
        identity = resource_identity(project, kind, scratch_of)
        self._check(f"removing {identity}")
        self.live.pop(identity, None)
        self.data.pop(identity, None)
        self.stopped.discard(identity)

    async def dump(self, project: str, path: Path) -> int:
        return path.write_text(self.data[self._running(project, ResourceKind.POSTGRES)])  # noqa: ASYNC240 - a test's few bytes

    async def restore(self, project: str, path: Path) -> None:
        self.data[self._running(project, ResourceKind.POSTGRES)] = path.read_text()  # noqa: ASYNC240 - a test's few bytes

    async def schema(self, project: str, kind: ResourceKind) -> Schema:
        lines = self.data[self._running(project, kind)].splitlines()
        schema = tuple(line.removeprefix("schema ") for line in lines if line.startswith("schema "))
        return schema if kind is ResourceKind.POSTGRES else ()

    def _running(self, project: str, kind: ResourceKind) -> str:
        identity = resource_identity(project, kind)
        self._check(f"using {identity}")
        if identity not in self.live:
            raise UnknownObject("resource", identity)
        if identity in self.stopped:
            raise ServiceUnreachable(identity, "asking for its data", "it is stopped")
        return identity

    def _status(self, identity: str, spec: ResourceSpec) -> ResourceStatus:
        state = ResourceState.STOPPED if identity in self.stopped else ResourceState.RUNNING
        return ResourceStatus(
            identity=identity,
            project=spec.project,
            kind=spec.kind,
            run=spec.run,
            scratch_of=spec.scratch_of,
            state=state,
        )

    def _check(self, attempted: str) -> None:
        if not self.reachable:
            raise ServiceUnreachable("the fake resources", attempted)
