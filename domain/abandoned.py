"""Runs that nobody works on any more: their flow run is over, and their row does not say so."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from domain.values import Value

STARTS = 10
"""A flow run that was started so often is not resumed again: it would for ever kill its process."""

PATIENCE = timedelta(minutes=5)
"""The row's end is written just before the flow run's, and what resumes a crashed one is quicker."""


class FlowRunSeen(Value):
    """What Prefect says of a flow run."""

    state: Literal["open", "completed", "failed", "cancelled", "crashed", "unknown"]
    """`open`: scheduled, at work, or waiting for somebody; `unknown`: Prefect has no such flow run."""
    starts: int = 0
    since: datetime


class Fate(StrEnum):
    LEAVE = "leave"
    AGAIN = "again"
    """It crashed, and whoever should have resumed it did not hear of it."""
    END = "end"


def fate_of(seen: FlowRunSeen, now: datetime) -> Fate:
    """Decide on a run whose row is open."""
    if seen.state == "open" or now - seen.since < PATIENCE:
        return Fate.LEAVE
    return Fate.AGAIN if seen.state == "crashed" and seen.starts < STARTS else Fate.END


def epitaph(seen: FlowRunSeen) -> str:
    """Return what the run's person is told of its end."""
    match seen.state:
        case "cancelled":
            return "it was cancelled by the operator: send the request again if it is still wanted"
        case "crashed":
            return f"its process died {seen.starts} times, and the operator was told: send the request again later"
        case "unknown":
            return "the records of its work are gone: send the request again"
        case _:
            return "Slipway itself failed, and the operator was told: send the request again later"
