"""Keys: one's own can be listed, made and revoked; a key makes none that may more, or that lasts longer, than itself."""

from datetime import UTC, datetime
from typing import Annotated, cast

from fastapi import APIRouter, Path

from deployments.api.access import Owned, TheHouse
from deployments.api.operators import TheOffice
from deployments.api.problems import Refusal
from deployments.api.shapes_office import KeyRevoked, KeyShown, NewKeyShown
from deployments.api.tags import found
from deployments.api.wishes import NewKey
from domain.keys import ApiKey, checked_scopes, days_within, may_give
from domain.visits import CALLER

router = APIRouter(prefix="/v1/keys", tags=["keys"])

KeyInPath = Annotated[str, Path(pattern=r"^[0-9a-f]{12}$", description="Id of the key.", examples=["0123456789ab"])]


@router.get("")
async def list_keys(office: TheOffice, theirs: Owned) -> list[KeyShown]:
    """List your keys, also those that open nothing any more, and to an operator everybody's; none can be read again."""
    return [KeyShown.model_validate(key) for key in await office.keys() if theirs.person in (None, key["owner"])]


@router.post("", status_code=201)
async def add_key(office: TheOffice, theirs: Owned, wish: NewKey) -> NewKeyShown:
    """Make a key of your own, an operator also for others. It is shown in this answer alone, which is kept nowhere."""
    caller, scopes = theirs.caller, checked_scopes(wish.scopes)
    if caller.id.startswith(CALLER):
        raise Refusal(403, "a browser makes no keys: they would outlast its signing out")
    if not may_give(caller, scopes):
        raise Refusal(403, "a key makes none that may more than itself")
    if wish.owner not in (None, caller.owner) and not caller.is_operator:
        raise Refusal(403, "a key for somebody else is the operator's to make")
    days = days_within(caller, wish.days, datetime.now(UTC))
    return NewKeyShown.model_validate(await office.add_key(wish.name, wish.owner, scopes, days))


@router.delete("/{key}")
async def remove_key(house: TheHouse, office: TheOffice, theirs: Owned, key: KeyInPath) -> KeyRevoked:
    """Let a key of yours, and those that it made, open nothing any more; an operator's key may revoke everybody's."""
    row = await house.registry.key(key)
    meant = cast(ApiKey, found(row if row and theirs.person in (None, row.owner) else None))
    return KeyRevoked.model_validate(await office.revoke_key(meant.id))
