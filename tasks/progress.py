"""Tell people and processes how a run goes on.

True afterwards: the registry holds one more line, and whoever waits on the run's channel was hinted.
Blocks: registry, wakeups. A lost hint is harmless, so an unreachable Redis does not stop a run.
"""

from datetime import UTC, datetime
from typing import Literal

from prefect.exceptions import MissingContextError
from prefect.logging import get_run_logger

from domain.errors import RunCancelled, ServiceUnreachable
from domain.protocols import Wakeups
from domain.registry import Registry
from domain.runs import RunState, run_channel
from domain.trimming import plain
from tasks.redaction import redacted

Kind = Literal["step", "round", "report", "cost", "note", "log", "waiting", "end"]
Facts = dict[str, str | int | float | bool]


class Journal:
    """One run's line to people: registry first, hint second."""

    def __init__(self, run: str, registry: Registry, wakeups: Wakeups) -> None:
        self.run = run
        self._registry = registry
        self._wakeups = wakeups

    async def write(self, kind: Kind, text: str, step: str = "", data: Facts | None = None) -> None:
        """Append one line of progress and hint it; terminal escapes of a worker's output go no further."""
        line = redacted(plain(text))
        added = await self._registry.add_progress(self.run, kind, line, datetime.now(UTC), step, data)
        await hint(self._wakeups, run_channel(self.run), str(added.sequence))
        try:
            get_run_logger().info("%s: %s", self.run, line)
        except MissingContextError:
            return

    async def step(self, step: str, text: str) -> None:
        """Enter a step of the delivery; raise RunCancelled when its person has stopped it."""
        await self._registry.update_run(self.run, state=RunState.RUNNING, step=step)
        await self.stand()
        await self.write("step", text, step)

    async def stand(self) -> None:
        """Raise RunCancelled when the run's person has stopped it."""
        run = await self._registry.run(self.run)
        if run is not None and run.state is RunState.CANCELLED:
            raise RunCancelled(self.run)

    async def round(self, number: int, of: int) -> None:
        await self._registry.update_run(self.run, round=number)
        await self.write("round", f"round {number} of {of}", "develop", {"round": number, "of": of})


async def hint(wakeups: Wakeups, channel: str, text: str) -> None:
    """Publish, and do without when Redis is away: everybody who waits also looks at the registry."""
    try:
        await wakeups.publish(channel, text)
    except ServiceUnreachable:
        return
