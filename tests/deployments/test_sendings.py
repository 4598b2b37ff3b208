"""Traces of messages on their way: what is in doubt stays so until it is written down."""

import asyncio
from pathlib import Path
from typing import BinaryIO

import pytest

from deployments.bot.messages import Said
from deployments.bot.sendings import Sendings
from deployments.bot.speech import FILES, Speech
from domain.errors import AnswerLost, ChatBusy, SlipwayError
from tests.fakes.desk import FakeDesk


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


async def test_traces_of_the_parts_of_one_message_never_share_a_file(tmp_path: Path) -> None:
    sendings = Sendings(tmp_path / "sendings")

    async def sent(_: bool) -> str:
        return "1"

    await asyncio.gather(*(sendings.once("a", sent, part=part) for part in range(100)))
    traces = [*(tmp_path / "sendings").iterdir()]
    assert (len(traces), {path.read_text() for path in traces}) == (100, {'{"trace":"sent","message":"1"}'})


class Shelf:
    """A chat that takes files; the first ones fail as the script says."""

    def __init__(self, *errors: SlipwayError) -> None:
        self.errors = [*errors]
        self.taken: list[tuple[str, str, bool]] = []

    async def send_file(
        self, chat: str, name: str, content: bytes | BinaryIO, caption: str = "", *, quiet: bool = False
    ) -> str:
        self.taken.append((name, caption, quiet))
        if self.errors:
            raise self.errors.pop(0)
        return "7"


ZIP = Said(update=1, chat="1", person="telegram:1", user=1, language="en", message="7", text="/archive")


async def test_file_that_was_sent_before_a_kill_does_not_come_again(desk: FakeDesk, tmp_path: Path) -> None:
    shelf = Shelf()
    for _ in range(2):  # the second time by the process that comes after it
        speech = Speech(shelf, desk.registry, Sendings(tmp_path / "files"))
        await speech.send_bytes(ZIP, "code", b"zip", "notes.zip")
    await speech.send_bytes(ZIP, "log", b"log", "notes.log")
    await speech.send_bytes(ZIP.model_copy(update={"update": 2}), "code", b"zip", "notes.zip")
    assert [(name, quiet) for name, _, quiet in shelf.taken] == [
        ("notes.zip", False), ("notes.log", False), ("notes.zip", False),
    ]  # fmt: skip


async def test_file_that_may_be_there_already_says_so_and_makes_no_sound(desk: FakeDesk, tmp_path: Path) -> None:
    shelf = Shelf(AnswerLost("Telegram", "sending a file"))
    speech = Speech(shelf, desk.registry, Sendings(tmp_path / "files"))
    with pytest.raises(AnswerLost):
        await speech.send_bytes(ZIP, "code", b"zip", "notes.zip")
    await speech.send_bytes(ZIP, "code", b"zip", "notes.zip")
    assert shelf.taken[1] == ("notes.zip", "<i>Perhaps you have this already; I was cut off while I sent it.</i>\ncode", True)


async def test_only_the_newest_sendings_of_files_are_remembered(desk: FakeDesk, tmp_path: Path) -> None:
    speech = Speech(Shelf(), desk.registry, Sendings(tmp_path / "files"))
    for number in range(FILES + 5):
        await speech.send_bytes(ZIP.model_copy(update={"update": number}), "code", b"", "notes.zip")
    assert len([*(tmp_path / "files").iterdir()]) == FILES
