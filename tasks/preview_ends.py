"""Previews end: promoted, dropped, expired, or never up; and nothing of them is left.

True afterwards: the row says how it ended, its copy, data and route are gone, now or with the janitor's next round, and main
has its change only if that went live.
Blocks: registry, engine, proxy, wakeups, git host. Of two ends at once the registry lets one count. Safe to repeat.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from prefect import task
from prefect.cache_policies import NO_CACHE

from domain.audit import SLIPWAY
from domain.errors import BadInput, LeaseLost
from domain.outcomes import Escalated
from domain.previews import (
    OPEN,
    Preview,
    PreviewState,
    again,
    chosen,
    expires_soon,
    has_expired,
    uncleared,
    why_unfit,
)
from domain.protocols import GitHost, Wakeups
from domain.registry import Registry
from domain.releases import ReleaseState, live
from domain.routes import Proxy
from domain.runs import WAITING_PATIENCE
from domain.workers import AppRunner
from tasks.audit import record
from tasks.finish import record_change
from tasks.identity import once_per
from tasks.leases import claim, give_back
from tasks.notify import tell
from tasks.retrying import only_try_again

NEVER_UP = "its run ended before it was up"
REMOVER = "preview-end"
"""Owner of a deploy lock while the route of a preview is removed."""


async def preview_numbered(project: str, number: int | None, registry: Registry) -> Preview:
    """Return the preview, or the newest; raise BadInput when there is none."""
    found = chosen(await registry.previews(project), number)
    if found is None:
        which = f"preview {number}" if number is not None else "preview"
        raise BadInput(f"{project} has no {which}: `slipway preview list {project}` lists what there is")
    return found


async def why_not_live(preview: Preview, git: GitHost) -> str | None:
    """Return in one sentence why it cannot go live now; None when it can."""
    return why_unfit(preview, await git.head(preview.project))


@task(
    task_run_name="accept preview {number} of {project}",
    persist_result=True,
    cache_key_fn=once_per("run", "number"),
    retries=3,
    retry_delay_seconds=[1, 3, 9],
    retry_condition_fn=only_try_again,
)
async def accept_preview(
    run: str,  # noqa: ARG001 - the result's identity: once accepted, the run goes on whatever becomes of the preview
    project: str,
    number: int,
    registry: Registry,
    git: GitHost,
) -> Preview | Escalated:
    """Move main to the preview's commit; when main is elsewhere by now, nothing changes and a person must decide.

    From then on the preview does not expire for as long as a run can wait for its person.
    """
    preview = await preview_numbered(project, number, registry)
    why = await why_not_live(preview, git)
    if why is None and preview.state is PreviewState.UP:
        expires = max(preview.expires, datetime.now(UTC) + WAITING_PATIENCE)
        preview = await registry.move_preview(project, number, PreviewState.UP, expires=expires)
        why = await why_not_live(preview, git)  # it may have ended just now
    if why is not None:
        return Escalated(reason=why)
    if preview.state is PreviewState.UP:
        await git.advance(project, "main", preview.commit)
    return preview


@task(
    task_run_name="take {preview.identity} off main",
    cache_policy=NO_CACHE,
    retries=3,
    retry_delay_seconds=[1, 3, 9],
    retry_condition_fn=only_try_again,
)
async def decline_preview(preview: Preview, registry: Registry, git: GitHost) -> None:
    """Undo what `accept_preview` did on main, since it did not go live; it is up still, and can be confirmed again."""
    await take_off_main(preview, registry, git)


@task(
    task_run_name="record that {preview.identity} is live",
    cache_policy=NO_CACHE,
    retries=5,
    retry_delay_seconds=2,
    retry_condition_fn=only_try_again,
)
async def promote_preview(preview: Preview, registry: Registry) -> None:
    """Make its Brief and checks the project's own, now that they are true of what serves; then it has ended."""
    await record_change(preview.project, preview.run, preview.checks, preview.brief, registry)
    await registry.move_preview(preview.project, preview.number, PreviewState.PROMOTED)


async def drop_preview(preview: Preview, who: str, registry: Registry) -> Preview:
    """End it as its person wishes; return what it is then. One that goes live at this moment stays promoted."""
    if not preview.state.open:
        raise BadInput(f"preview {preview.number} of {preview.project} is {preview.state.value} already: nothing was changed")
    now = await registry.move_preview(preview.project, preview.number, PreviewState.REMOVED, reason=f"dropped by {who}")
    if now.state is PreviewState.REMOVED:
        await record(now.project, who, f"preview {now.number} dropped", registry, once=True)
    return now


@task(
    task_run_name="end previews whose time is over",
    cache_policy=NO_CACHE,
    retries=2,
    retry_delay_seconds=5,
    retry_condition_fn=only_try_again,
)
async def expire_previews(registry: Registry, wakeups: Wakeups, now: datetime) -> Sequence[str]:
    """End those whose days are over, and those whose run ended before they were up; return their names.

    Each person is told once that one is about to end, and once that it has.
    """
    ended = []
    for preview in await registry.previews(states=OPEN):
        if await _is_left(preview, registry):
            await registry.move_preview(preview.project, preview.number, PreviewState.FAILED, reason=NEVER_UP)
            ended.append(preview.identity)
        elif has_expired(preview, now):
            moved = await registry.move_preview(
                preview.project, preview.number, PreviewState.EXPIRED, reason="nobody confirmed it in time"
            )
            if moved.state is PreviewState.EXPIRED:
                await record(moved.project, SLIPWAY, f"preview {moved.number} expired", registry, once=True)
                ended.append(preview.identity)
        elif expires_soon(preview, now):
            await _tell(preview, "soon", _soon(preview), registry, wakeups)
    for preview in await registry.previews(states=(PreviewState.EXPIRED,)):
        if preview.cleared is None:
            await _tell(preview, "expired", _over(preview), registry, wakeups)
    return ended


@task(
    task_run_name="take away what ended previews left",
    cache_policy=NO_CACHE,
    retries=2,
    retry_delay_seconds=5,
    retry_condition_fn=only_try_again,
)
async def clear_previews(
    registry: Registry,
    engine: AppRunner,
    proxy: Proxy,
    wakeups: Wakeups,
    git: GitHost,
    project: str | None = None,
    owner: str = REMOVER,
) -> Sequence[str]:
    """Remove route, copy and data of all previews that have ended, then write that down; return their names.

    One that was confirmed in vain is no more on main. One of a project that is being deployed is left for the next time.
    `owner` takes the deploy lock; no two callers may have the same.
    """
    cleared = []
    for preview in uncleared(await registry.previews(project)):
        lease = await claim(preview.project, owner, registry, wakeups)
        if lease is None:
            continue
        try:
            if preview.state is not PreviewState.PROMOTED:
                await take_off_main(preview, registry, git)
            await proxy.remove_route(preview.route_name, lease.fence)
            await engine.remove(preview.identity)
            await registry.clear_preview(preview.project, preview.number, datetime.now(UTC))
        except LeaseLost:
            continue  # a deploy came between: this preview is seen to next time
        finally:
            await give_back(lease, registry, wakeups)
        cleared.append(preview.identity)
    return cleared


async def take_off_main(preview: Preview, registry: Registry, git: GitHost) -> None:
    """Let main stand where the change began, so that no later change carries it; not when it serves, or main went on."""
    serving = live(await registry.releases(preview.project, states=(ReleaseState.LIVE,)))
    if (serving is None or serving.commit != preview.commit) and await git.exists(preview.project):
        await git.take_back(preview.project, "main", preview.commit, preview.base)


async def _is_left(preview: Preview, registry: Registry) -> bool:
    if preview.state is not PreviewState.STARTING:
        return False
    run = await registry.run(preview.run)
    return run is None or run.state.ended


async def _tell(preview: Preview, what: str, text: str, registry: Registry, wakeups: Wakeups) -> None:
    run = await registry.run(preview.run)
    if run is not None:
        await tell(f"{preview.run}:preview-{what}", run, text, registry, wakeups)


def _soon(preview: Preview) -> str:
    return (
        f"{preview.brief.title}: preview {preview.number} ends at {preview.expires:%Y-%m-%d %H:%M} UTC. Put it online: "
        f"`slipway preview confirm {preview.project} {preview.number}`"
    )


def _over(preview: Preview) -> str:
    ended = f"{preview.brief.title}: preview {preview.number} has ended, nobody confirmed it in time"
    return f"{ended}. To see it again, {again(preview.project)}"
