"""Previews as a person deals with them: confirmed by one run that exactly what was looked at goes live in, or dropped."""

import secrets
from contextlib import suppress
from itertools import count

from deployments.releasing import start_release
from deployments.requests import run_id
from domain.errors import BadInput, TryAgain
from domain.previews import Preview
from domain.protocols import GitHost, Registry, Wakeups
from domain.routes import Proxy
from domain.runs import Origin, Run, RunState
from domain.workers import AppRunner


async def confirm_preview(project: str, number: int | None, origin: Origin, registry: Registry, git: GitHost) -> Run:
    """Start the run that puts the preview's candidate online; asked again, it is that run, until it fails.

    Raises BadInput, with the one next thing to do, when the preview cannot go live.
    """
    from tasks.preview_ends import preview_numbered, why_not_live

    preview = await preview_numbered(project, number, registry)
    key = await confirmation_key(preview, registry)
    begun = await registry.run(run_id(key))
    if begun is not None and (begun.flow_run or begun.state.ended):
        return begun
    if (why := await why_not_live(preview, git)) is not None:
        raise BadInput(why)
    said = f"preview {preview.number} was confirmed"
    return await start_release(project, preview.commit, preview.candidate, said, origin, key, registry, preview=preview.number)


async def confirmation_key(preview: Preview, registry: Registry) -> str:
    """Return what makes all confirmations one run: that which goes on or went well, or the next after those that failed."""
    for attempt in count(1):
        key = f"preview {preview.run} {attempt}"
        run = await registry.run(run_id(key))
        if run is None or run.state not in (RunState.FAILED, RunState.CANCELLED):
            return key
    raise AssertionError("attempts never end")


async def take_away(
    project: str,
    number: int | None,
    who: str,
    registry: Registry,
    engine: AppRunner,
    proxy: Proxy,
    wakeups: Wakeups,
    git: GitHost,
) -> Preview:
    """Drop the preview, and remove now what can be removed now; the janitor does the rest.

    Raises BadInput while a run puts it online.
    """
    from tasks.preview_ends import REMOVER, clear_previews, drop_preview, preview_numbered

    preview = await preview_numbered(project, number, registry)
    run = await registry.run(run_id(await confirmation_key(preview, registry)))
    if run is not None and not run.state.ended:
        raise BadInput(
            f"run {run.id} puts preview {preview.number} of {project} online: stop it first, `slipway cancel {run.id}`"
        )
    dropped = await drop_preview(preview, who, registry)
    with suppress(TryAgain):
        await clear_previews.fn(registry, engine, proxy, wakeups, git, project, f"{REMOVER}-{secrets.token_hex(4)}")
    return dropped
