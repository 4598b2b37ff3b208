"""Keys: one's own can be listed, made and revoked; a key makes none that may more, or that lasts longer, than itself."""

from datetime import UTC, datetime
from typing import Annotated, cast

from fastapi import APIRouter, Path

from deployments.api.access import Owned, TheHouse
from deployments.api.problems import Refusal
from deployments.api.shapes import KeyRevoked, KeyShown, NewKeyShown
from deployments.api.tags import found
from deployments.api.wishes import NewKey
from domain.keys import ApiKey, checked_scopes, days_within, may_give, state_of
from domain.visits import CALLER
from tasks.keys import make_key, revoke_key

router = APIRouter(prefix="/v1/keys", tags=["keys"])

KeyInPath = Annotated[str, Path(pattern=r"^[0-9a-f]{12}$", description="Id of the key.", examples=["0123456789ab"])]


@router.get("")
async def list_keys(house: TheHouse, theirs: Owned) -> list[KeyShown]:
    """List your keys, also those that open nothing any more; none can be read again."""
    now = datetime.now(UTC)
    return [shown(key, now) for key in await house.registry.api_keys() if key.owner == theirs.caller.owner]


@router.post("", status_code=201)
async def add_key(house: TheHouse, theirs: Owned, wish: NewKey) -> NewKeyShown:
    """Make a key of your own. It is shown in this answer alone, which is kept nowhere: there is no Idempotency-Key here."""
    caller, now = theirs.caller, datetime.now(UTC)
    if caller.id.startswith(CALLER):
        raise Refusal(403, "a browser makes no keys: they would outlast its signing out")
    scopes = checked_scopes(wish.scopes)
    if not may_give(caller, scopes):
        raise Refusal(403, "a key makes none that may more than itself")
    days = days_within(caller, wish.days, now)
    who = caller.owner
    made = await make_key(wish.name, who, scopes, days, who, house.pepper, house.registry, now, caller.id)
    return NewKeyShown(**shown(made.row, now).model_dump(), key=made.shown)


@router.delete("/{key}")
async def remove_key(house: TheHouse, theirs: Owned, key: KeyInPath) -> KeyRevoked:
    """Let a key of yours, and those that it made, open nothing any more; an operator's key may revoke everybody's."""
    row = await house.registry.key(key)
    meant = cast(ApiKey, found(row if row and theirs.person in (None, row.owner) else None))
    now = datetime.now(UTC)
    [gone, *made] = [shown(each, now) for each in await revoke_key(meant.id, theirs.caller.owner, house.registry, now)]
    return KeyRevoked(**gone.model_dump(), made=tuple(made))


def shown(key: ApiKey, now: datetime) -> KeyShown:
    return KeyShown.model_validate({**key.model_dump(), "prefix": key.prefix, "state": state_of(key, now).value})
