"""What the doctor says of the bot pool: it is worth knowing, and never broken."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from blocks.registry.block import SqlRegistry
from blocks.registry.schema import migrate
from deployments.checks.doctor import Finding, bot_pool
from deployments.data_folder import DataFolder
from deployments.settings import Settings
from domain.bots import BotState

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


@pytest.fixture
def settings(no_settings: None, tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


async def look(settings: Settings) -> Finding:
    found = await bot_pool(settings)
    assert found.ok is not False
    return found


async def test_pool_is_counted_and_an_empty_one_has_its_cure(settings: Settings) -> None:
    assert (await look(settings)).found.startswith("none yet")
    folder = DataFolder(settings.home)
    folder.prepare()
    folder.registry.touch()
    assert "no tables yet" in (await look(settings)).found
    url = f"sqlite+aiosqlite:///{folder.registry}"
    await migrate(url)
    empty = await look(settings)
    assert empty.found.startswith("empty")
    assert "slipway bots add" in empty.cure
    registry = SqlRegistry(url=url, budget_micro_usd=1)
    bot = await registry.add_bot("1", "one_bot", NOON)
    assert (await look(settings)).found.startswith("none of 1 is free")
    await registry.move_bot(bot, BotState.FREE, NOON)
    full = await look(settings)
    assert (full.ok, full.found, full.cure) == (True, "1 of 1 free", "")
    await registry.close()
