"""The end of a run, whichever flow carried it."""

from contextlib import suppress

from domain.errors import TryAgain
from domain.outcomes import Delivered
from domain.runs import RunState
from flows.opening import Blocks
from tasks.notify import end_run
from tasks.unfinished import end_unfinished


async def write_end(project: str, delivered: Delivered, blocks: Blocks) -> Delivered:
    """Write and tell the run's end, once; a copy that will never serve is gone."""
    await end_run(
        delivered.run,
        RunState(delivered.state),
        delivered.message,
        delivered.address,
        blocks.registry,
        blocks.wakeups,
        delivered.cause,
    )
    if delivered.state == "failed":
        with suppress(TryAgain):  # what an engine that is away keeps, the janitor removes
            await end_unfinished(blocks.registry, blocks.engine, blocks.wakeups, project)
    return delivered
