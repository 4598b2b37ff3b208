"""Runs: requests on their way to a release; how far they are, and their end."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from deployments.api.access import House, Owned, TheHouse, Theirs, TheRun
from deployments.api.pages import USUAL, Cursor, Limit, Page, cursor_of, mark_in
from deployments.api.shapes import Heard, ProgressShown, RunShort, RunShown, short
from deployments.api.tags import answered, tagged
from deployments.api.wishes import Remark
from deployments.desk.documents import run_facts, tell_document
from domain.listings import RunMark
from domain.names import Slug
from domain.runs import Run

router = APIRouter(prefix="/v1/runs", tags=["runs"])

OfProject = Annotated[Slug | None, Query(description="Only runs of this project.")]
OneRun = Annotated[str | None, Query(pattern=r"^r-[a-z0-9]{6,32}$", description="Of this run; unset: the newest.")]
Whole = Annotated[bool, Query(description="Each with its question, test reports and cost.")]
After = Annotated[int, Query(ge=0, le=1_000_000_000, description="Only what has a higher sequence number.")]


@router.get("", response_model=Page[RunShown] | Page[RunShort])
async def list_runs(
    house: TheHouse,
    theirs: Owned,
    project: OfProject = None,
    limit: Limit = USUAL,
    cursor: Cursor = None,
    whole: Whole = False,
) -> Response:
    """List your runs, newest first."""
    page = await page_of(house, theirs, project, limit, cursor)
    if not whole:
        return answered(Page[RunShort](items=tuple(map(short, page.items)), next=page.next))
    shown = [RunShown.model_validate(await run_facts(house.desk, run)) for run in page.items]
    return answered(Page[RunShown](items=tuple(shown), next=page.next))


async def page_of(house: House, theirs: Theirs, project: str | None, limit: int, cursor: str | None) -> Page[Run]:
    """Return a page of them."""
    rows = await house.registry.run_page(theirs.person, project, mark_in(cursor, RunMark), limit + 1)
    last = rows[limit - 1] if len(rows) > limit else None
    return Page[Run](items=tuple(rows[:limit]), next=cursor_of(RunMark(created=last.created, id=last.id)) if last else None)


@router.get("/{run}", response_model=RunShown)
async def show_run(request: Request, house: TheHouse, run: TheRun) -> Response:
    """Show one run with its question, test reports and cost."""
    return tagged(request, RunShown.model_validate(await run_facts(house.desk, run)))


@router.get("/{run}/progress")
async def list_progress(house: TheHouse, run: TheRun, after: After = 0) -> list[ProgressShown]:
    """List what happened in the run, in order: steps, rounds, test reports, costs."""
    lines = await house.registry.progress(run.id, after)
    return [ProgressShown.model_validate(line.model_dump()) for line in lines]


@router.post("/{run}/tell")
async def tell_run(house: TheHouse, theirs: Owned, run: TheRun, remark: Remark) -> Heard:
    """Say something to a run at work; its agent reads it at its next step."""
    return Heard.model_validate(await tell_document(house.desk, run.id, remark.text, theirs.caller.owner))


@router.post("/{run}/cancel")
async def cancel_run(house: TheHouse, theirs: Owned, run: TheRun) -> RunShown:
    """Stop a run; one that has ended stays as it is. What it did so far stays in its repository."""
    ended = run if run.state.ended else await house.desk.cancel(run.id, theirs.caller.owner)
    return RunShown.model_validate(await run_facts(house.desk, ended))
