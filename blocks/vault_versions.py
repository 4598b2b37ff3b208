"""How one version of a secret lies in Prefect: a variable that claims its name, and the Secret block of that name."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from itertools import count
from typing import Any

from prefect.blocks.system import Secret
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import VariableCreate, VariableUpdate
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from pydantic import SecretStr, ValidationError

from domain.complaints import Complaint
from domain.errors import UnknownObject
from domain.names import secret_block_name
from domain.values import Value
from domain.vault import SecretInfo

_PAGE = 200


class Owner(Value):
    """What a variable says of the block that has its name. Those of before versions say project and key only."""

    project: str
    key: str
    version: int = 1
    length: int | None = None
    generated: bool = False
    unchecked: bool = False
    complaint: Complaint | None = None


class Claim(Value):
    """One variable of a project's secrets."""

    name: str
    owner: Owner
    made: datetime
    said: datetime


def owner_in(value: Any) -> Owner | None:
    try:
        return Owner.model_validate(value)
    except ValidationError:  # somebody's own variable
        return None


def _tags(project: str) -> list[str]:
    return ["slipway-secret", f"project:{project}"]


async def claims_of(client: PrefectClient, project: str) -> list[Claim]:
    """Return what the project has claimed, by key and version; the client's own call knows no filter."""
    found: list[dict[str, Any]] = []
    while True:
        query = {"variables": {"tags": {"all_": _tags(project)}}, "limit": _PAGE, "offset": len(found)}
        page = (await client.request("POST", "/variables/filter", json=query)).json()
        found += page
        if len(page) < _PAGE:
            break
    claims = [
        Claim(name=each["name"], owner=owner, made=each["created"], said=each["updated"])
        for each in found
        if (owner := owner_in(each["value"])) is not None and owner.project == project
    ]
    return sorted(claims, key=lambda claim: (claim.owner.key, claim.owner.version))


async def infos_of(client: PrefectClient, claims: Sequence[Claim]) -> list[SecretInfo]:
    stored = await stored_names(client, [claim.name for claim in claims])
    return [
        SecretInfo(reference=claim.name, made=claim.made, **claim.owner.model_dump(exclude={"project"}))
        for claim in claims
        if claim.name in stored
    ]


async def stored_names(client: PrefectClient, names: list[str]) -> dict[str, datetime]:
    """Return which of the names are blocks, without their values, and when each was changed last."""
    found: dict[str, datetime] = {}
    for start in range(0, len(names), _PAGE):
        query = {"block_documents": {"name": {"any_": names[start : start + _PAGE]}}, "include_secrets": False}
        for document in (await client.request("POST", "/block_documents/filter", json=query)).json():
            if document["block_type"]["slug"] == "secret":
                found[document["name"]] = datetime.fromisoformat(document["updated"])
    return found


async def store_next(client: PrefectClient, said: Owner, value: str, last: int) -> str:
    """Claim the next name that is free and put the value there."""
    for version in count(last + 1):
        name = secret_block_name(said.project, said.key, version)
        if await claim_name(client, name, said.model_copy(update={"version": version})):
            await Secret(value=SecretStr(value)).asave(name, overwrite=True)
            return name
    raise AssertionError("count() does not end")


async def claim_name(client: PrefectClient, name: str, owner: Owner) -> bool:
    """Make the variable; False when the name is another secret's, or of another process a moment earlier."""
    try:
        value = owner.model_dump(mode="json")
        await client.create_variable(VariableCreate(name=name, value=value, tags=_tags(owner.project)))
    except ObjectAlreadyExists:
        return False
    return True


async def say(client: PrefectClient, name: str, owner: Owner) -> None:
    await client.update_variable(VariableUpdate(name=name, value=owner.model_dump(mode="json")))


async def value_at(client: PrefectClient, reference: str) -> str:
    try:
        document = await client.read_block_document_by_name(reference, "secret")
    except ObjectNotFound:
        raise UnknownObject("secret", reference) from None
    return str(document.data["value"])


async def drop(client: PrefectClient, name: str) -> None:
    """Delete the value, then the claim: killed between the two it is done again."""
    with suppress(ObjectNotFound):
        document = await client.read_block_document_by_name(name, "secret", include_secrets=False)
        await client.delete_block_document(document.id)
    with suppress(ObjectNotFound):
        await client.delete_variable_by_name(name)
