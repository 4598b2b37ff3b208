"""The workers' network in memory: who has which address, and how often the engine was asked."""

import asyncio
from collections.abc import Mapping

from blocks.docker_engine.occupants import Occupant
from domain.errors import EngineUnreachable


class Street:
    """Runs by address; a spare has a container and no run until somebody claims it."""

    def __init__(self) -> None:
        self.runs: dict[str, str] = {}
        self.spares: dict[str, str] = {}
        """Containers by address."""
        self.claims: dict[str, str] = {}
        """Runs by container."""
        self.looks = 0
        self.reachable = True

    async def all(self) -> Mapping[str, Occupant]:
        self.looks += 1
        await asyncio.sleep(0)  # others come to ask meanwhile
        if not self.reachable:
            raise EngineUnreachable("the Docker engine", "asking who is on the workers' network", "it is gone")
        spares = {address: Occupant(container, is_spare=True) for address, container in self.spares.items()}
        return {address: Occupant(f"c-{address}", run) for address, run in self.runs.items()} | spares

    def run_of(self, occupant: Occupant) -> str:
        return self.claims.get(occupant.container, "") if occupant.is_spare else occupant.run
