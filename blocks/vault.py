"""Project secrets as Prefect Secret blocks.

Block names lose what environment names have (capitals, underscores), and two projects can even mean the same one. So
beside each block there is a Prefect variable of the same name that says whose it is: project and key, never the value.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import httpx
from prefect.blocks.core import Block
from prefect.blocks.system import Secret
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import VariableCreate
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound, PrefectHTTPStatusError
from pydantic import SecretStr

from domain.errors import BadInput, Broken, ServiceUnreachable, UnknownObject
from domain.names import secret_block_name

_PAGE = 200


class SecretVault(Block):
    """Keeps each secret as one string in its own Secret block: Prefect masks strings, but not dicts."""

    _block_type_slug = "slipway-secret-vault"
    _block_type_name = "Slipway secret vault"

    async def put(self, project: str, key: str, value: str) -> str:
        """Store or replace the value; raise BadInput when its block name is another secret's already."""
        name, owner = secret_block_name(project, key), {"project": project, "key": key}
        with _errors(f"storing {key} of {project}"):
            async with get_client() as client:
                holder = await client.read_variable_by_name(name)
                if holder is not None and holder.value != owner:
                    raise BadInput(f"{key} of {project} would share the block {name} with another secret: give it another name")
                await Secret(value=SecretStr(value)).asave(name, overwrite=True)
                if holder is None:
                    with suppress(ObjectAlreadyExists):  # the same put from another process, a moment earlier
                        await client.create_variable(VariableCreate(name=name, value=owner, tags=_tags(project)))
        return name

    async def get(self, reference: str) -> str:
        """Return the value as it was given; Secret's own `get` would turn "123" into a number."""
        with _errors(f"reading {reference}"):
            async with get_client() as client:
                try:
                    document = await client.read_block_document_by_name(reference, "secret")
                except ObjectNotFound:
                    raise UnknownObject("secret", reference) from None
        return str(document.data["value"])

    async def names(self, project: str) -> Sequence[str]:
        """Return the names, sorted, of those whose block still exists: one deleted in Prefect's UI is missing again."""
        with _errors(f"listing the secrets of {project}"):
            async with get_client() as client:
                owners = [variable["value"] for variable in await _variables(client, _tags(project))]
                names = {owner["key"]: secret_block_name(project, owner["key"]) for owner in owners}
                stored = await _stored(client, list(names.values()))
        return sorted(key for key, name in names.items() if name in stored)

    async def delete(self, project: str, key: str) -> None:  # type: ignore[override]  # Prefect's own deletes a block
        """Forget the value; nothing happens when there is none."""
        name = secret_block_name(project, key)
        with _errors(f"deleting {key} of {project}"):
            async with get_client() as client:
                holder = await client.read_variable_by_name(name)
                if holder is None or holder.value != {"project": project, "key": key}:
                    return
                with suppress(ObjectNotFound):  # the variable alone is what a delete that was killed leaves
                    document = await client.read_block_document_by_name(name, "secret", include_secrets=False)
                    await client.delete_block_document(document.id)
                with suppress(ObjectNotFound):
                    await client.delete_variable_by_name(name)


def _tags(project: str) -> list[str]:
    return ["slipway-secret", f"project:{project}"]


async def _variables(client: PrefectClient, tags: list[str]) -> list[dict[str, Any]]:
    """Return all variables with the tags; the client's own call knows no filter."""
    found: list[dict[str, Any]] = []
    while True:
        query = {"variables": {"tags": {"all_": tags}}, "limit": _PAGE, "offset": len(found)}
        page = (await client.request("POST", "/variables/filter", json=query)).json()
        found += page
        if len(page) < _PAGE:
            return found


async def _stored(client: PrefectClient, names: list[str]) -> set[str]:
    """Return which of the names are blocks, without their values."""
    found: set[str] = set()
    for start in range(0, len(names), _PAGE):
        query = {"block_documents": {"name": {"any_": names[start : start + _PAGE]}}, "include_secrets": False}
        response = await client.request("POST", "/block_documents/filter", json=query)
        found |= {document["name"] for document in response.json() if document["block_type"]["slug"] == "secret"}
    return found


@contextmanager
def _errors(attempted: str) -> Iterator[None]:
    """Translate; a message of Prefect's is not passed on, since it may quote what was sent."""
    try:
        yield
    except PrefectHTTPStatusError as error:
        status = error.response.status_code
        if status >= 500 or status == 429:
            raise ServiceUnreachable("Prefect", attempted, f"status {status}") from None
        raise Broken(f"Prefect refused {attempted} with status {status}") from None
    except httpx.TransportError as error:
        raise ServiceUnreachable("Prefect", attempted, type(error).__name__) from None
