"""Rotations: a secret gets another value, and the app is released again with it."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from deployments.api.access import Owned, TheHouse, TheProject
from deployments.api.once import Done, OneCall
from deployments.api.problems import Refusal
from deployments.api.project_secrets import NameInPath
from deployments.api.shapes import RunShown
from deployments.api.shapes_belongings import Forgotten, Rotated, Rotation
from deployments.api.wishes import NextValue
from deployments.desk import rotation
from deployments.desk.documents import run_facts

router = APIRouter(prefix="/v1/projects/{project}/secrets/{name}", tags=["secrets"])

Ended = Annotated[
    str | None, Query(pattern=r"^r-[a-z0-9]{6,32}$", description="The run by which it was rotated; unset: nothing used it.")
]


@router.get("/rotation")
async def show_rotation(house: TheHouse, project: TheProject, name: NameInPath, run: Ended = None) -> Rotation:
    """Show whether Slipway makes up its next value, and what serves with which value after the run. 409 for one that stays."""
    info = await rotation.rotatable(house.desk, project.slug, name)
    said = await rotation.told_rotation(house.desk, project.slug, name, run)
    return Rotation(made_up=info.generated, message=said)


@router.post("/rotation", status_code=201, response_model=Rotated)
async def rotate(
    house: TheHouse, theirs: Owned, project: TheProject, name: NameInPath, call: OneCall, wish: NextValue
) -> Response:
    """Give it another value, and begin the run that lets the app have it."""
    info = await rotation.rotatable(house.desk, project.slug, name)
    if info.generated == bool((wish.value or "").strip()):
        raise Refusal(409, f"Slipway makes up {name}: send no value" if info.generated else f"{name} needs a value")
    who = theirs.caller.owner

    async def work(_: str | None) -> Done:
        run = await rotation.rotate(house.desk, project.slug, name, wish.value, who, unchecked=wish.unchecked)
        shown = RunShown.model_validate(await run_facts(house.desk, run)) if run else None
        return Done(status=201, shown=Rotated(run=shown), place=f"/v1/runs/{run.id}" if run else "")

    return await call.answer(work)


@router.delete("/unneeded")
async def forget_unneeded(house: TheHouse, theirs: Owned, project: TheProject, name: NameInPath) -> Forgotten:
    """Drop its earlier values that no release which could be brought back needs, and no preview has."""
    await rotation.rotatable(house.desk, project.slug, name)
    return Forgotten(forgotten=await rotation.forget_unneeded(house.desk, project.slug, name, theirs.caller.owner))
