"""What can be said of a run beforehand: how long it will take, by those before it, and its place among those that wait."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from statistics import median

from domain.runs import Run, RunState
from domain.values import Value

LEARNED_FROM = 20
"""Newest runs of the same sort that an estimate is made of."""


class Outlook(Value):
    """What is expected of a run."""

    usual: timedelta | None = None
    """How long such runs took; None: none was delivered yet."""
    place: int = 0
    """Its place among those that wait for their turn, from 1; 0: it does not wait."""


def outlook(run: Run, runs: Sequence[Run], kinds: Mapping[str, str]) -> Outlook:
    """Return it by all `runs`, newest first; `kinds` are those of the projects by name."""
    return Outlook(usual=usual_duration(run, runs, kinds), place=place_in_queue(run, runs))


def usual_duration(run: Run, runs: Sequence[Run], kinds: Mapping[str, str]) -> timedelta | None:
    """Return the median of delivered runs of the same sort: of the same kind of project, and like it new or a change."""
    kind = kinds.get(run.project)
    alike = [
        (each.ended - each.created).total_seconds()
        for each in runs
        if each.ended is not None
        and each.state is RunState.DELIVERED
        and each.id != run.id
        and each.change == run.change
        and kinds.get(each.project) == kind
    ]
    return timedelta(seconds=median(alike[:LEARNED_FROM])) if alike else None


def place_in_queue(run: Run, runs: Sequence[Run]) -> int:
    """Return its place among those that wait for their turn, by when they were asked for."""
    if run.state is not RunState.QUEUED:
        return 0
    return 1 + sum(each.state is RunState.QUEUED and (each.created, each.id) < (run.created, run.id) for each in runs)
