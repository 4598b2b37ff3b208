"""What lies behind a project: what was said about it, what was done to it, what was proved of it, what it has printed."""

from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse

from deployments.api.access import House, Theirs
from deployments.api.pages import cursor_of, cut, mark_in
from deployments.web.screens import is_heard, shown
from deployments.web.talks import words_of
from deployments.wording.cards import wanted
from deployments.wording.journal import told_change, told_end
from domain.listings import RunMark
from domain.proofs import facts, passed_in
from domain.runs import Project, Run

CHANGES = 50
"""Lines of the history on one page."""
TALKS = 5
"""Runs on one page of the conversation."""
PRINTED = 300
"""Lines of an app's output."""


async def history_screen(request: Request, house: House, project: Project, language: str, cursor: str | None) -> HTMLResponse:
    """Show who changed what of the project, newest first."""
    lines = await house.registry.history(project.slug, since=project.created)
    page = cut(lines[::-1], cursor, CHANGES)
    changes = [(line, told_change(line, language)) for line in page.items]
    return await shown(request, "history", project=project, changes=changes, next=page.next)


async def talk_screen(
    request: Request, house: House, theirs: Theirs, project: Project, language: str, cursor: str | None
) -> HTMLResponse:
    """Show what was agreed, and what was asked for, said and answered since, newest work first."""
    runs = await house.registry.run_page(theirs.person, project.slug, mark_in(cursor, RunMark), TALKS + 1)
    last = runs[TALKS - 1] if len(runs) > TALKS else None
    return await shown(
        request,
        "talk",
        project=project,
        talks=[await _talk(house, project, run, language) for run in runs[:TALKS]],
        next=cursor_of(RunMark(created=last.created, id=last.id)) if last else None,
    )


async def _talk(house: House, project: Project, run: Run, language: str) -> dict[str, Any]:
    lines = await house.registry.progress(run.id)
    goal = wanted(run, lines, project) if run.change else None
    return {
        "run": run,
        "state": run.state.value,
        "checks": goal.checks if goal and goal.title != project.brief.title else (),
        "said": await words_of(house.registry, run, language),
        "end": told_end(run, lines, language),
        "hears": is_heard(run),
    }


async def proof_screen(request: Request, house: House, project: Project, run: str | None) -> HTMLResponse:
    """Show what speaks for a run's commit, or the newest, and whether its signature holds."""
    found = await house.desk.look.proof(project.slug, run)
    if found is None:
        return await shown(request, "proof", project=project, proof=None)
    body = found.document["proof"]
    return await shown(
        request,
        "proof",
        project=project,
        proof=body,
        genuine=found.genuine,
        facts=facts(body),
        passed=passed_in(body["tests"]),
        held=passed_in(body["checks"]),
    )


async def output_screen(request: Request, house: House, project: Project) -> HTMLResponse:
    """Show what the live release printed last."""
    return await shown(request, "output", project=project, text=await house.desk.look.output(project.slug, PRINTED))
