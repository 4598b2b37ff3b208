"""The demo: what it says of who answers as the model."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from blocks.registry.block import SqlRegistry
from deployments.data_folder import Up
from deployments.demo import build
from deployments.here.wishes import REPLAYED
from tests.deployments.test_cli import UP, CliDesk
from tests.fakes.engine import FakeEngine
from tests.fakes.vault import MemoryVault
from tests.registry_database import lay_registry


async def said(up: Up, folder: Path) -> str:
    url = f"sqlite+aiosqlite:///{folder}/registry.db"
    await lay_registry(url)
    registry = SqlRegistry(url=url, budget_micro_usd=5_000_000)
    screen = Console(file=io.StringIO(), width=200)
    try:
        await build(CliDesk(registry, MemoryVault(), FakeEngine()), up, screen)  # type: ignore[arg-type]  # what it needs of a desk
    finally:
        await registry.close()
    return screen.file.getvalue()  # type: ignore[attr-defined,no-any-return]


@pytest.mark.parametrize("here", [{}, {"ANTHROPIC_API_KEY": "sk-here"}, {"SLIPWAY_REPLAY": "/tmp"}])
@pytest.mark.parametrize("replay", [True, False])
async def test_recorded_session_is_told_of_where_one_is_played_whatever_is_set_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, here: dict[str, str], replay: bool
) -> None:
    for name, value in here.items():
        monkeypatch.setenv(name, value)
    told = await said(UP.model_copy(update={"replay": replay}), tmp_path)
    assert (REPLAYED in told) is replay
    assert "The request:" in told
