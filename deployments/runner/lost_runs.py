"""What becomes of a run whose process may be gone, decided by what Prefect and the machine say of it."""

from datetime import datetime
from enum import StrEnum

from prefect.client.schemas.objects import FlowRun, StateType

from deployments.supervision.processes import ProcessId, is_alive, parsed, this_host
from domain.abandoned import STARTS

PENDING_SECONDS = 5.0
"""Longest time that a run which nobody tracks may be pending."""


class Fate(StrEnum):
    """What the reconciler does with a run."""

    LEAVE = "leave"
    RESUME = "resume"
    CANCEL = "cancel"
    GIVE_UP = "give up"


def fate(run: FlowRun, *, worker: str, tracked: bool, now: datetime) -> Fate:
    """Decide on a run that is running, pending or cancelling by its state, and by whose it was."""
    process = parsed(run.infrastructure_pid)
    if run.state is None or _elsewhere(run, process, worker):
        return Fate.LEAVE
    if run.state.type is StateType.CANCELLING:
        return Fate.CANCEL
    age = (now - run.state.timestamp).total_seconds()
    dead = process is not None and not is_alive(process) if run.state.type is StateType.RUNNING else age > PENDING_SECONDS
    if tracked or not dead:
        return Fate.LEAVE
    return Fate.RESUME if run.run_count < STARTS else Fate.GIVE_UP


def _elsewhere(run: FlowRun, process: ProcessId | None, worker: str) -> bool:
    named = run.labels.get("prefect.worker.name")
    if named is not None:
        return bool(named != worker)
    return process is not None and process.host != this_host()
