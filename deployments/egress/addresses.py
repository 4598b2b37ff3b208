"""To which run an address on the workers' network belongs: a token that was stolen opens nothing elsewhere."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from blocks.docker_engine.connection import DockerConnection
from blocks.docker_engine.networks import WorkersNetwork
from blocks.docker_engine.occupants import DockerOccupants, Occupant
from deployments.data_folder import DataFolder
from deployments.settings import Settings

FRESH_SECONDS = 1.0
"""How long what the engine said counts."""

AGAIN_SECONDS = 0.1
"""Between two questions to the engine at the least: no worker keeps it busy with tokens that do not fit."""


class Occupants(Protocol):
    """The engine's word on who is on the network."""

    async def all(self) -> Mapping[str, Occupant]: ...

    def run_of(self, occupant: Occupant) -> str: ...


class Addresses:
    """Remembers for a moment who is where."""

    def __init__(
        self,
        occupants: Occupants,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._occupants = occupants
        self._clock = clock
        self._sleep = sleep
        self._found: Mapping[str, Occupant] = {}
        self._looked = float("-inf")
        self._looking = asyncio.Lock()

    async def run_at(self, address: str, expected: str) -> str:
        """Return the run whose worker is at the address, empty for nobody's; what is not `expected` was looked up afresh.

        Raises what the engine's silence raises.
        """
        asked = self._clock()
        if asked - self._looked > FRESH_SECONDS or self._run(address) != expected:
            await self._look(asked)
        return self._run(address)

    def _run(self, address: str) -> str:
        occupant = self._found.get(address)
        return self._occupants.run_of(occupant) if occupant else ""

    async def _look(self, asked: float) -> None:
        """Ask the engine, unless another question to it that began after `asked` has been answered meanwhile."""
        async with self._looking:
            if self._looked > asked:
                return
            await self._sleep(max(0.0, self._looked + AGAIN_SECONDS - self._clock()))
            began = self._clock()
            self._found = await self._occupants.all()
            self._looked = began


def addresses_on(network: WorkersNetwork, settings: Settings, folder: DataFolder) -> Addresses:
    connection = DockerConnection(settings.docker_host)
    return Addresses(DockerOccupants(connection, folder.installation, folder.engine, network.id))
