"""TelegramChat against the Bot API simulator."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import SecretStr
from telegram.error import (
    BadRequest,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)

from blocks.telegram import TelegramChat, translated
from blocks.telegram_downloads import downloaded
from domain.attachments import AttachmentRefused
from domain.errors import (
    AnswerLost,
    ChatBusy,
    ChatClosed,
    ChatRefused,
    ChatTokenRefused,
    ServiceUnreachable,
    SlipwayError,
    UnknownObject,
)
from domain.protocols import Chat
from tests.fakes.telegram_api import TOKEN, TelegramApi, telegram_api

ANN = 1001
PTB_WARNS = pytest.mark.filterwarnings("ignore:.*retry_after:telegram.warnings.PTBDeprecationWarning")


@pytest.fixture
async def api() -> AsyncIterator[TelegramApi]:
    async with telegram_api(ANN) as server:
        yield server


@pytest.fixture
async def chat(api: TelegramApi) -> AsyncIterator[TelegramChat]:
    block = TelegramChat(token=SecretStr(TOKEN), api_url=api.url)
    yield block
    await block.aclose()


async def test_block_fulfils_the_protocol_and_hides_its_token(chat: TelegramChat) -> None:
    door: Chat = chat
    assert await door.send(str(ANN), "hi")
    assert TOKEN not in repr(chat)
    assert await chat.username() == "slipway_test_bot"


async def test_sent_message_has_its_html_and_buttons_in_rows_of_two(api: TelegramApi, chat: TelegramChat) -> None:
    sent = await chat.send(str(ANN), "<b>Notes</b> &amp; more", [("Stop", "stop:r-1"), ("Logs", "logs:r-1"), ("Cost", "c")])
    message = api.sent[int(sent)]
    assert (message.text, [b.label for b in message.buttons]) == ("Notes & more", ["Stop", "Logs", "Cost"])
    markup = api.calls[-1][1]["reply_markup"]
    assert markup.count("[") == 3


async def test_edit_replaces_text_and_buttons_and_the_same_again_is_no_error(api: TelegramApi, chat: TelegramChat) -> None:
    sent = await chat.send(str(ANN), "one", [("Stop", "s")])
    await chat.edit(str(ANN), sent, "two")
    await chat.edit(str(ANN), sent, "two")
    assert (api.sent[int(sent)].versions, api.sent[int(sent)].buttons) == (["one", "two"], [])


async def test_long_text_is_sent_in_parts_with_the_buttons_on_the_last(api: TelegramApi, chat: TelegramChat) -> None:
    sent = await chat.send(str(ANN), "<b>" + "word " * 2000 + "</b>", [("Stop", "s")])
    messages = api.messages(ANN)
    assert [len(m.buttons) for m in messages] == [0, 0, 1]
    assert str(messages[-1].id) == sent
    assert sum(m.text.count("word") for m in messages) == 2000


async def test_quiet_message_makes_no_sound(api: TelegramApi, chat: TelegramChat) -> None:
    await chat.send(str(ANN), "psst", quiet=True)
    await chat.send(str(ANN), "hear")
    assert [m.silent for m in api.messages(ANN)] == [True, False]


async def test_long_edit_is_cut_to_one_message(api: TelegramApi, chat: TelegramChat) -> None:
    sent = await chat.send(str(ANN), "short")
    await chat.edit(str(ANN), sent, "word " * 2000)
    assert 4000 < len(api.sent[int(sent)].text) <= 4096


@PTB_WARNS
async def test_busy_telegram_says_how_long_to_wait(api: TelegramApi, chat: TelegramChat) -> None:
    api.busy(3, method="editMessageText")
    sent = await chat.send(str(ANN), "one")
    with pytest.raises(ChatBusy) as busy:
        await chat.edit(str(ANN), sent, "two")
    assert busy.value.seconds == 3


async def test_deleted_message_is_named(api: TelegramApi, chat: TelegramChat) -> None:
    sent = await chat.send(str(ANN), "one")
    await chat.delete_message(str(ANN), sent)
    with pytest.raises(UnknownObject, match=f"no message '{sent}'"):
        await chat.edit(str(ANN), sent, "two")


async def test_stranger_cannot_be_written_to(chat: TelegramChat) -> None:
    with pytest.raises(ChatClosed, match=r"[Cc]hat not found"):
        await chat.send("999", "hi")


async def test_refused_token_is_a_persons_matter_and_is_not_shown(api: TelegramApi) -> None:
    wrong = TelegramChat(token=SecretStr("42:AAwrong"), api_url=api.url)
    with pytest.raises(ChatTokenRefused, match="@BotFather") as refused:
        await wrong.username()
    assert "AAwrong" not in str(refused.value)
    await wrong.aclose()


async def test_dead_server_can_be_tried_again() -> None:
    nobody = TelegramChat(token=SecretStr(TOKEN), api_url="http://127.0.0.1:9")
    with pytest.raises(ServiceUnreachable, match="Telegram did not answer while sending a message") as unreachable:
        await nobody.send("1", "hi")
    assert type(unreachable.value) is ServiceUnreachable  # nobody was there: it was certainly not sent
    assert TOKEN not in str(unreachable.value)


async def test_small_signs_and_button_answers_reach_the_person(api: TelegramApi, chat: TelegramChat) -> None:
    said = await api.say(ANN, "hello")
    await chat.react(str(ANN), str(said.id), "👀")
    await chat.typing(str(ANN))
    await chat.send(str(ANN), "card", [("Stop", "s")])
    pressed = await api.press(api.messages(ANN)[0].buttons[0])
    await chat.answer(pressed, "stopping")
    await chat.name_commands([("help", "Как это работает")], "ru")
    assert (said.reaction, api.people[ANN].actions, api.queries[pressed]) == ("👀", ["typing"], "stopping")
    assert list(api.commands) == ["ru"]


@PTB_WARNS
@pytest.mark.parametrize(
    ("vendor", "ours"),
    [
        (lambda: RetryAfter(5), ChatBusy),
        (TimedOut, AnswerLost),
        (lambda: NetworkError("Bad Gateway"), AnswerLost),
        (lambda: BadRequest("Can't parse entities: unsupported start tag"), ChatRefused),
        (lambda: BadRequest("Message to edit not found"), UnknownObject),
        (lambda: BadRequest("Chat not found"), ChatClosed),
        (lambda: Forbidden("Forbidden: bot was blocked by the user"), ChatClosed),
        (InvalidToken, ChatTokenRefused),
        (lambda: Conflict("terminated by other getUpdates request"), ChatRefused),
    ],
)
def test_vendor_errors_become_ours(vendor: type[TelegramError], ours: type[SlipwayError]) -> None:
    assert type(translated(vendor(), "sending", "7")) is ours


async def test_file_of_a_person_is_downloaded_within_its_limit(chat: TelegramChat, api: TelegramApi) -> None:
    sent = await api.give(ANN, b"tea;3", "prices.csv")
    assert sent.file is not None
    assert await chat.fetch(sent.file.id, "prices.csv", 5) == b"tea;3"
    with pytest.raises(AttachmentRefused) as refused:
        await chat.fetch(sent.file.id, "prices.csv", 4)
    assert refused.value.why == "too_big"


async def test_server_nearby_is_reached_without_a_proxy_also_for_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")  # nobody is there
    async with TelegramApi(host="127.0.0.2") as api:
        api.person(ANN)
        sent = await api.give(ANN, b"tea;3", "prices.csv")
        assert sent.file is not None
        chat = TelegramChat(token=SecretStr(TOKEN), api_url=api.url)
        try:
            assert await chat.fetch(sent.file.id, "prices.csv", 5) == b"tea;3"
        finally:
            await chat.aclose()


async def test_file_that_telegram_does_not_give_is_told_without_the_token(chat: TelegramChat, api: TelegramApi) -> None:
    sent = await api.give(ANN, b"x" * 20_000_001, "huge.csv")
    assert sent.file is not None
    with pytest.raises(AttachmentRefused, match="what Telegram gives to bots"):
        await chat.fetch(sent.file.id, "huge.csv", 30_000_000)
    with pytest.raises(AttachmentRefused, match=r"none\.csv"):
        await chat.fetch("file-99", "none.csv", 10)
    with pytest.raises(ServiceUnreachable, match="downloading a file: status 404") as missing:
        await downloaded(f"{api.url}/file/bot{TOKEN}/documents/none", "none.csv", 10)
    assert TOKEN not in str(missing.value)


class HeldApi(TelegramApi):
    """Answers `sendMessage` only when as many have come as the test wants."""

    def __init__(self, wanted: int) -> None:
        super().__init__()
        self.held, self.wanted, self.free = 0, wanted, asyncio.Event()

    async def result(self, method: str, call: dict[str, Any]) -> Any:
        if method == "sendMessage":
            self.held += 1
            if self.held == self.wanted:
                self.free.set()
            await self.free.wait()
        return await super().result(method, call)


async def test_many_chats_are_answered_at_once_however_slow_telegram_is() -> None:
    async with HeldApi(100) as api:
        chat = TelegramChat(token=SecretStr(TOKEN), api_url=api.url)
        for person in range(1, 101):
            api.person(person)
        await asyncio.gather(*(chat.send(str(person), "hello") for person in range(1, 101)))
        await chat.aclose()
        assert all(len(api.messages(person)) == 1 for person in range(1, 101))
