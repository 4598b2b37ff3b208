"""alarm: tells the operator that the machinery itself is not well."""

from prefect import flow

from flows.opening import open_blocks
from tasks.alarm import raise_alarm

HARMLESS = "already in terminal state"
"""An automation that came too late: the run had ended, and that event reached it after the action."""


@flow(name="alarm", flow_run_name="alarm: {what}")
async def alarm(what: str, detail: str = "") -> str:
    """Put one message for the operator into the outbox and return it; empty when there is nothing to tell."""
    if HARMLESS in detail:
        return ""
    blocks = await open_blocks()
    return await raise_alarm(what, detail, blocks.registry, blocks.wakeups)
