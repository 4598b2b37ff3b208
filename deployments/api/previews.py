"""Previews: changes that are up to be looked at, before they go live."""

from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import Response

from deployments.api.access import Owned, TheHouse, TheProject
from deployments.api.once import Done, OneCall
from deployments.api.shapes import PreviewShown, RunShown
from deployments.desk.documents import preview_document, previews, run_facts
from domain.runs import Origin

router = APIRouter(prefix="/v1/projects/{project}/previews", tags=["previews"])

Number = Annotated[int, Path(ge=1, le=1_000_000_000, description="Number of the preview.")]


@router.get("")
async def list_previews(house: TheHouse, project: TheProject) -> list[PreviewShown]:
    """List the project's previews, newest first."""
    return [PreviewShown.model_validate(row) for row in await previews(house.desk, project)]


@router.post("/{number}/confirm", status_code=201, response_model=RunShown)
async def confirm_preview(house: TheHouse, theirs: Owned, project: TheProject, number: Number, call: OneCall) -> Response:
    """Put exactly what the preview shows online; asked again, it is the same run, until that fails."""

    async def work(_: str | None) -> Done:
        run = await house.desk.confirm(project.slug, number, Origin(channel="api", person=theirs.caller.owner))
        shown = RunShown.model_validate(await run_facts(house.desk, run))
        return Done(status=201, shown=shown, place=f"/v1/runs/{run.id}")

    return await call.answer(work)


@router.delete("/{number}")
async def drop_preview(house: TheHouse, theirs: Owned, project: TheProject, number: Number) -> PreviewShown:
    """Take a preview away; what serves is as it was."""
    gone = await house.desk.drop(project.slug, number, theirs.caller.owner)
    return PreviewShown.model_validate(await preview_document(house.desk, gone))
