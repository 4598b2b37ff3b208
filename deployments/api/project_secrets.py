"""Secrets: names, ages, lengths and users can be listed, values never."""

from typing import Annotated

from fastapi import APIRouter, Path

from deployments.api.access import Owned, TheHouse, TheProject
from deployments.api.problems import Refusal
from deployments.api.shapes import Said, SecretShown
from deployments.api.wishes import NewSecret
from deployments.secret_view import secret_documents
from deployments.secret_work import references_to_forget, remove_values, set_value
from domain.names import EnvName

router = APIRouter(prefix="/v1/projects/{project}/secrets", tags=["secrets"])

NameInPath = Annotated[EnvName, Path(description="Name of the secret.", examples=["API_TOKEN"])]


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
    cure = "send `unchecked` as true"
    said = await set_value(house.desk, project.slug, name, wish.value, who, unchecked=wish.unchecked, cure=cure)
    return Said(message=said)


@router.delete("/{name}")
async def delete_secret(house: TheHouse, theirs: Owned, project: TheProject, name: NameInPath) -> Said:
    """Forget a secret; refused while something serves with it, and kept releases that need it can be brought back no more."""
    references, _ = await references_to_forget(house.desk, project.slug, name, old=False)
    return Said(message=await remove_values(house.desk, project.slug, name, references, theirs.caller.owner))
