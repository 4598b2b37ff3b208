"""Project secrets as Prefect Secret blocks, a block for each version.

Block names lose what environment names have (capitals, underscores), so names of different secrets can be equal. A Prefect
variable of the block's name says whose it is: project, key and version, never the value. Making it claims the name, and
comes before the block: a kill between the two leaves a name without a value, which counts for nothing.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import httpx
from prefect.blocks.core import Block
from prefect.client.orchestration import get_client
from prefect.exceptions import PrefectHTTPStatusError

from blocks.vault_versions import (
    Owner,
    claim_name,
    claims_of,
    drop,
    infos_of,
    owner_in,
    say,
    store_next,
    stored_names,
    value_at,
)
from domain.complaints import Complaint
from domain.errors import Broken, ServiceUnreachable
from domain.names import secret_block_name
from domain.vault import SecretInfo, newest, usable


class SecretVault(Block):
    """Keeps each value as one string in its own Secret block: Prefect masks strings, but not dicts."""

    _block_type_slug = "slipway-secret-vault"
    _block_type_name = "Slipway secret vault"

    async def put(self, project: str, key: str, value: str, *, generated: bool = False, unchecked: bool = False) -> str:
        """Store the value as the newest version and return its reference; the newest value again is that version.

        What is said of it now counts: given again by a person who wants it used, it is used.
        """
        said = Owner(project=project, key=key, length=len(value), generated=generated, unchecked=unchecked)
        with _errors(f"storing {key} of {project}"):
            async with get_client() as client:
                claims = [claim for claim in await claims_of(client, project) if claim.owner.key == key]
                last = newest(await infos_of(client, claims)).get(key)
                if last is None or await value_at(client, last.reference) != value:
                    return await store_next(client, said, value, max((claim.owner.version for claim in claims), default=0))
                if unchecked:
                    await say(client, last.reference, said.model_copy(update={"version": last.version}))
        return last.reference

    async def get(self, reference: str) -> str:
        """Return the value as it was given; Secret's own `get` would turn "123" into a number."""
        with _errors(f"reading {reference}"):
            async with get_client() as client:
                return await value_at(client, reference)

    async def listed(self, project: str) -> Sequence[SecretInfo]:
        """Return all versions whose block still exists: one deleted in Prefect's UI is missing again."""
        with _errors(f"listing the secrets of {project}"):
            async with get_client() as client:
                return await infos_of(client, await claims_of(client, project))

    async def names(self, project: str) -> Sequence[str]:
        """Return the keys, sorted, whose newest value may be used."""
        return usable(await self.listed(project))

    async def complain(self, reference: str, complaint: Complaint) -> None:
        """Write down that this value cannot be used."""
        with _errors(f"marking {reference}"):
            async with get_client() as client:
                holder = await client.read_variable_by_name(reference)
                owner = owner_in(holder.value) if holder is not None else None
                if owner is not None:
                    await say(client, reference, owner.model_copy(update={"complaint": complaint}))

    async def adopt(self, project: str, key: str) -> None:
        """Take in a block of the key's name that nobody owns, or one that was changed after it was complained of."""
        with _errors(f"looking for {key} of {project}"):
            async with get_client() as client:
                claims = [claim for claim in await claims_of(client, project) if claim.owner.key == key]
                last = max(claims, key=lambda claim: claim.owner.version, default=None)
                name = last.name if last else secret_block_name(project, key)
                changed = (await stored_names(client, [name])).get(name)
                if changed is None or (last and (last.owner.complaint is None or changed <= last.said)):
                    return
                owner = Owner(project=project, key=key, length=len(await value_at(client, name)))
                if last is None:
                    await claim_name(client, name, owner)
                else:
                    await say(client, name, owner.model_copy(update={"version": last.owner.version}))

    async def forget(self, project: str, references: Sequence[str]) -> None:
        """Drop these versions of the project's."""
        with _errors(f"forgetting values of {project}"):
            async with get_client() as client:
                for claim in await claims_of(client, project):
                    if claim.name in references:
                        await drop(client, claim.name)

    async def delete(self, project: str, key: str) -> None:  # type: ignore[override]  # Prefect's own deletes a block
        """Drop all versions of the key."""
        with _errors(f"deleting {key} of {project}"):
            async with get_client() as client:
                for claim in await claims_of(client, project):
                    if claim.owner.key == key:
                        await drop(client, claim.name)

    async def clear(self, project: str) -> None:
        """Drop everything of the project, names without a value too."""
        with _errors(f"deleting the secrets of {project}"):
            async with get_client() as client:
                for claim in await claims_of(client, project):
                    await drop(client, claim.name)


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
