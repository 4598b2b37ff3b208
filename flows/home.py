"""The way to a project's home at GitHub: whatever goes wrong there costs no delivery, and is told."""

import asyncio
import logging
from collections.abc import Awaitable
from contextlib import suppress
from datetime import datetime, timedelta

from domain.errors import SlipwayError
from domain.github import CommitCheck
from domain.github_texts import check_of_push, check_of_report
from domain.outcomes import Outcome
from domain.releases import ReleaseState
from domain.reports import TestReport
from domain.runs import DeliveryRequest
from flows.opening import Blocks
from tasks.github import Homes, bring_to_github, show_check
from tasks.progress import Journal

log = logging.getLogger("slipway.github")

SECONDS = 90.0
"""How long a delivery waits for GitHub; the janitor does the rest."""

ALL = 600.0
"""How long the janitor waits for it at most: where GitHub does not answer, each project would wait that long."""

AGAIN = ". It is tried again by itself"

DAYS = timedelta(days=30)
"""For so long the janitor looks whether a release is there: each look costs calls, of which GitHub gives 5,000 an hour."""


async def go_home(project: str, run: str, blocks: Blocks) -> None:
    """Bring what serves to GitHub, and say in the run's journal what came of it."""
    said = await _brought(project, blocks)
    if said:
        await Journal(run, blocks.registry, blocks.wakeups).write("note", said, "deploy")


async def show_tests(request: DeliveryRequest, base: str, report: TestReport, blocks: Blocks) -> None:
    """Show a round at GitHub; what kept it from there stands in the run's journal."""
    await _show(request, check_of_report(request.run, report), base, "how these tests ended is", blocks)


async def show_push(request: DeliveryRequest, outcome: Outcome, blocks: Blocks) -> None:
    """Tell at a person's own commit, where whoever pushed it looks, why it is not online, or not yet."""
    if request.commit and (check := check_of_push(request.run, request.commit, outcome)) is not None:
        await _show(request, check, "", "what became of the pushed commit is", blocks)


async def _show(request: DeliveryRequest, check: CommitCheck, base: str, what: str, blocks: Blocks) -> None:
    if (homes := _homes(blocks)) is None:
        return
    said = await _unhurt(show_check(request.project, check, base, homes), what)
    if said:
        await Journal(request.run, blocks.registry, blocks.wakeups).write("note", said, "test")


async def catch_up(blocks: Blocks, now: datetime, seconds: float = ALL) -> None:
    """Bring to GitHub what did not come there at its time; what still does not is in the log, and the next look tries again."""
    if blocks.github is None:
        return
    with suppress(TimeoutError):  # the next look goes on
        async with asyncio.timeout(seconds):
            await _catch_up(blocks, now)


async def _catch_up(blocks: Blocks, now: datetime) -> None:
    owner, since = blocks.installation.github_owner, now - DAYS
    for live in await blocks.registry.releases(states=(ReleaseState.LIVE,)):
        project = await blocks.registry.project(live.project)
        is_old = live.went_live is not None and live.went_live < since
        if is_old or project is None or not (project.repository or owner):
            continue
        is_at_work = await blocks.registry.runs(live.project, limit=1, ended=False)
        if not is_at_work and (said := await _brought(live.project, blocks, only_if_missing=True)):
            log.info("%s: %s", live.project, said)


async def _brought(project: str, blocks: Blocks, *, only_if_missing: bool = False) -> str:
    if (homes := _homes(blocks)) is None:
        return ""
    brought = bring_to_github(project, homes, only_if_missing=only_if_missing)
    return await _unhurt(brought, f"what serves as {project} is", AGAIN)


def _homes(blocks: Blocks) -> Homes | None:
    """Return both homes of the code; None where Slipway does not act at GitHub."""
    if blocks.github is None or blocks.remote is None:
        return None
    return Homes(
        registry=blocks.registry, git=blocks.git, vault=blocks.vault, github=blocks.github, remote=blocks.remote,
        installation=blocks.installation,
    )  # fmt: skip


async def _unhurt(work: Awaitable[str | None], what: str, then: str = "") -> str:
    """Return what it says, or in a sentence why it could not be done now."""
    try:
        async with asyncio.timeout(SECONDS):
            return await work or ""
    except SlipwayError as error:
        why = str(error)
    except TimeoutError:
        why = f"GitHub took more than {SECONDS:g} s"
    except Exception as error:  # an answer that nobody foresaw must not cost a release that serves already
        log.exception("GitHub")
        why = f"Slipway itself failed ({type(error).__name__})"
    return f"{what} not at GitHub: {why}{then}"
