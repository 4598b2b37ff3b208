"""Everything that the Docker engine holds for one installation: by its label, and by its name where it has none.

Docker makes a volume without labels when a container names one that was removed meanwhile; its name still says whose it is.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from docker.errors import APIError, NotFound

from blocks.docker_engine.connection import DockerConnection
from blocks.docker_engine.containers import moment
from domain.inventory import Held

IN_USE = (403, 409)
"""The engine's statuses for what somebody still needs: a network with endpoints, a volume or image of a container."""
LABEL = "slipway.installation"
Marks = Mapping[str, str]


class DockerInventory:
    """Lists, and removes one by one."""

    def __init__(self, connection: DockerConnection, installation: str) -> None:
        self._connection = connection
        self._installation = installation
        self._prefix = f"slipway-{installation}-"

    async def held(self) -> Sequence[Held]:
        return await self._connection.ask("listing what is held", lambda api: list(self._all(api)))

    async def discard(self, held: Held) -> bool:
        """Remove it if its labels still say that it is ours, or say nothing."""
        return await self._connection.ask(f"removing {held.name}", lambda api: self._discarded(api, held))

    def _all(self, api: Any) -> Iterator[Held]:
        ours = {"label": f"{LABEL}={self._installation}"}
        for found in api.containers(all=True, filters=ours):
            yield self._container(found)
        for found in api.images(filters=ours):
            yield self._held("image", found["Id"], found["Labels"] or {}, _second(found["Created"]))
        for kind, listed in (("network", api.networks()), ("volume", api.volumes()["Volumes"] or ())):
            for found in listed:
                marks = found["Labels"] or {}
                if marks.get(LABEL) == self._installation or (LABEL not in marks and found["Name"].startswith(self._prefix)):
                    yield self._held(kind, found["Name"], marks, moment(found.get("Created") or found.get("CreatedAt") or ""))

    def _container(self, found: Mapping[str, Any]) -> Held:
        marks = found["Labels"]
        kind = {"app": marks.get("slipway.role", ""), "volume": "volume-maker"}.get(
            marks.get("slipway.kind", ""), marks.get("slipway.kind", "")
        )
        held = self._held(kind, found["Names"][0].removeprefix("/"), marks, _second(found["Created"]))
        return held.model_copy(update={"identity": marks.get("slipway.identity", ""), "run": marks.get("slipway.run", "")})

    def _held(self, kind: str, name: str, marks: Marks, made: datetime | None) -> Held:
        project = marks.get("slipway.project", "") or self._named(name, marks)
        return Held(kind=kind, name=name, installation=marks.get(LABEL), projects=(project,) if project else (), made=made)

    def _named(self, name: str, marks: Marks) -> str:
        """Return the project that the name of an unlabelled volume tells; what has our labels and no project is for all."""
        found = re.fullmatch(rf"{re.escape(self._prefix)}([a-z0-9-]+)-(?:data|snapshots|postgres|redis)", name)
        return found[1] if found and LABEL not in marks else ""

    def _discarded(self, api: Any, held: Held) -> bool:
        look, remove = _ways(api, held.kind)
        try:
            marks = look(held.name) or {}
            if marks.get(LABEL) not in (held.installation, None):
                return False
            remove(held.name)
        except NotFound:
            return False
        except APIError as error:
            if error.status_code not in IN_USE:
                raise
            return False
        return True


def _ways(api: Any, kind: str) -> tuple[Callable[[str], Marks | None], Callable[[str], None]]:
    """Return how the labels of such a thing are read, and how it is removed."""
    match kind:
        case "network":
            return (lambda name: api.inspect_network(name)["Labels"]), api.remove_network
        case "volume":
            return (lambda name: api.inspect_volume(name)["Labels"]), api.remove_volume
        case "image":
            return (lambda name: api.inspect_image(name)["Config"].get("Labels")), api.remove_image
        case _:
            return (
                lambda name: api.inspect_container(name)["Config"].get("Labels"),
                lambda name: api.remove_container(name, force=True, v=True),
            )


def _second(stamp: int) -> datetime:
    return datetime.fromtimestamp(stamp, UTC)
