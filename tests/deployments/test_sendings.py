"""Traces of messages on their way: what is in doubt stays so until it is written down."""

from pathlib import Path

import pytest

from deployments.bot.sendings import Sendings
from domain.errors import AnswerLost, ChatBusy


async def test_trace_that_a_power_cut_left_empty_is_a_doubt(tmp_path: Path) -> None:
    sendings = Sendings(tmp_path / "sendings")

    async def lost(_: bool) -> str:
        raise AnswerLost("Telegram", "sending")

    async def sent(quiet: bool) -> str:
        return "quiet" if quiet else "loud"

    with pytest.raises(AnswerLost):
        await sendings.once("a", lost)
    [trace] = (tmp_path / "sendings").iterdir()
    trace.write_text("")
    assert await sendings.once("a", sent) == "quiet"


async def test_doubt_outlives_a_later_refusal(tmp_path: Path) -> None:
    sendings = Sendings(tmp_path / "sendings")

    async def lost(_: bool) -> str:
        raise AnswerLost("Telegram", "sending")

    async def busy(_: bool) -> str:
        raise ChatBusy(1, "sending")

    async def sent(quiet: bool) -> str:
        return "quiet" if quiet else "loud"

    for attempt in (lost, busy):
        with pytest.raises((AnswerLost, ChatBusy)):
            await sendings.once("a", attempt)
    assert await sendings.once("a", sent) == "quiet"
    assert await Sendings(tmp_path / "sendings").once("a", busy) == "quiet"  # it is known as which message it was sent
    await sendings.end("a")
    assert await sendings.once("a", sent) == "loud"
