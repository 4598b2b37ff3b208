"""Rollbacks: going back to an earlier release, by the steps of every other door."""

from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import Response

from deployments.api.access import Owned, TheHouse, TheProject
from deployments.api.once import Done, OneCall
from deployments.api.shapes import Going, GoneBackShown
from deployments.api.wishes import GoBack

router = APIRouter(prefix="/v1/projects/{project}", tags=["releases"])

RollbackInPath = Annotated[
    str,
    Path(pattern=r"^[0-9a-z-]{1,60}$", description="Id of the rollback.", examples=["5d0b7b7e-3f0c-4a60-9c62-0e6f6f4f8b1a"]),
]


@router.post("/rollback", status_code=202, response_model=Going)
async def roll_back(house: TheHouse, theirs: Owned, project: TheProject, call: OneCall, wish: GoBack) -> Response:
    """Begin to go back; its outcome is asked for by its id. 409 when nothing can come of it."""
    slug, who = project.slug, theirs.caller.owner

    async def work(key: str | None) -> Done:
        flow_run = await house.desk.rollback(slug, wish.reason, who, wish.version, wish.data, key=key)
        shown = Going(message=f"{slug} goes back", rollback=flow_run)
        return Done(status=202, shown=shown, place=f"/v1/projects/{slug}/rollbacks/{flow_run}")

    return await call.answer(work)


@router.get("/rollbacks/{rollback}")
async def show_rollback(house: TheHouse, project: TheProject, rollback: RollbackInPath) -> GoneBackShown:
    """Show what came of a rollback that was begun here; without an outcome it goes on."""
    done = await house.outcome(rollback, project.slug)
    if done is None:
        return GoneBackShown(outcome=None, project=project.slug, message=f"{project.slug} goes back", is_done=False)
    return GoneBackShown(**done.model_dump())
