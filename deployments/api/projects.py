"""Projects: which there are, and how one stands; what it cost, who changed it, what was proved of it."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Annotated, Any, BinaryIO

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse

from deployments.api.access import House, Owned, TheHouse, Theirs, TheProject
from deployments.api.files import Files, named
from deployments.api.once import Done, Once, OneCall
from deployments.api.pages import USUAL, Cursor, Limit, Page, cut
from deployments.api.problems import Refusal
from deployments.api.runs import OneRun
from deployments.api.shapes import (
    CostShown,
    Heard,
    HistoryLine,
    OutputShown,
    ProjectShort,
    ProjectShown,
    ProofShown,
    RunShown,
    Said,
)
from deployments.api.tags import answered, tagged
from deployments.api.wishes import Change, NewProject, Remark
from deployments.desk.deeds import DeskDeeds
from deployments.desk.documents import cost_document, proof_document, run_facts, summaries, tell_document, whole
from deployments.desk.looking import size_of
from deployments.desk.requests import run_id
from deployments.desk.reservations import begun_before
from domain.errors import BadInput
from domain.proposals import Proposal
from domain.releases import live
from domain.runs import Origin, Project

router = APIRouter(prefix="/v1/projects", tags=["projects"])

PIECE = 1 << 16
"""Bytes of a zip that are read at once."""
Lines = Annotated[int, Query(ge=1, le=5000, description="How many lines at most.")]


@router.get("", response_model=Page[ProjectShort])
async def list_projects(house: TheHouse, theirs: Owned, limit: Limit = USUAL, cursor: Cursor = None) -> Response:
    """List your projects, oldest first."""
    return answered(await page_of(house, theirs, limit, cursor))


async def page_of(house: House, theirs: Theirs, limit: int, cursor: str | None) -> Page[ProjectShort]:
    """Return a page of them."""
    page = cut(await theirs.projects(), cursor, limit)
    shown = await summaries(house.desk, page.items)
    return Page[ProjectShort](items=tuple(map(ProjectShort.model_validate, shown)), next=page.next)


@router.get("/{project}", response_model=ProjectShown)
async def show_project(request: Request, house: TheHouse, project: TheProject) -> Response:
    """Show one project with its releases, previews, checks, domains and databases, and its last runs."""
    return tagged(request, ProjectShown.model_validate(await whole(house.desk, project)))


@router.delete("/{project}")
async def take_down_project(house: TheHouse, theirs: Owned, project: TheProject) -> Said:
    """End the project's runs, take it offline and delete what it has, as `slipway down` does; this cannot be taken back."""
    await house.take_down(project.slug, theirs.caller.owner, house.desk)
    return Said(message=f"{project.slug} is gone; its runs and costs stay in the books")


@router.get("/{project}/costs")
async def show_costs(house: TheHouse, project: TheProject) -> CostShown:
    """Show what the project's model calls have cost, and what they may."""
    return CostShown.model_validate(await cost_document(house.desk, project.slug))


@router.get("/{project}/output")
async def show_output(house: TheHouse, project: TheProject, lines: Lines = 50) -> OutputShown:
    """Show what the live release printed last; values of its secrets are taken out."""
    serving = live(await house.registry.releases(project.slug))
    if serving is None:
        return OutputShown()
    return OutputShown(release=serving.number, text=await house.desk.look.output(project.slug, lines))


@router.get("/{project}/history")
async def list_history(house: TheHouse, project: TheProject, limit: Limit = USUAL, cursor: Cursor = None) -> Page[HistoryLine]:
    """List who changed what, oldest first; not what was done to an earlier project of the same name."""
    lines = await house.registry.history(project.slug, since=project.created)
    page = cut(lines, cursor, limit)
    return Page(items=tuple(HistoryLine.model_validate(line.model_dump()) for line in page.items), next=page.next)


@router.get("/{project}/proof", response_model=ProofShown)
async def show_proof(request: Request, house: TheHouse, project: TheProject, run: OneRun = None) -> Response:
    """Show a run's proof, or the newest: what speaks for what was accepted, signed by this installation."""
    try:
        return tagged(request, ProofShown.model_validate(await proof_document(house.desk, project, run)))
    except BadInput as missing:
        raise Refusal(404, str(missing)) from None


@router.get("/{project}/archive", response_class=Response, responses={200: {"content": {"application/zip": {}}}})
async def archive(house: TheHouse, project: TheProject) -> Response:
    """Return the project's code, as it was accepted last, as a zip."""
    zipped = await house.desk.look.archive(project.slug)
    if zipped is None:
        raise Refusal(409, f"{project.slug} has no code yet: wait for its first run")
    named = {"Content-Disposition": f'attachment; filename="{project.slug}.zip"', "Content-Length": str(size_of(zipped))}
    return StreamingResponse(pieces(zipped), headers=named, media_type="application/zip")


def pieces(file: BinaryIO) -> Iterator[bytes]:
    """Read a file to its end and close it."""
    with file:
        yield from iter(lambda: file.read(PIECE), b"")


@router.post("/{project}/tell")
async def tell_project(house: TheHouse, theirs: Owned, project: TheProject, remark: Remark) -> Heard:
    """Say something to the one open run of the project; its agent reads it at its next step."""
    return Heard.model_validate(await tell_document(house.desk, project.slug, remark.text, theirs.caller.owner))


@router.post("", status_code=201, response_model=RunShown)
async def begin_project(house: TheHouse, theirs: Owned, call: OneCall, wish: NewProject) -> Response:
    """Have something new built: answers with its run when the Brief is written, which takes seconds to a minute."""
    return await begun(house, theirs, call, wish, named(wish.files, house, theirs))


async def begun(house: House, theirs: Theirs, call: Once, wish: NewProject, files: Files) -> Response:
    """Begin something new, with what came along."""
    origin = Origin(channel="api", person=theirs.caller.owner)

    async def propose(key: str | None) -> Proposal:
        more: dict[str, Any] = {"name": wish.name, "kind": wish.kind, "attachments": await files()}
        return await house.desk.propose(wish.text, origin, key=key, **more)

    async def work(key: str | None) -> Done:
        return await taken_up(house, origin.person, key, lambda: propose(key))

    return await call.answer(work)


@router.post("/{project}/changes", status_code=201, response_model=RunShown)
async def change_project(house: TheHouse, theirs: Owned, project: TheProject, call: OneCall, wish: Change) -> Response:
    """Have a project changed: answers with the run when the Brief is written; earlier checks are run again."""
    return await changed(house, theirs, project, call, wish, named(wish.files, house, theirs))


async def changed(house: House, theirs: Theirs, project: Project, call: Once, wish: Change, files: Files) -> Response:
    """Change a project, with what came along."""
    origin, slug = Origin(channel="api", person=theirs.caller.owner), project.slug

    async def propose(key: str | None) -> Proposal:
        proposal = await house.desk.propose(
            wish.text,
            origin,
            project=slug,
            key=key,
            preview=wish.preview,
            scratch=wish.scratch,
            attachments=await files(),
        )
        now = await house.registry.project(slug)  # a Brief takes a minute: it may be another one's by now
        if now is None or (now.created, now.owner) != (project.created, project.owner):
            raise Refusal(409, f"{slug} was removed while the Brief was written: nothing was begun")
        return proposal

    async def work(key: str | None) -> Done:
        return await taken_up(house, origin.person, key, lambda: propose(key))

    return await call.answer(work)


async def taken_up(house: House, person: str, key: str | None, propose: Callable[[], Awaitable[Proposal]]) -> Done:
    """Start the run of this key; what a killed process had begun of it goes on as it was."""
    stored = await begun_before(run_id(key), house.registry) if key else None
    if stored is None:
        await house.allowances.check(person, run_id(key))
    return await started(house, stored or await propose())


async def started(house: House, proposal: Proposal) -> Done:
    """Start the run of a proposal; the same one again is the same run."""
    run = await DeskDeeds(house.desk, house.allowances).start(proposal)
    return Done(status=201, shown=RunShown.model_validate(await run_facts(house.desk, run)), place=f"/v1/runs/{run.id}")
