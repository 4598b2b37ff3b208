"""Keys: API keys are made, revoked, and let in.

True afterwards: a key that was made is shown to its maker once and is in the registry by its digest; one that is revoked
opens nothing from the next request on; of one that opened, the last use is known to a few minutes. Blocks: registry.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from domain.doors import DoorRegistry
from domain.errors import BadInput
from domain.keys import KEY_LINES, NAME_LIMIT, ApiKey, Keys, Scope, chosen_key, composed, digest_of, id_in, opens, use_is_old
from domain.values import Value
from tasks.audit import record


class NewKey(Value):
    """A key, and what its maker is shown once."""

    row: ApiKey
    shown: str

    def __repr__(self) -> str:
        return f"NewKey({self.row.prefix}…)"


async def make_key(
    name: str,
    owner: str,
    scopes: Sequence[Scope],
    days: float | None,
    who: str,
    pepper: bytes,
    registry: DoorRegistry,
    now: datetime,
    maker: str = "",
) -> NewKey:
    """Store a new key by its digest; `maker` is the key by which it is made. Raise BadInput for a name that cannot be used."""
    if not name.strip() or len(name) > NAME_LIMIT or not name.isprintable() or not owner.strip() or not owner.isprintable():
        raise BadInput(f"a key needs a name of at most {NAME_LIMIT} printable characters, and an owner, like `local:anna`")
    id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    shown = composed(id, secret)
    row = ApiKey(
        id=id,
        name=name.strip(),
        owner=owner.strip(),
        scopes=tuple(scopes),
        digest=digest_of(shown, pepper),
        created=now,
        expires=None if days is None else now + timedelta(days=days),
        maker=maker,
    )
    await registry.add_key(row)
    await record(KEY_LINES, who, f"API key {row.prefix}… made for {row.owner}", registry, why=row.name)
    return NewKey(row=row, shown=shown)


async def revoke_key(which: str, who: str, registry: DoorRegistry, now: datetime) -> Sequence[ApiKey]:
    """Revoke the key of this id, prefix or name, and those that it made; return them, it first.

    Raise BadInput when none, or more than one, is meant.
    """
    rows = [(key.id, key.name, key.revoked is None) for key in await registry.api_keys()]
    ids = await registry.revoke_key(chosen_key(rows, which), now)
    gone = [key for key in [await registry.key(id) for id in ids] if key]
    for key in gone:
        await record(KEY_LINES, who, f"API key {key.prefix}… revoked", registry, once=True)
    return gone


async def admit(shown: str, digest: str, registry: Keys, now: datetime) -> ApiKey | None:
    """Return the key that was shown, whose digest this is, if it counts; its last use is written down now and then."""
    id = id_in(shown)
    key = await registry.key(id) if id is not None else None
    if key is None or not opens(key, digest, now):
        return None
    if use_is_old(key, now):
        await registry.use_key(key.id, now)
    return key
