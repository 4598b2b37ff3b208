"""What a person is told of a preview in Telegram, and the button that puts it online."""

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from deployments.bot.preview_cards import preview_card
from deployments.wording.cards import Wanted, card
from domain.previews import PreviewedChange, PreviewState
from domain.runs import Progress, Run, RunState
from domain.usage import Cost
from tests.deployments.conftest import ANN, BOB, begun
from tests.deployments.test_cards import NOON, a_run
from tests.fakes.desk import FakeDesk, a_brief
from tests.fakes.telegram_api import TelegramApi

ADDRESS = "http://notes-1.localhost"
LINE = Progress(
    run="r-abc123",
    sequence=1,
    at=NOON,
    kind="note",
    text="preview 1 is up",
    data={"preview": 1, "address": ADDRESS, "until": "2026-12-01 12:00 UTC"},
)
GOAL = Wanted(title="Notes & more", language="en")


def test_card_of_a_previewed_change_does_not_say_that_it_is_online() -> None:
    shown = card(a_run(RunState.DELIVERED), [LINE], Cost(calls=1, micro_usd=1), GOAL, NOON)
    assert f'🔎 To be looked at: <a href="{ADDRESS}">{ADDRESS}</a>' in shown.html
    assert "Online" not in shown.html


@pytest.mark.parametrize(
    ("key", "words", "offered"),
    [
        ("end", "Notes &amp; more can be looked at before it goes online, until 2026-12-01 12:00 UTC", True),
        ("preview-soon", "the preview ends at 2026-12-01 12:00 UTC, and nobody has put it online", True),
        ("preview-expired", "the preview has ended, and what is online is as it was", False),
    ],
)
def test_news_of_a_preview_are_told_with_the_one_next_thing(key: str, words: str, *, offered: bool) -> None:
    shown = preview_card(f"r-abc123:{key}", a_run(RunState.DELIVERED), [LINE], GOAL)
    assert shown is not None
    assert words in shown.html
    buttons = (("🌐 Put it online", "live:r-abc123"), ("🗑 Take it away", "/preview notes drop 1"))
    assert shown.buttons == (buttons if offered else ())


def test_other_news_are_not_about_a_preview() -> None:
    assert preview_card("r-abc123:end", a_run(RunState.DELIVERED), [], GOAL) is None
    assert preview_card("r-abc123:end", a_run(RunState.FAILED), [LINE], GOAL) is None
    assert preview_card("r-abc123:secrets-1", a_run(RunState.DELIVERED), [LINE], GOAL) is None


async def shown_first(api: TelegramApi, desk: FakeDesk) -> Run:
    """Let ANN's change be up as a preview, and be told of."""
    run = await begun(api, desk, ANN, "notes")
    now = datetime.now(UTC)
    change = PreviewedChange(
        project="notes",
        run=run.id,
        commit="new",
        candidate="sha256:2",
        base="old",
        brief=a_brief("notes", "Notes"),
        checks=(),
    )
    await desk.registry.add_preview(change, "localhost", now, now + timedelta(days=3))
    await desk.registry.move_preview("notes", 1, PreviewState.UP, address=ADDRESS)
    await desk.registry.add_progress(run.id, LINE.kind, LINE.text, now, "deploy", LINE.data)
    await desk.end(run.id, message="it can be looked at")
    return run


@pytest.mark.usefixtures("bot")
async def test_button_puts_the_preview_online_for_its_person_alone_and_once(api: TelegramApi, desk: FakeDesk) -> None:
    await shown_first(api, desk)
    told = await api.message(ANN, "can be looked at before it goes online")
    for pressed in [await api.press(told.buttons[0]), await api.press(told.buttons[0])]:
        assert await api.until(partial(api.queries.get, pressed)) == "notes goes online with it."
    assert desk.confirmed == [("notes", 1)] * 2
    assert len([run for run in await desk.registry.runs("notes") if run.request == "confirmed"]) == 1
    stranger = await api.press(told.buttons[0], BOB)
    assert await api.until(lambda: api.queries[stranger]) == "That button is not for you."


@pytest.mark.usefixtures("bot")
async def test_button_of_a_preview_that_has_ended_says_what_to_do(api: TelegramApi, desk: FakeDesk) -> None:
    await shown_first(api, desk)
    told = await api.message(ANN, "can be looked at before it goes online")
    await desk.registry.move_preview("notes", 1, PreviewState.EXPIRED)
    await api.press(told.buttons[0])
    await api.message(ANN, "cannot go online any more")
    assert desk.confirmed == []


@pytest.mark.usefixtures("bot")
async def test_preview_is_listed_and_taken_away_or_put_online_by_thumb(api: TelegramApi, desk: FakeDesk) -> None:
    await shown_first(api, desk)
    await api.message(ANN, "can be looked at before it goes online")
    await api.say(ANN, "/preview")
    listed = await api.message(ANN, "notes: preview 1, until", ADDRESS)
    assert [button.label for button in listed.buttons] == ["🌐 Put it online", "🗑 Take it away"]
    await api.press(listed.buttons[0])
    await api.message(ANN, "notes goes online with it.")
    assert desk.confirmed == [("notes", 1)]
    await api.press(listed.buttons[1])
    await api.message(ANN, "preview 1 is gone. What is online is as it was.")
    assert [each.state for each in await desk.registry.previews("notes")] == [PreviewState.REMOVED]
    await api.say(ANN, "/preview notes drop 7")
    await api.message(ANN, "cannot be taken away")
    await api.say(ANN, "/preview notes")
    await api.message(ANN, "no preview is up")
