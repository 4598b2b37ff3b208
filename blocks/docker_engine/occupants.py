"""Whose worker has which address on the workers' network, by the engine's word: nothing inside a container can change that."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker.errors import NotFound

from blocks.docker_engine.connection import DockerConnection
from blocks.spare_claims import SpareClaims
from domain.egress import run_in


@dataclass(frozen=True)
class Occupant:
    """A container on the network."""

    container: str
    run: str = ""
    """Empty for a spare, whose run is told by its claim, and for a stranger."""
    is_spare: bool = False


class DockerOccupants:
    """Looks at the containers of one network. Labels and environment are a container's from birth, so each is read once."""

    def __init__(self, connection: DockerConnection, installation: str, data_folder: Path, network: str) -> None:
        self._connection = connection
        self._installation = installation
        self._claims = SpareClaims(data_folder)
        self._network = network
        self._known: dict[str, Occupant] = {}

    async def all(self) -> Mapping[str, Occupant]:
        """Return who is on the network now, by IPv4 address."""
        return await self._connection.ask("asking who is on the workers' network", self._all)

    def run_of(self, occupant: Occupant) -> str:
        """Return the run for which it works now; empty for nobody's."""
        if not occupant.is_spare:
            return occupant.run
        claim = self._claims.of(occupant.container)
        return claim.run if claim else ""

    def _all(self, api: Any) -> Mapping[str, Occupant]:
        attached = api.inspect_network(self._network)["Containers"] or {}
        known = {container: self._known.get(container) or self._looked_at(api, container) for container in attached}
        self._known = {container: occupant for container, occupant in known.items() if occupant is not None}
        return {attached[name]["IPv4Address"].partition("/")[0]: occupant for name, occupant in self._known.items()}

    def _looked_at(self, api: Any, container: str) -> Occupant | None:
        try:
            config = api.inspect_container(container)["Config"]
        except NotFound:
            return None
        marks = config.get("Labels") or {}
        kind = marks.get("slipway.kind") if marks.get("slipway.installation") == self._installation else None
        match kind:
            case "worker":
                return Occupant(container, marks["slipway.run"])
            case "spare":
                return Occupant(container, is_spare=True)
        return Occupant(container, run_in(config.get("Env") or ()))  # a step of an image's build has no labels
