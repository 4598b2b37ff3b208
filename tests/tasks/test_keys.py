"""Keys are shown once, kept by their digest, and let in while they count."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from blocks.registry.block import SqlRegistry
from domain.errors import BadInput
from domain.keys import KEY_LINES, Scope, digest_of
from tasks.keys import NewKey, admit, make_key, revoke_key
from tests.registry_database import lay_registry

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
PEPPER = b"p" * 32


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[SqlRegistry]:
    url = f"sqlite+aiosqlite:///{tmp_path}/registry.db"
    await lay_registry(url)
    registry = SqlRegistry(url=url, budget_micro_usd=1)
    yield registry
    await registry.close()


async def made(registry: SqlRegistry, name: str = "ci", days: float | None = None) -> NewKey:
    return await make_key(name, "local:ann", (Scope.READ,), days, "local:root", PEPPER, registry, NOON)


async def test_key_is_nowhere_but_in_what_its_maker_is_shown(registry: SqlRegistry, tmp_path: Path) -> None:
    key = await made(registry, days=1)
    assert key.row.expires == NOON + timedelta(days=1)
    assert key.shown not in repr(key)
    kept = await asyncio.to_thread(lambda: b"".join(path.read_bytes() for path in tmp_path.iterdir()))
    assert key.shown[len(key.row.prefix) :].encode() not in kept
    assert key.row.digest.encode() in kept
    lines = [(line.actor, line.what) for line in await registry.history(KEY_LINES)]
    assert lines == [("local:root", f"API key {key.row.prefix}… made for local:ann")]


async def test_key_is_admitted_until_it_is_revoked(registry: SqlRegistry) -> None:
    key = await made(registry)
    digest = digest_of(key.shown, PEPPER)
    admitted = await admit(key.shown, digest, registry, NOON)
    assert admitted is not None
    assert admitted.id == key.row.id
    assert await admit(key.shown, digest_of(key.shown, b"another installation"), registry, NOON) is None
    assert await admit("nonsense", digest, registry, NOON) is None
    await revoke_key(key.row.prefix, "local:root", registry, NOON)
    assert await admit(key.shown, digest, registry, NOON) is None


async def test_key_is_revoked_by_what_is_shown_of_it_or_by_a_name_that_only_one_has(registry: SqlRegistry) -> None:
    keys = [await made(registry, name) for name in ("ci", "ci", "phone")]
    with pytest.raises(BadInput, match="2 keys are named so"):
        await revoke_key("ci", "me", registry, NOON)
    with pytest.raises(BadInput, match="no such key"):
        await revoke_key(keys[0].shown, "me", registry, NOON)
    assert [each.id for each in await revoke_key(keys[0].row.id, "me", registry, NOON)] == [keys[0].row.id]
    assert [each.id for each in await revoke_key("ci", "me", registry, NOON)] == [keys[1].row.id]
    assert [each.id for each in await revoke_key("phone", "me", registry, NOON)] == [keys[2].row.id]


@pytest.mark.parametrize(
    ("name", "owner"), [("", "ann"), (" ", "ann"), ("x" * 81, "ann"), ("a\nb", "ann"), ("ci", ""), ("ci", "a\x1b")]
)
async def test_name_and_owner_must_be_printable(registry: SqlRegistry, name: str, owner: str) -> None:
    with pytest.raises(BadInput, match="needs a name"):
        await make_key(name, owner, (Scope.READ,), None, "me", PEPPER, registry, NOON)
    assert await registry.api_keys() == ()
