"""What the operator is told in Russian: every sentence that an alarm, a digest or a limit writes in English."""

import re
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from prefect.events.actions import RunDeployment

from deployments.prefect_server.alarms import alarms
from deployments.prefect_server.windows import Windows
from deployments.wording.operators import for_operator
from domain.digest import Day, digest
from domain.people import Person
from domain.refusals import LimitReached
from domain.releases import Release, ReleaseState
from domain.runs import Notification, Project
from tests.deployments.conftest import IVAN, Start
from tests.fakes.desk import FakeDesk, a_brief
from tests.fakes.telegram_api import TelegramApi

NOW = datetime(2026, 11, 29, 6, tzinfo=UTC)
OURS = re.compile(r"`slipway [^`]+`|Slipway|Prefect|runner|USD|UTC|WORD|telegram:\S+|notes|DNS", re.IGNORECASE)
"""What is English in a Russian text, too: names and commands."""


def all_alarms() -> list[str]:
    """Return what each automation tells, with WORD where Prefect fills something in."""
    made = alarms({"alarm/main": uuid4(), "delivery/main": uuid4()}, Windows())
    told = [action.parameters for each in made for action in each.actions if isinstance(action, RunDeployment)]
    filled = [f"{each['what']}: {each['detail']}" for each in told if each]
    counted = [re.sub(r"\{\{ event\.payload\.(unwell|watched) \}\}", "3", each) for each in filled]
    return [re.sub(r"\{\{.*?\}\}", "WORD", each) for each in counted]


LIMITS = [str(LimitReached(which, "telegram:1", 2.0, NOW)) for which in ("usd_day", "usd_month")]
OTHERS = [
    "1 of 4 bots of the pool are free: `slipway bots add` takes the token of another one",
    "telegram:1 came in by invitation 7; `slipway people block 1` takes that back",
    "telegram:1 asks for a human: WORD",
]


@pytest.mark.parametrize("text", [*all_alarms(), *LIMITS, *OTHERS])
def test_alarm_is_told_in_russian_whole(text: str) -> None:
    told = for_operator(text, "ru")
    assert re.search(r"[а-я]{4}", told)
    assert not re.search(r"[a-z]{2,}", OURS.sub("", told)), told
    assert "по-английски: " not in told or told.endswith("по-английски: WORD")
    assert for_operator(text, "en") == text


def test_reason_that_nobody_foresaw_is_said_to_be_english() -> None:
    assert for_operator("the moon is down", "ru") == "по-английски: the moon is down"


def a_day() -> Day:
    brief = a_brief("notes", "Notes")
    project = Project(
        slug="notes", title="Notes", kind="web-service", owner="telegram:1", brief=brief, domain="notes.localhost", created=NOW
    )
    serving = Release(
        project="notes", number=2, run="r-1", commit="c", candidate="d", environment_version=1, state=ReleaseState.LIVE,
        created=NOW, went_live=NOW,
    )  # fmt: skip
    broken = serving.model_copy(update={"number": 1, "state": ReleaseState.FAILED, "went_live": None})
    return Day(
        since=NOW, until=NOW, projects=(project, project.model_copy(update={"slug": "notes-2"})), releases=(serving, broken),
        told=tuple(
            Notification(key=text, channel="operator", chat="", text=text, created=NOW) for text in (*all_alarms(), *LIMITS)
        ),
        disk_free=1, disk_total=2,
    )  # fmt: skip


def test_digest_is_told_in_russian_whole() -> None:
    told = for_operator(digest(a_day()), "ru")
    assert "notes: работает версия 2; вышло в сеть: 1; не запустилось: 1" in told
    assert "notes-2: не в сети" in told
    assert not re.search(r"[a-z]{2,}", OURS.sub("", told)), told


async def test_operator_who_chose_russian_reads_alarms_in_it(api: TelegramApi, desk: FakeDesk, start: Start) -> None:
    await desk.registry.keep_person(Person(name=f"telegram:{IVAN}", language="ru"))
    await desk.registry.add_notification(
        Notification(key="digest:1", channel="operator", chat="", text=digest(a_day()), created=datetime.now(UTC))
    )
    async with start(operator=str(IVAN)):
        await api.message(IVAN, "Проекты:", "Тревоги:", "Диск: свободно")
