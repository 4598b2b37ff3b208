"""The bot's process is killed, not asked to stop: nothing a person said is lost, and nothing is done twice."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import SecretStr

from blocks.registry.block import SqlRegistry
from tests.deployments.conftest import ANN, eventually
from tests.fakes.telegram_api import TelegramApi, telegram_api
from tests.registry_database import lay_registry

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def bot_process(*words: str) -> AsyncIterator[None]:
    """Run a bot; leaving the block is SIGKILL. It must still be alive then."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.deployments.bot_process", *words, cwd=ROOT)
    try:
        yield
    finally:
        process.kill()
        await process.wait()


async def confirmed(api: TelegramApi) -> None:
    """Wait until the bot has told Telegram that it has every update, and shows that it works on one."""
    await api.until(lambda: not api.updates and api.people[ANN].actions, seconds=60)


async def test_request_confirmed_to_telegram_survives_two_kills_and_starts_one_run(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/registry.db"
    await lay_registry(url)
    registry = SqlRegistry(url=SecretStr(url), budget_micro_usd=5_000_000)

    async def card_is_known() -> object:
        """Killed between Telegram's answer and its writing down, it sends a second card: Telegram has no keys for that."""
        return [run for run in await registry.runs() if run.origin.message]

    async with telegram_api(ANN) as api:
        await api.say(ANN, "notes")
        words = (api.url, url, str(tmp_path / "telegram"))
        async with bot_process(*words, "hold"):
            await confirmed(api)
        assert await registry.runs() == ()
        async with bot_process(*words):
            await eventually(card_is_known)
        async with bot_process(*words):
            await api.say(ANN, "/help")
            await api.until(lambda: any("/rollback" in m.text for m in api.messages(ANN)), seconds=60)
    assert [(run.project, run.request) for run in await registry.runs()] == [("notes", "notes")]
    assert [m.text[0] for m in api.messages(ANN)] == ["🛠", "W"]
    await registry.close()
