"""Leftovers: what is held for this installation and belongs to nobody any more.

To add a kind: list it in an inventory (`Held.kind`), and say here in one line of RULES when its owner is gone. A kind that no
rule names is never removed, nor is anything that says it is another installation's.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from domain.inventory import Held
from domain.previews import Preview
from domain.releases import Release, ReleaseState
from domain.runs import Project, Run
from domain.values import Value

YOUNG = timedelta(hours=1)
"""What is younger is left alone: somebody may be about to say whose it is."""
RECEIPT_AGE = timedelta(days=30)
"""How long is kept what a run's workers reached, and what a flow run's process printed."""
ATTACHMENT_AGE = timedelta(days=7)
"""How long a person's file is kept for a request that is not started yet; a run keeps its own as long as it is open."""


class Owners(Value):
    """Who may own something: what the registry knows, read after the inventory was made."""

    installation: str
    projects: frozenset[str]
    open_runs: frozenset[str]
    copies: frozenset[str]
    """Identities of all releases that have not been removed, and of all previews that are open."""
    candidates: frozenset[str]
    """What those releases are started from."""


class Leftover(Value):
    """What may be removed, and why."""

    held: Held
    why: str


Rule = Callable[[Held, Owners, timedelta], str | None]


def _without_project(held: Held, owners: Owners, _: timedelta) -> str | None:
    gone = held.projects and owners.projects.isdisjoint(held.projects)
    return f"there is no project {', '.join(held.projects)}" if gone else None


def _without_release(held: Held, owners: Owners, age: timedelta) -> str | None:
    is_of_none = re.search(r"-v\d+$", held.identity) is not None and held.identity not in owners.copies
    return _without_project(held, owners, age) or ("it is no release's copy" if is_of_none else None)


def _without_preview(held: Held, owners: Owners, age: timedelta) -> str | None:
    is_of_none = re.search(r"-p\d+$", held.identity) is not None and held.identity not in owners.copies
    return _without_project(held, owners, age) or ("it is no open preview's copy" if is_of_none else None)


def _unused_image(held: Held, owners: Owners, age: timedelta) -> str | None:
    return None if held.name in owners.candidates else _without_project(held, owners, age)


def _interrupted(_: Held, __: Owners, ___: timedelta) -> str | None:
    return "whoever made it was interrupted"


def _old_record(held: Held, owners: Owners, age: timedelta) -> str | None:
    return f"nothing was added for {age.days} days" if age > RECEIPT_AGE and held.run not in owners.open_runs else None


def _old_attachment(_: Held, __: Owners, age: timedelta) -> str | None:
    return f"no request with it was started for {ATTACHMENT_AGE.days} days" if age > ATTACHMENT_AGE else None


def _of_ended_run(held: Held, owners: Owners, _: timedelta) -> str | None:
    return None if held.run in owners.open_runs else "its run has ended"


RULES: Mapping[str, Rule] = {
    "release": _without_release,
    "resource": _without_project,
    "preview": _without_preview,
    "data-of-copy": _interrupted,
    "volume-maker": _interrupted,
    "network": _without_project,
    "volume": _without_project,
    "image": _unused_image,
    "receipt": _old_record,
    "run-log": _old_record,
    "attachment": _old_attachment,
    "attachment-of-run": _of_ended_run,
}
"""Says of each kind why a thing has no owner; None when it has one.

Workers and rehearsals are not here: they go with their runs (tasks/janitor.py).
"""


def leftovers(inventory: Iterable[Held], owners: Owners, now: datetime) -> tuple[Leftover, ...]:
    """Return what nobody owns, in an order in which it can be removed: copies before the networks and volumes they use."""
    order = list(RULES)
    found = [Leftover(held=held, why=why) for held in inventory if (why := _why(held, owners, now)) is not None]
    return tuple(sorted(found, key=lambda left: (order.index(left.held.kind), left.held.name)))


def _why(held: Held, owners: Owners, now: datetime) -> str | None:
    if not owners.installation:
        return None  # nobody said which installation this is
    rule = RULES.get(held.kind)
    if rule is None or held.installation not in (None, owners.installation):
        return None
    age = now - held.made if held.made is not None else YOUNG
    return rule(held, owners, age) if age >= YOUNG else None


def owners_of(
    installation: str,
    projects: Iterable[Project],
    runs: Iterable[Run],
    releases: Sequence[Release],
    previews: Sequence[Preview],
) -> Owners:
    """Return who may own something."""
    kept = [release for release in releases if release.state is not ReleaseState.REMOVED]
    return Owners(
        installation=installation,
        projects=frozenset(project.slug for project in projects),
        open_runs=frozenset(run.id for run in runs if not run.state.ended),
        copies=frozenset(
            (*(release.identity for release in kept), *(preview.identity for preview in previews if preview.state.open))
        ),
        candidates=frozenset(release.candidate for release in kept),
    )
