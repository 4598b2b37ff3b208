"""What one person of the bot may begin: runs at once, and money of a day and a month."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from deployments.desk.allowances import Allowances
from deployments.desk.deeds import DeskDeeds
from deployments.desk.requests import run_id
from domain.admission import Rules
from domain.allowances import Limits, OwnLimits
from domain.errors import ModelKeyRefused
from domain.refusals import LimitReached
from domain.runs import Origin, Run
from domain.talks import account
from domain.usage import TokenUsage
from tests.deployments.conftest import ANN, BOB, IVAN, Start, begun, eventually
from tests.fakes.desk import FakeDesk
from tests.fakes.telegram_api import TelegramApi


async def spend(desk: FakeDesk, project: str, usd: float) -> None:
    call = f"{project}-{usd}"
    await desk.registry.reserve(call, project, f"run-of-{call}", "developer", "m", 1)
    await desk.registry.settle(call, TokenUsage(), round(usd * 1_000_000))


async def test_one_run_too_many_is_refused_until_one_has_ended(api: TelegramApi, desk: FakeDesk, start: Start) -> None:
    async with start(rules=Rules(usual=Limits(runs=1))):
        run = await begun(api, desk, ANN, "notes")
        await api.say(ANN, "timer")
        await api.message(ANN, "You have 1 requests that have not ended", "/cancel")
        assert desk.proposed == ["notes"]
        await begun(api, desk, BOB, "clock")
        await begun(api, desk, IVAN, "часы")
        await api.say(IVAN, "заметки")
        await api.message(IVAN, "Незавершённых запросов у вас уже 1")
        await desk.end(run.id, address="http://notes.localhost")
        await api.message(ANN, "notes is online")
        await begun(api, desk, ANN, "timer")
        await desk.registry.limit_member(f"telegram:{ANN}", OwnLimits(runs=2))
        await begun(api, desk, ANN, "calendar")


@pytest.mark.parametrize(
    ("limits", "told", "key"),
    [(Limits(usd_day=2.0), "$2.00 for today", "usd_day"), (Limits(usd_month=2.0), "$2.00 for this month", "usd_month")],
)
async def test_spent_money_is_told_with_its_end_and_the_operator_can_give_more(
    api: TelegramApi, desk: FakeDesk, start: Start, limits: Limits, told: str, key: str
) -> None:
    async with start(rules=Rules(usual=limits)):
        await begun(api, desk, ANN, "notes")
        await spend(desk, "notes", 2.0)
        for words in ("timer", "/change notes add a search"):
            await api.say(ANN, words)
        await api.until(lambda: len([m for m in api.messages(ANN) if told in m.text and "00:00 UTC" in m.text]) == 2)
        assert desk.proposed == ["notes"]
        await begun(api, desk, BOB, "clock")
        [warned] = [each for each in await desk.registry.unsent("operator") if each.key.startswith(f"{key}:")]
        assert f"telegram:{ANN}" in warned.text
        await desk.registry.limit_member(f"telegram:{ANN}", OwnLimits(usd_day=9.0, usd_month=9.0))
        await begun(api, desk, ANN, "timer")


async def test_of_two_runs_that_start_at_once_no_more_pass_than_may(desk: FakeDesk) -> None:
    deeds = DeskDeeds(desk, Allowances(desk.registry, desk.wakeups, Limits(runs=1)))
    origin = Origin(channel="telegram", chat=str(ANN), person=f"telegram:{ANN}")
    first, second = [await desk.propose(text, origin, key=text) for text in ("notes", "timer")]
    started = await asyncio.gather(deeds.start(first), deeds.start(second), deeds.start(first), return_exceptions=True)
    assert [type(each) for each in started] == [Run, LimitReached, Run]
    assert started[0] == started[2]
    assert [run.project for run in await desk.registry.runs()] == ["notes"]


async def test_brief_of_which_no_run_came_is_its_persons_money(api: TelegramApi, desk: FakeDesk, start: Start) -> None:
    run = run_id(f"tg:{ANN}:{api.next_update}")
    await desk.registry.reserve("brief", f"new-{run}", run, "product_owner", "m", 7)
    desk.errors.append(ModelKeyRefused())
    async with start():
        await api.say(ANN, "notes")
        await api.message(ANN, "Ask the operator to set a valid one")

    async def is_booked() -> object:
        return (await desk.registry.cost(account(f"telegram:{ANN}"))).reserved_micro_usd == 7

    await eventually(is_booked)
    assert await desk.registry.spent_by(f"telegram:{ANN}", datetime.now(UTC) - timedelta(hours=1)) == 7
