"""What is too long for one message: each part comes once, however Telegram limits or refuses those after it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deployments.bot.asks import Asks
from deployments.bot.messages import Said
from deployments.bot.outbox import Outbox
from deployments.bot.sendings import Sendings
from deployments.bot.speech import Speech
from deployments.bot.talk_cards import Spoken, secret_question, written
from domain.errors import ChatBusy, ChatRefused, SlipwayError
from domain.runs import Origin
from tests.deployments.test_outbox import Paper
from tests.fakes.desk import FakeDesk, Hints

ORIGIN = Origin(channel="telegram", chat="1")
LONG = "\n".join(f"line {number} " + "x" * 90 for number in range(1, 101))
"""Three messages."""


class Limited(Paper):
    """Takes so many messages, then raises once."""

    def __init__(self, takes: int, error: SlipwayError) -> None:
        super().__init__()
        self._takes, self._error = takes, error

    async def send(self, chat: str, html: str, buttons: Sequence[tuple[str, str]] = (), *, quiet: bool = False) -> str:
        if len(self.sent) == self._takes:
            self._takes = -1
            raise self._error
        return await super().send(chat, html, buttons, quiet=quiet)


@pytest.mark.parametrize("takes", [1, 2])
async def test_parts_that_were_sent_before_telegram_asked_to_wait_do_not_come_again(
    desk: FakeDesk, tmp_path: Path, takes: int
) -> None:
    await desk.registry.add_notification(written("talk:1", Spoken(html=LONG), ORIGIN, datetime.now(UTC)))
    paper, asks = Limited(takes, ChatBusy(3600, "sending")), Asks(tmp_path / "asks")
    await Outbox(paper, desk.registry, Hints(), asks, Sendings(tmp_path / "sendings")).send_waiting()
    assert len(paper.sent) == takes
    await Outbox(paper, desk.registry, Hints(), asks, Sendings(tmp_path / "sendings")).send_waiting()
    assert "\n".join(html for _, html in paper.sent) == LONG
    assert (len(paper.sent), list((tmp_path / "sendings").iterdir())) == (3, [])


async def test_question_for_a_secret_that_is_refused_is_asked_without_marks(desk: FakeDesk, tmp_path: Path) -> None:
    asked = secret_question("notes", "API_KEY", "for <b>weather", "1", "en", ORIGIN, datetime.now(UTC))
    await desk.registry.add_notification(asked)
    paper, asks = Limited(0, ChatRefused("asking", "can't parse entities")), Asks(tmp_path / "asks")
    await Outbox(paper, desk.registry, Hints(), asks, Sendings(tmp_path / "sendings")).send_waiting()
    [(_, html)] = paper.sent
    assert "for &lt;b&gt;weather" in html
    assert (found := asks.find("1", "1")) is not None
    assert found.name == "API_KEY"


async def test_rest_of_a_long_answer_to_a_command_comes_by_the_outbox(desk: FakeDesk, tmp_path: Path) -> None:
    said = Said(update=1, chat="1", person="telegram:1", user=1, language="en", message="7", text="/status")
    paper = Limited(1, ChatBusy(3600, "sending"))
    await Speech(paper, desk.registry, Sendings(tmp_path / "files")).answer(said, LONG)
    assert len(paper.sent) == 1
    await Outbox(paper, desk.registry, Hints(), Asks(tmp_path / "asks"), Sendings(tmp_path / "sendings")).send_waiting()
    assert "\n".join(html for _, html in paper.sent) == LONG
