"""Previews as a person deals with them: confirmed by one run that exactly what was looked at goes live in, or dropped."""

import secrets
from contextlib import suppress
from itertools import count
from typing import Literal

from deployments.desk.releasing import start_release
from deployments.desk.requests import run_id
from domain.errors import BadInput, TryAgain
from domain.previews import Preview, PreviewData, why_no_preview
from domain.protocols import GitHost, Wakeups
from domain.registry import Registry
from domain.routes import Proxy
from domain.runs import Origin, Project, Run, RunState
from domain.workers import AppRunner


async def app_json_of(project: Project, git: GitHost) -> str:
    """Return the app.json of what the project is now; empty when it has none, or no commit yet."""
    head = await git.head(project.slug) if await git.exists(project.slug) else None
    sources = await git.read(project.slug, head, ("app.json",)) if head else {}
    return sources.get("app.json", "")


def preview_data(
    project: Project, app_json: str, asked: bool | None, usual: bool, *, scratch: bool
) -> Literal["", PreviewData]:
    """Return how a change is shown first; empty when it goes live at once, as all do of an app that has no previews.

    `usual`: what the settings say where nothing is `asked`. Raises BadInput when one is asked for that cannot be.
    """
    if not (asked or scratch or (asked is None and usual)):
        return ""
    why = why_none(project, app_json)
    if why is None:
        return "empty" if scratch else "copy"
    if asked or scratch:
        raise BadInput(why)
    return ""


def why_none(project: Project, app_json: str) -> str | None:
    """Return in one sentence why the project has no previews; None when it may have some."""
    from tasks.kinds import kind_named

    kind = kind_named(project.kind)
    if kind.chat or kind.exclusive:
        return f"{project.slug} talks in a messenger, where one bot is there once: it has no previews, leave --preview out"
    return why_no_preview(app_json)


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
