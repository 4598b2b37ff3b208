"""Rollbacks: going back to an earlier release, by the steps of every other door."""

from fastapi import APIRouter
from fastapi.responses import Response

from deployments.api.access import Owned, TheHouse, TheProject
from deployments.api.once import Done, OneCall
from deployments.api.shapes import Said
from deployments.api.wishes import GoBack

router = APIRouter(prefix="/v1/projects/{project}", tags=["releases"])


@router.post("/rollback", status_code=202, response_model=Said)
async def roll_back(house: TheHouse, theirs: Owned, project: TheProject, call: OneCall, wish: GoBack) -> Response:
    """Begin to go back; the project's history and releases tell how it ended. 409 when nothing can come of it."""
    slug, who = project.slug, theirs.caller.owner

    async def work(key: str | None) -> Done:
        await house.desk.rollback(slug, wish.reason, who, wish.version, wish.data, key=key)
        return Done(status=202, shown=Said(message=f"{slug} goes back"), place=f"/v1/projects/{slug}")

    return await call.answer(work)
