"""What the page shows: the same facts as the API, asked of the same functions."""

from collections.abc import Sequence
from functools import partial
from secrets import token_urlsafe
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse

from deployments.api import escalations, projects, runs
from deployments.api.access import House, Theirs, house_of
from deployments.api.pages import USUAL
from deployments.api.shapes import QuestionShown, short
from deployments.desk.documents import project_facts, run_facts
from deployments.desk.secret_view import secret_documents
from deployments.desk.telling import AFTER_AGENTS
from deployments.place_values import begins
from deployments.web.costs import chart, since
from deployments.web.rendering import language_of, screen
from deployments.web.talks import words_of
from deployments.wording.explaining import complained
from deployments.wording.journal import Told, told_end, told_line, told_question
from deployments.wording.notices import complaint
from deployments.wording.reasons import why_taken_back
from domain.escalations import Diagnosis
from domain.releases import Release, ReleaseState, startable
from domain.runs import STEPS, Progress, Project, Run, RunState

DONE = frozenset(
    {"rollback", "preview_gone", "secret", "secret_gone", "domain", "domain_removed", "answer", "cancel", "language", "tell"}
)
"""What the page says was done, by the keys of its texts: what an address says beside these is not shown."""
LOG_LINES = 300
RUNS = 8


async def home(request: Request, house: House, theirs: Theirs, cursor: str | None = None, **more: Any) -> HTMLResponse:
    """Show the projects, what is asked, and the box for something new."""
    page = await projects.page_of(house, theirs, USUAL, cursor)
    language = await language_of(request)
    asked = [(each, await theirs.run(each.run)) for each in await escalations.list_questions(house, theirs)]
    questions = [(run, _reason(each, run, language)) for each, run in asked]
    latest = await runs.page_of(house, theirs, None, RUNS, None)
    chosen = (await house.registry.person(theirs.caller.owner)).language
    return await shown(request, "home", page=page, questions=questions, runs=[*map(short, latest.items)], chosen=chosen, **more)


async def project_screen(request: Request, house: House, theirs: Theirs, project: Project, **more: Any) -> HTMLResponse:
    """Show one project with everything that belongs to it."""
    releases = await house.registry.releases(project.slug)
    cost, budget = await house.registry.cost(project.slug), await house.registry.budget(project.slug)
    now, language = request.state.now, await language_of(request)
    complain = partial(complained, language=language)
    used = await house.registry.usage(project.slug, since=since(now))
    return await shown(
        request,
        "project",
        project=await project_facts(house.desk, project),
        releases=[(each, startable(releases, each.number) is not None, _why(each, language)) for each in _newest(releases)],
        runs=[*map(short, (await runs.page_of(house, theirs, project.slug, RUNS, None)).items)],
        secrets=secrets_shown(await secret_documents(project.slug, house.registry, house.desk.vault, complain)),
        cost=cost.usd,
        budget=budget / 1_000_000,
        chart=chart(used, now),
        **more,
    )


async def rollback_screen(request: Request, house: House, project: Project, to: int | None, **more: Any) -> HTMLResponse:
    """Ask whether that is meant."""
    releases = await house.registry.releases(project.slug)
    live = next((each for each in releases if each.state is ReleaseState.LIVE), None)
    target = startable(releases, to) if to is not None else None
    return await shown(request, "rollback", slug=project.slug, live=live, target=target, to=to, **more)


async def run_screen(request: Request, house: House, theirs: Theirs, run: Run, **more: Any) -> HTMLResponse:
    """Show one run: its steps, its question, its cost and its log."""
    asked = (await escalations.list_questions_of_run(house, run))[-1:]
    question = next((each for each in asked if each.answer is None and run.state is RunState.WAITING), None)
    language = await language_of(request)
    facts = await live_facts(house, run, language)
    why = _reason(question, run, language) if question else None
    known: dict[str, Any] = {"asked": begins(run), "question": question, "why": why, "choices": choices(question, theirs)}
    known["said"] = await words_of(house.registry, run, language)
    return await shown(request, "run", **known, **facts, **more)


async def live_screen(request: Request, house: House, run: Run) -> HTMLResponse:
    """Show what of a run changes while it goes on; the page's script puts it in the place of what was there."""
    return await shown(request, "live", **await live_facts(house, run, await language_of(request)))


async def live_facts(house: House, run: Run, language: str) -> dict[str, Any]:
    """Return what of a run changes while it goes on, in the person's language as far as it can be said."""
    lines = await house.registry.progress(run.id)
    return {
        "run": await run_facts(house.desk, run, lines),
        "steps": steps(run),
        "state": run.state.value,
        "ended": run.state.ended,
        "log": [(line, told_line(line, run, language)) for line in reversed(lines[-LOG_LINES:])],
        "reports": [told_line(line, run, language) for line in lines if line.kind == "report"],
        "end": told_end(run, lines, language),
        "wrong": complaint(run, lines, language).strip(),
        "hears": is_heard(run),
        "after": lines[-1].sequence if lines else 0,
        "round_of": _round_of(lines),
    }


def secrets_shown(documents: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the newest version of each secret, with the kept releases that could not be brought back without any of them."""
    kept: dict[str, set[int]] = {}
    for each in documents:
        needed = {use["release"] for use in each["used_by"] if use["state"] == ReleaseState.KEPT.value}
        kept.setdefault(each["name"], set()).update(needed)
    return [{**each, "kept": sorted(kept[each["name"]])} for each in documents if each["newest"]]


def steps(run: Run) -> list[tuple[str, str]]:
    """Return each step of a delivery with `done`, `now`, `stopped` or `open`."""
    at = STEPS.index(run.step) if run.step in STEPS else 0
    if run.state is RunState.DELIVERED:
        at = len(STEPS)
    here = "open" if run.state is RunState.QUEUED else "stopped" if run.state.ended else "now"
    return [(step, "done" if place < at else here if place == at else "open") for place, step in enumerate(STEPS)]


def choices(question: QuestionShown | None, theirs: Theirs) -> tuple[str, ...]:
    """Return what this person may answer: money is the operator's to give."""
    found = question.diagnosis["choices"] if question else ()
    return tuple(each for each in found if each != "more_budget" or escalations.may_give_money(theirs.caller))


def is_heard(run: Run) -> bool:
    """Tell whether an agent of the run is left to hear something."""
    return not run.state.ended and run.step not in AFTER_AGENTS


def _reason(question: QuestionShown, run: Run, language: str) -> Told:
    return told_question(Diagnosis.model_validate(question.diagnosis), run, language)


def _why(release: Release, language: str) -> str:
    """Return why a release does not serve, where that is more than that another does."""
    lost = (ReleaseState.FAILED, ReleaseState.ROLLED_BACK)
    return why_taken_back(release.reason, language) if release.state in lost else ""


def _round_of(lines: Sequence[Progress]) -> object:
    return next((line.data["of"] for line in reversed(lines) if line.kind == "round" and "of" in line.data), "")


def _newest(releases: Sequence[Release]) -> list[Release]:
    return sorted(releases, key=lambda each: each.number, reverse=True)[:USUAL]


async def shown(request: Request, name: str, *, status: int = 200, words: str = "", **facts: Any) -> HTMLResponse:
    """Return a screen, above its content what was done or why not."""
    done = request.query_params.get("done", "")
    once, limits = token_urlsafe(16), house_of(request).files
    known = {"typed": {}, "words": words, "done": done if done in DONE else "", "once": once, "limits": limits}
    return await screen(request, name, status, **{**known, **facts})
