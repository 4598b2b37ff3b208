"""A bot in its own process, for tests that kill it.

`python -m tests.deployments.bot_process API REGISTRY FOLDER [hold] [REDIS] [WEBHOOK]`
"""

import asyncio
import sys
from pathlib import Path

from pydantic import SecretStr

from blocks.registry.block import SqlRegistry
from blocks.telegram import TelegramChat
from blocks.wakeups import RedisWakeups
from deployments.bot.door import House
from deployments.bot.service import bot_running
from domain.admission import Rules
from domain.bot_webhook import Webhook
from tests.fakes.desk import FakeDesk, Hints
from tests.fakes.rates import MemoryRates
from tests.fakes.telegram_api import TOKEN


async def main(api: str, registry: str, folder: str, hold: bool, redis: str, webhook: Webhook | None) -> None:
    desk = FakeDesk(SqlRegistry(url=SecretStr(registry), budget_micro_usd=5_000_000), Hints())
    if hold:
        desk.free.clear()
    if redis:
        desk.wakeups = RedisWakeups(url=SecretStr(redis))  # type: ignore[assignment]  # real hints, from other processes
    house = House(rules=Rules(), rates=MemoryRates(), key="k")
    async with bot_running(desk, TelegramChat(token=SecretStr(TOKEN), api_url=api), Path(folder), house, webhook=webhook):
        await asyncio.Event().wait()


if __name__ == "__main__":
    more = [word for word in sys.argv[4:] if word != "hold"]
    given = [Webhook.model_validate_json(word) for word in more if word.startswith("{")]
    redis = [word for word in more if not word.startswith("{")]
    asyncio.run(main(*sys.argv[1:4], "hold" in sys.argv[4:], next(iter(redis), ""), next(iter(given), None)))
