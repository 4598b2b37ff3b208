"""The bot in a process, its Product Owner answers at once: `python -m tests.bench.telegram_bot API REGISTRY REDIS FOLDER`."""

import asyncio
import signal
import sys
from pathlib import Path

from pydantic import SecretStr

from blocks.redis_talks import RedisTalks
from blocks.registry.block import SqlRegistry
from blocks.telegram import TelegramChat
from blocks.wakeups import RedisWakeups
from deployments.bot.door import House
from deployments.bot.service import bot_running, log_without_token
from domain.admission import Rules
from domain.deeds import Deeds
from domain.proposals import Answered, Reply
from domain.talks import Talks
from tasks.dialogue import Turn
from tests.fakes.desk import FakeDesk, Hints
from tests.fakes.rates import MemoryRates
from tests.fakes.telegram_api import TOKEN

BUDGET = 5_000_000


class Echo:
    """Says at once what it heard."""

    def __init__(self, talks: Talks) -> None:
        self._talks = talks

    async def __call__(self, turn: Turn, _: Deeds) -> Answered:
        waiting = await self._talks.waiting(turn.name, turn.epoch)
        return Answered(reply=Reply(text=" ".join(remark.text for remark in waiting)[:3000]), upto=waiting[-1].sequence)


async def main(api: str, registry: str, redis: str, folder: str) -> None:
    """Run until SIGTERM; all but the Product Owner is as in `deployments.bot.service.run_bot`."""
    log_without_token()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    chat, talks = TelegramChat(token=SecretStr(TOKEN), api_url=api), RedisTalks(redis)
    rows, wakeups = SqlRegistry(url=SecretStr(registry), budget_micro_usd=BUDGET), RedisWakeups(url=SecretStr(redis))
    desk = FakeDesk(rows, Hints())
    desk.wakeups = wakeups  # type: ignore[assignment]  # real hints, from other processes
    desk.talking = Echo(talks)
    house = House(rules=Rules(), rates=MemoryRates(), key="k")
    async with rows.kept(), wakeups.kept(), bot_running(desk, chat, Path(folder), house, talks=talks):
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:5]))
