"""Files, photos and albums in the chat, on the Bot API simulator: taken along by the words that belong to them, once."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
from telegram import Chat, Message, PhotoSize

from deployments.bot.messages import sent_in
from domain.attachments import Limits
from domain.names import REQUEST_LIMIT
from domain.talks import TalkState
from tests.deployments.conftest import ANN, BOB, IVAN, Start, eventually
from tests.deployments.test_bot_dialogue import Owner, state
from tests.fakes.desk import FakeDesk
from tests.fakes.talks import MemoryTalks
from tests.fakes.telegram_api import TelegramApi

pytestmark = pytest.mark.filterwarnings("ignore:.*retry_after:telegram.warnings.PTBDeprecationWarning")

PNG = b"\x89PNG\r\n\x1a\nand pixels"


async def started(desk: FakeDesk, runs: int = 1) -> list[tuple[str, list[str]]]:
    """Wait for so many runs; return what each was asked for, and its files."""

    async def are_there() -> bool:
        return len([run for run in await desk.registry.runs() if run.flow_run]) == runs

    await eventually(are_there)
    found = sorted(await desk.registry.runs(), key=lambda run: run.created)
    return [(run.request, [file.name for file in desk.given[run.id]]) for run in found]


def of_run(tmp_path: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted((tmp_path / "attachments" / "runs").glob("*/*"))]


@pytest.mark.usefixtures("bot")
async def test_file_with_a_caption_is_a_request_with_that_file(api: TelegramApi, desk: FakeDesk, tmp_path: Path) -> None:
    said = await api.give(ANN, b"tea;3", "prices.csv", caption="a page of this")
    assert await started(desk) == [("a page of this", ["prices.csv"])]
    assert (said.reaction, of_run(tmp_path)) == ("👀", [b"tea;3"])


@pytest.mark.usefixtures("bot")
async def test_file_without_a_name_is_called_by_what_it_is(api: TelegramApi) -> None:
    await api.give(ANN, b"tea;3", "")
    await api.message(ANN, "file.txt", "What shall I do with it?")


@pytest.mark.usefixtures("bot")
async def test_file_without_words_is_asked_about_and_goes_with_the_next_text_alone(api: TelegramApi, desk: FakeDesk) -> None:
    await api.give(ANN, b"tea;3", "prices.csv")
    await api.message(ANN, "prices.csv", "What shall I do with it?")
    photo = await api.give(ANN, PNG, "", kind="photo", caption="🎉")
    await api.message(ANN, f"prices.csv, photo-{photo.id}.jpg")
    await api.say(ANN, "a page of these")
    await started(desk)
    await api.say(ANN, "something else")
    assert await started(desk, 2) == [("a page of these", ["prices.csv", f"photo-{photo.id}.jpg"]), ("something else", [])]


@pytest.mark.usefixtures("bot")
async def test_files_go_along_with_a_command_and_wait_on_when_nothing_came_of_it(api: TelegramApi, desk: FakeDesk) -> None:
    await api.give(ANN, b"tea;3", "prices.csv")
    await api.message(ANN, "What shall I do with it?")
    desk.errors.append(ZeroDivisionError())
    await api.say(ANN, "a page of this")
    await api.message(ANN, "Something went wrong on my side")
    await api.say(ANN, "x" * (REQUEST_LIMIT + 1))
    await api.message(ANN, "16,001 characters")
    await api.say(ANN, "/new a page of this")
    assert await started(desk) == [("a page of this", ["prices.csv"])]


@pytest.mark.usefixtures("bot")
async def test_caption_may_be_a_command(api: TelegramApi, desk: FakeDesk) -> None:
    await api.say(ANN, "notes")
    await started(desk)
    await api.give(ANN, b"tea;3", "prices.csv", caption="/change notes take these prices")
    assert (await started(desk, 2))[1] == ("take these prices", ["prices.csv"])


@pytest.mark.usefixtures("bot")
async def test_caption_with_a_command_that_takes_no_file_starts_nothing_and_the_file_waits(
    api: TelegramApi, desk: FakeDesk
) -> None:
    await api.give(ANN, b"tea;3", "prices.csv", caption="/rollback@slipway_test_bot notes")
    await api.message(ANN, "/rollback takes no files, so I did nothing. I have prices.csv")
    await api.give(IVAN, b"tea;3", "prices.csv", caption="/Status")
    await api.message(IVAN, "С файлами /status не работает")
    assert (desk.proposed, desk.rolled_back) == ([], [])
    await api.say(ANN, "a page of this")
    assert await started(desk) == [("a page of this", ["prices.csv"])]


@pytest.mark.usefixtures("bot")
async def test_waiting_files_are_forgotten_by_cancel(api: TelegramApi, desk: FakeDesk) -> None:
    await api.give(ANN, b"tea;3", "prices.csv")
    await api.message(ANN, "What shall I do with it?")
    await api.say(ANN, "/cancel")
    await api.message(ANN, "Stopped. Nothing was started.")
    await api.say(ANN, "a tea timer")
    assert await started(desk) == [("a tea timer", [])]


@pytest.mark.parametrize(
    ("content", "name", "kind", "words"),
    [
        (b"x" * 2_000, "big.csv", "document", "big.csv is too large: at most 0.001 MB."),
        (b"x" * 2_000, "a\nb.csv", "document", "a_b.csv is too large: at most 0.001 MB."),
        (b"%PDF-1.7\n\xe2\xe3", "a.pdf", "document", "I cannot read a.pdf."),
        (b"PK\x03\x04" + bytes(50), "a.zip", "document", "a.zip is no zip that I can open."),
    ],
)
async def test_what_cannot_be_used_is_told_in_a_sentence(
    api: TelegramApi, start: Start, content: bytes, name: str, kind: str, words: str
) -> None:
    async with start(limits=Limits(megabytes=0.001)):
        await api.give(ANN, content, name, kind=kind, caption="a page of this")
        await api.message(ANN, words)


@pytest.mark.usefixtures("bot")
async def test_russian_is_told_in_russian(api: TelegramApi) -> None:
    await api.give(IVAN, b"%PDF-1.7\n\xe2\xe3", "a.pdf", caption="страница")
    await api.message(IVAN, "Не могу прочитать a.pdf.")


async def test_file_with_a_credential_is_kept_nowhere_and_its_message_deleted(
    api: TelegramApi, desk: FakeDesk, start: Start, tmp_path: Path
) -> None:
    token = "ghp_" + "Ab1" * 12
    async with start():
        said = await api.give(ANN, f"key = {token}".encode(), "config.txt", caption="a page of this")
        await api.message(ANN, "looked like a secret (GitHub token)")
    assert (said.deleted, desk.proposed) == (True, [])
    held = [path for path in tmp_path.rglob("*") if path.is_file() and token.encode() in path.read_bytes()]  # noqa: ASYNC240
    assert held == []


async def stored(tmp_path: Path, number: int) -> None:
    folder = tmp_path / "attachments" / "people"
    await eventually(lambda: asyncio.sleep(0, len(list(folder.glob("*/*"))) == number))


async def test_album_is_one_request_with_all_its_files(api: TelegramApi, desk: FakeDesk, start: Start, tmp_path: Path) -> None:
    whole = asyncio.Event()
    async with start(pause=whole.wait):
        one = await api.give(ANN, PNG + b"1", "", kind="photo", caption="a page of these", album="7")
        two = await api.give(ANN, PNG + b"2", "", kind="photo", album="7")
        await api.give(ANN, b"tea;3", "prices.csv", album="7")
        await stored(tmp_path, 3)
        await handled(tmp_path, 0)
        whole.set()
        assert await started(desk) == [("a page of these", [f"photo-{one.id}.jpg", f"photo-{two.id}.jpg", "prices.csv"])]
        await handled(tmp_path, 3)
        await api.give(ANN, PNG + b"3", "late.png", album="7")  # after it had begun
        await api.message(ANN, "late.png", "What shall I do with it?")


async def test_albums_of_two_people_stay_apart_whatever_their_ids(
    api: TelegramApi, desk: FakeDesk, start: Start, tmp_path: Path
) -> None:
    whole = asyncio.Event()
    async with start(pause=whole.wait):
        await api.give(ANN, b"tea;3", "prices.csv", caption="a page of this", album="7")
        await api.give(BOB, b"mine", "secret.csv", album="7")
        await stored(tmp_path, 2)
        await eventually(lambda: asyncio.sleep(0, sum(method == "getFile" for method, _ in api.calls) == 2))
        whole.set()
        await api.message(BOB, "secret.csv", "What shall I do with it?")
        assert await started(desk) == [("a page of this", ["prices.csv"])]


async def handled(tmp_path: Path, number: int) -> None:
    """Wait until so many updates are dealt with."""
    await eventually(lambda: asyncio.sleep(0, len(list((tmp_path / "telegram" / "done").iterdir())) == number))


async def test_album_that_a_stop_cut_off_is_taken_up_whole_by_the_next_process(
    api: TelegramApi, desk: FakeDesk, start: Start, tmp_path: Path
) -> None:
    async with start(pause=asyncio.Event().wait):
        one = await api.give(ANN, PNG + b"1", "", kind="photo", caption="a page of these", album="7")
        two = await api.give(ANN, PNG + b"2", "", kind="photo", album="7")
        await stored(tmp_path, 2)
    assert desk.proposed == []
    whole = asyncio.Event()
    async with start(pause=whole.wait):
        await eventually(lambda: asyncio.sleep(0, sum(method == "getFile" for method, _ in api.calls) >= 4))
        whole.set()
        assert await started(desk) == [("a page of these", [f"photo-{one.id}.jpg", f"photo-{two.id}.jpg"])]
        await handled(tmp_path, 2)


async def test_text_that_took_files_along_finds_them_again_after_a_kill(
    api: TelegramApi, desk: FakeDesk, start: Start, tmp_path: Path
) -> None:
    async with start():
        await api.give(ANN, b"tea;3", "prices.csv")
        await api.message(ANN, "What shall I do with it?")
        await api.say(ANN, "a page of this")
        before = await started(desk)
        await handled(tmp_path, 2)
    (tmp_path / "telegram" / "done" / str(api.next_update - 1)).unlink()  # as if killed before the mark was written
    run = (await desk.registry.runs())[0].id
    del desk.given[run]
    await desk.registry.update_run(run, flow_run="")
    api.next_update -= 1
    async with start():
        await api.say(ANN, "a page of this")
        assert await started(desk) == before == [("a page of this", ["prices.csv"])]


async def test_product_owner_hears_files_with_their_words_and_without_when_it_has_asked(
    api: TelegramApi, desk: FakeDesk, start: Start
) -> None:
    talks = MemoryTalks()
    desk.talking = Owner(desk, talks)
    async with start(talks=talks):
        await api.give(ANN, b"tea;3", "prices.csv", caption="propose")
        await eventually(lambda: asyncio.sleep(0, talks.sessions and state(talks) is TalkState.AWAITING))
        await api.give(ANN, PNG, "logo.png")
        await api.message(ANN, "heard Here is what you asked for: logo.png")
    said = talks.sessions[f"telegram:{ANN}"].said
    assert [(remark.text, [file.name for file in remark.files]) for remark in said] == [
        ("propose", ["prices.csv"]),
        ("Here is what you asked for: logo.png", ["logo.png"]),
    ]


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"contact": {"phone_number": "1", "first_name": "B"}}, "I cannot make use of contacts."),
        ({"location": {"latitude": 1.0, "longitude": 2.0}}, "I cannot make use of locations."),
        ({"dice": {"emoji": "🎲", "value": 3}}, "I cannot make use of stickers."),
        (
            {"video": {"file_id": "v", "file_unique_id": "v", "width": 1, "height": 1, "duration": 1}, "caption": "like this"},
            "I cannot make use of videos.",
        ),
    ],
)
async def test_what_nobody_reads_gets_one_sentence(
    api: TelegramApi, desk: FakeDesk, content: dict[str, object], words: str
) -> None:
    await api.send_other(ANN, **content)
    await api.message(ANN, words, "Say in words what you want")
    assert desk.proposed == []


async def test_an_edit_is_answered_and_never_read(api: TelegramApi, desk: FakeDesk, start: Start, tmp_path: Path) -> None:
    token = "ghp_" + "Ab1" * 12
    async with start():
        said = await api.say(ANN, "notes")
        await started(desk)
        await api.change(said, "notes in green, by the way")
        await api.message(ANN, "not what is changed in them later")
        await api.change(said, f"notes with {token}")
        await api.message(ANN, "looked like a secret (GitHub token)")
    kept = b"".join(path.read_bytes() for path in (tmp_path / "telegram").rglob("*") if path.is_file())
    assert said.deleted
    assert token.encode() not in kept
    assert desk.proposed == ["notes"]


def test_of_a_photo_the_largest_size_that_models_take_is_chosen() -> None:
    sizes = [(90, 90, 2_000), (1280, 960, 300_000), (2560, 1920, 4_000_000), (9000, 100, 1_000)]
    photo = [PhotoSize(str(width), str(width), width, height, size) for width, height, size in sizes]
    message = Message(1, datetime(2026, 11, 28, tzinfo=UTC), Chat(1, "private"), photo=photo)
    sent = sent_in(message)
    assert sent is not None
    assert sent.id == "1280"
