"""Voice messages in the chat: shown before they are used, once, also after a restart; a sentence where nothing is heard."""

import asyncio
from pathlib import Path

import pytest

from domain.transcribing import NotTranscribed
from tests.deployments.conftest import ANN, BOB, IVAN, Start, eventually
from tests.fakes.desk import FakeDesk
from tests.fakes.telegram_api import TelegramApi

pytestmark = pytest.mark.filterwarnings("ignore:.*retry_after:telegram.warnings.PTBDeprecationWarning")


class Ear:
    """Hears what the sound's bytes say."""

    async def transcribe(self, sound: bytes, ending: str) -> str:
        if sound == b"noise":
            raise NotTranscribed("its program ended with code 1")
        return f"{sound.decode()}{'' if ending == '.ogg' else ending}"


async def speak(api: TelegramApi, chat: int, words: str) -> None:
    await api.give(chat, words.encode(), "", "audio/ogg", kind="voice")


@pytest.mark.usefixtures("bot")
async def test_without_a_program_the_person_is_asked_to_write(api: TelegramApi, desk: FakeDesk) -> None:
    await speak(api, ANN, "a tea timer")
    await api.message(ANN, "I cannot listen to voice messages here. Write what you want, please.")
    await speak(api, IVAN, "таймер")
    await api.message(IVAN, "Здесь я не умею слушать голосовые сообщения.")
    assert desk.proposed == []


async def test_what_was_heard_is_shown_and_starts_one_run_when_it_is_right(
    api: TelegramApi, desk: FakeDesk, start: Start, tmp_path: Path
) -> None:
    async with start(transcriber=Ear()):
        await speak(api, ANN, "a <tea> timer")
        shown = await api.message(ANN, "I heard: “a <tea> timer”")
        assert desk.proposed == []
    async with start(transcriber=Ear()):
        use = next(button for button in shown.buttons if button.label == "That is right")
        foreign = await api.press(use, by=BOB)
        assert await api.until(lambda: api.queries[foreign]) == "That button is not for you."
        await api.press(use)
        await api.message(ANN, "waiting for its turn")
        await eventually(lambda: nothing_is_kept(tmp_path))
        again = await api.press(use)
        assert "has ended already" in str(await api.until(lambda: api.queries[again]))
    assert [run.request for run in await desk.registry.runs()] == ["a <tea> timer"]


async def test_button_that_is_pressed_twice_in_a_row_begins_once_beside_what_is_being_read(
    api: TelegramApi, desk: FakeDesk, start: Start, tmp_path: Path
) -> None:
    desk.free.clear()
    async with start(transcriber=Ear()):
        await speak(api, ANN, "a tea timer")
        use, drop = (await api.message(ANN, "I heard: “a tea timer”")).buttons
        await api.say(ANN, "notes")
        await eventually(lambda: asyncio.sleep(0, desk.proposed == ["notes"]))
        await api.press(use)
        await eventually(lambda: asyncio.sleep(0, desk.proposed == ["notes", "a tea timer"]))
        again = [await api.press(button) for button in (use, drop)]
        await api.until(lambda: all(api.queries[each] == "" for each in again))
        desk.free.set()
        await eventually(lambda: nothing_is_kept(tmp_path))
        await eventually(lambda: asyncio.sleep(0, len([m for m in api.messages(ANN) if "waiting for its turn" in m.text]) == 2))
    assert desk.proposed == ["notes", "a tea timer"]
    assert not any("went wrong" in message.text for message in api.messages(ANN))


async def nothing_is_kept(tmp_path: Path) -> bool:
    return not list((tmp_path / "telegram" / "heard").iterdir())


async def test_what_was_heard_wrong_is_forgotten(api: TelegramApi, desk: FakeDesk, start: Start) -> None:
    async with start(transcriber=Ear()):
        await speak(api, ANN, "a sea tiger")
        shown = await api.message(ANN, "I heard: “a sea tiger”")
        pressed = await api.press(next(button for button in shown.buttons if button.label == "No"))
        assert await api.until(lambda: api.queries[pressed]) == "Then I forget it. Say it again, or write it."
    assert desk.proposed == []


@pytest.mark.parametrize(
    ("sound", "words"),
    [
        ("noise", "I could not make out that voice message"),
        (" ", "I could not make out that voice message"),
        ("use ghp_" + "Ab1" * 12, "looked like a secret (GitHub token)"),
    ],
)
async def test_what_cannot_be_used_is_told(api: TelegramApi, start: Start, sound: str, words: str) -> None:
    async with start(transcriber=Ear()):
        await speak(api, ANN, sound)
        await api.message(ANN, words)
    assert not any(message.buttons for message in api.messages(ANN))
