"""Secrets: names, ages, lengths and users can be listed, values never."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field

from deployments.api.access import Owned, TheHouse, TheProject
from deployments.api.problems import Refusal
from deployments.api.shapes import Said
from deployments.api.shapes_belongings import Needed, SecretShown
from deployments.api.wishes import NewSecret
from deployments.desk.secret_view import secret_documents
from deployments.desk.secret_work import forget_values_of, lost_without, set_value
from domain.names import EnvName

router = APIRouter(prefix="/v1/projects/{project}/secrets", tags=["secrets"])

NameInPath = Annotated[EnvName, Path(description="Name of the secret.", examples=["API_TOKEN"])]
Old = Annotated[bool, Query(description="Only its earlier values: the newest stays.")]
GiveUp = Annotated[
    list[Annotated[int, Field(ge=1, le=1_000_000_000)]],
    Query(
        default_factory=list,
        max_length=100,
        description="A kept release that needs it and is given up, as `needed` lists them; may come again.",
    ),
]


@router.get("")
async def list_secrets(house: TheHouse, project: TheProject) -> list[SecretShown]:
    """List each kept version of the project's secrets, without its value."""
    rows = await secret_documents(project.slug, house.registry, house.desk.vault)
    return [SecretShown.model_validate(row) for row in rows]


@router.put("/{name}")
async def set_secret(house: TheHouse, theirs: Owned, project: TheProject, name: NameInPath, wish: NewSecret) -> Said:
    """Store a value, and let the runs go on that waited for it. It cannot be read again; the same again changes nothing."""
    if not wish.value.strip():
        raise Refusal(422, f"the value of {name} is empty")
    who = theirs.caller.owner
    return Said(message=await set_value(house.desk, project.slug, name, wish.value, who, unchecked=wish.unchecked))


@router.get("/{name}/needed")
async def show_need(house: TheHouse, project: TheProject, name: NameInPath, old: Old = False) -> Needed:
    """Show the kept releases that could not be brought back without it."""
    return Needed(releases=tuple(await lost_without(house.desk, project.slug, name, old=old)))


@router.delete("/{name}")
async def remove_secret(
    house: TheHouse, theirs: Owned, project: TheProject, name: NameInPath, give_up: GiveUp, old: Old = False
) -> Said:
    """Forget a secret; not while a release serves with it, or a kept one needs it that is not given up."""
    who = theirs.caller.owner
    return Said(message=await forget_values_of(house.desk, project.slug, name, who, give_up, old=old))
