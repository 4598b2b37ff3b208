"""Previews: a change that is up beside what serves, until a person confirms it; their states, and the decisions on them."""

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Literal, Protocol

from domain.addons import addons_of
from domain.briefs import Brief
from domain.checks import Check
from domain.hosts import HostName
from domain.names import Slug
from domain.resources import ResourceKind
from domain.routes import Route
from domain.values import Value

PreviewData = Literal["copy", "empty"]
"""What data a preview begins with: a copy of the project's at that moment, or none."""


class PreviewState(StrEnum):
    STARTING = "starting"
    UP = "up"
    PROMOTED = "promoted"
    EXPIRED = "expired"
    FAILED = "failed"
    REMOVED = "removed"

    @property
    def open(self) -> bool:
        """Tell whether it has, or is about to have, a copy and a host."""
        return self in OPEN


OPEN = (PreviewState.STARTING, PreviewState.UP)
"""States in which one has, or is about to have, a copy and a host."""

MOVES: dict[PreviewState, frozenset[PreviewState]] = {
    PreviewState.STARTING: frozenset({PreviewState.UP, PreviewState.FAILED, PreviewState.REMOVED}),
    PreviewState.UP: frozenset({PreviewState.PROMOTED, PreviewState.EXPIRED, PreviewState.FAILED, PreviewState.REMOVED}),
    PreviewState.PROMOTED: frozenset(),
    PreviewState.EXPIRED: frozenset(),
    PreviewState.FAILED: frozenset(),
    PreviewState.REMOVED: frozenset(),
}
"""Which state may follow which: what has ended stays so."""


class PreviewedChange(Value):
    """What a preview shows, and what becomes the project's own when it is confirmed."""

    project: Slug
    run: str
    """The delivery that made it; one makes one preview."""
    commit: str
    candidate: str
    base: str
    """Commit of main that was changed: another one there means that another change went live since."""
    data: PreviewData = "copy"
    brief: Brief
    checks: tuple[Check, ...]


class Preview(PreviewedChange):
    """One row of the registry."""

    number: int
    host: HostName
    environment_version: int = 0
    """0 until its environment is resolved."""
    state: PreviewState = PreviewState.STARTING
    address: str = ""
    """Where people look at it; empty until it is up."""
    reason: str = ""
    """Why it ended."""
    created: datetime
    expires: datetime
    cleared: datetime | None = None
    """When its copy, data and route were gone."""

    @property
    def identity(self) -> str:
        """Name of its running copy in the engine."""
        return f"{self.project}-p{self.number}"

    @property
    def route_name(self) -> str:
        """Name of its route; no project can be called so."""
        return f"{self.project}{MARK}{self.number}"


MARK = ".p"


def project_of_route(name: str) -> str:
    """Return whose route this is, the project's own or one of a preview."""
    return name.partition(MARK)[0]


def preview_route(preview: Preview, upstream: str) -> Route:
    return Route(project=preview.route_name, hosts=(preview.host,), upstream=upstream)


def label_of(project: str, number: int) -> str:
    """Return the name below the base domain."""
    return f"{project}-{number}"


def has_expired(preview: Preview, now: datetime) -> bool:
    return preview.state is PreviewState.UP and preview.expires <= now


def expires_soon(preview: Preview, now: datetime) -> bool:
    """Tell whether the last quarter of its time has begun."""
    return preview.state is PreviewState.UP and now < preview.expires <= now + (preview.expires - preview.created) / 4


def uncleared(previews: Sequence[Preview]) -> tuple[Preview, ...]:
    """Return those that have ended, and whose copy, data or route may still be there."""
    return tuple(preview for preview in previews if not preview.state.open and preview.cleared is None)


def needed_candidates(previews: Sequence[Preview]) -> set[str]:
    """Return what must be kept to show them, or to put them online."""
    return {preview.candidate for preview in previews if preview.state.open}


def why_no_preview(app_json: str, planned: Sequence[ResourceKind] = ()) -> str | None:
    """Return in one sentence why the app of this app.json has no previews; None when it may have some.

    `planned`: the addons that a change gives it.
    """
    asked = dict.fromkeys((*(addon.kind for addon in addons_of(app_json)), *planned))
    if not asked:
        return None
    return f"a preview would write into the live {' and '.join(asked)} of the app: make the change with --no-preview"


def again(project: str) -> str:
    """Name the one next thing when a preview is no more."""
    return f'make the change again with `slipway change {project} "..." --preview`'


def why_unfit(preview: Preview, head: str | None) -> str | None:
    """Return in one sentence why the preview cannot go live, given the commit of main; None when it can, or does already."""
    named = f"preview {preview.number} of {preview.project}"
    match preview.state:
        case PreviewState.PROMOTED:
            return None
        case PreviewState.UP if head in (preview.base, preview.commit):
            return None
        case PreviewState.UP:
            return f"another change of {preview.project} went live since {named} was made: {again(preview.project)}"
        case PreviewState.STARTING:
            return f"{named} is not up yet: see `slipway status {preview.project}`"
        case _:
            return f"{named} is {preview.state.value}{_because(preview)}: {again(preview.project)}"


def _because(preview: Preview) -> str:
    return f" ({preview.reason})" if preview.reason else ""


def chosen(previews: Sequence[Preview], number: int | None) -> Preview | None:
    """Return the one of this number; without a number the newest that is open, else the newest at all."""
    if number is not None:
        return next((preview for preview in previews if preview.number == number), None)
    newest = sorted(previews, key=lambda preview: preview.number, reverse=True)
    return next((preview for preview in newest if preview.state.open), next(iter(newest), None))


class Previews(Protocol):
    """What the registry knows of previews. A move that is not among MOVES is refused, so that of two ends one counts."""

    async def add_preview(self, change: PreviewedChange, base_domain: str, at: datetime, expires: datetime) -> Preview:
        """Store a starting preview with the next number whose host is nobody's.

        The same run again returns its preview, with the change as it is now while that is starting still.
        """
        ...

    async def previews(
        self, project: str | None = None, *, states: Collection[PreviewState] = tuple(PreviewState)
    ) -> Sequence[Preview]:
        """Return previews that are in one of these states, newest number first."""
        ...

    async def move_preview(
        self,
        project: str,
        number: int,
        state: PreviewState,
        *,
        environment_version: int | None = None,
        address: str | None = None,
        reason: str | None = None,
        expires: datetime | None = None,
    ) -> Preview:
        """Move along `domain.previews.MOVES`; to the state it has already, only the given fields change.

        What has ended otherwise is returned as it is, unchanged: the caller looks at the state.
        """
        ...

    async def clear_preview(self, project: str, number: int, at: datetime) -> None:
        """Write down that nothing of an ended preview is left; the first time stands."""
        ...
