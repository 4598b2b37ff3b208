"""Files, captions, drafts and replies of the simulator, driven by python-telegram-bot."""

from collections.abc import AsyncIterator

import pytest
from telegram import Bot, ForceReply, InlineKeyboardButton, InlineKeyboardMarkup, ReplyParameters
from telegram.error import BadRequest

from tests.fakes.telegram_api import TOKEN, TelegramApi, telegram_api

ANN = 1001
PNG = b"\x89PNG\r\n\x1a\nrest"


@pytest.fixture
async def api() -> AsyncIterator[TelegramApi]:
    async with telegram_api(ANN) as server:
        yield server


@pytest.fixture
async def bot(api: TelegramApi) -> AsyncIterator[Bot]:
    async with Bot(TOKEN, base_url=f"{api.url}/bot", base_file_url=f"{api.url}/file/bot") as client:
        yield client


@pytest.mark.parametrize(
    ("kind", "name", "mime", "content"),
    [
        ("document", "list.zip", "application/zip", b"PK\x03\x04"),
        ("photo", "x.png", "image/png", PNG),
        ("voice", "v.oga", "audio/ogg", b"OggS"),
    ],
)
async def test_what_a_person_gives_is_downloaded_byte_for_byte(
    api: TelegramApi, bot: Bot, kind: str, name: str, mime: str, content: bytes
) -> None:
    await api.give(ANN, content, name, mime, kind, caption="here")
    [update] = await bot.get_updates(timeout=1)
    message = update.message
    held = {"document": message.document, "photo": message.photo[-1] if message.photo else None, "voice": message.voice}
    assert [k for k, found in held.items() if found] == [kind]
    assert (message.text, message.caption, held[kind].file_size) == (None, "here", len(content))
    assert bytes(await (await held[kind].get_file()).download_as_bytearray()) == content


@pytest.mark.parametrize("name", ["log.txt", "diff.patch"])
async def test_sent_document_is_seen_and_its_caption_is_edited_not_its_text(api: TelegramApi, bot: Bot, name: str) -> None:
    sent = await bot.send_document(ANN, b"one\r\ntwo", caption="<b>Log</b>", parse_mode="HTML", filename=name)
    [seen] = api.messages(ANN)
    assert (seen.file.name, api.files[seen.file.id], seen.text) == (name, b"one\r\ntwo", "Log")
    assert sent.document.file_name == name
    await bot.edit_message_caption(ANN, sent.message_id, caption="Diff")
    assert seen.versions == ["Log", "Diff"]
    with pytest.raises(BadRequest, match="There is no text in the message to edit"):
        await bot.edit_message_text("x", ANN, sent.message_id)
    with pytest.raises(BadRequest, match="is not modified"):
        await bot.edit_message_caption(ANN, sent.message_id, caption="Diff")
    again = await bot.send_document(ANN, sent.document.file_id)
    assert again.document.file_name == name


async def test_photo_is_taken_when_it_is_one(api: TelegramApi, bot: Bot) -> None:
    assert (await bot.send_photo(ANN, PNG, caption="x" * 1024)).photo[0].file_size == len(PNG)
    with pytest.raises(BadRequest, match=r"[Ii]mage_process_failed"):
        await bot.send_photo(ANN, b"a text")
    with pytest.raises(BadRequest, match="Message caption is too long"):
        await bot.send_photo(ANN, PNG, caption="x" * 1025)
    assert len(api.messages(ANN)) == 1


async def test_empty_or_unknown_or_too_large_file_is_refused(api: TelegramApi, bot: Bot) -> None:
    with pytest.raises(BadRequest, match="File must be non-empty"):
        await bot.send_document(ANN, b"", filename="x.txt")
    with pytest.raises(BadRequest, match="Wrong file_id"):
        await bot.get_file("nothing")
    api.files["large"] = bytes(20_000_001)
    with pytest.raises(BadRequest, match="File is too big"):
        await bot.get_file("large")


async def test_draft_is_streamed_and_ends_with_the_message(api: TelegramApi, bot: Bot) -> None:
    person = api.people[ANN]
    for text in ("", "I think", "I think <b>so</b>"):
        await bot.send_message_draft(ANN, 7, text, parse_mode="HTML")
    assert (person.draft, person.drafts) == ("I think so", ["", "I think", "I think so"])
    assert api.messages(ANN) == []
    with pytest.raises(BadRequest, match="is too long"):
        await bot.send_message_draft(ANN, 7, "x" * 4097)
    with pytest.raises(BadRequest, match=r"[Dd]raft"):
        await bot.send_message_draft(ANN, 0, "x")
    await bot.send_message(ANN, "I think so.")
    assert person.draft is None


async def test_forced_reply_is_answered_as_a_reply(api: TelegramApi, bot: Bot) -> None:
    asked = await bot.send_message(ANN, "The token?", reply_markup=ForceReply(input_field_placeholder="BOT_TOKEN"))
    [question] = api.messages(ANN)
    assert question.asks == "BOT_TOKEN"
    await api.say(ANN, "1:x", to=question)
    [update] = await bot.get_updates(timeout=1)
    assert update.message.reply_to_message.message_id == asked.message_id


async def test_reply_to_a_message_that_is_gone_is_refused_unless_it_may_stand_alone(api: TelegramApi, bot: Bot) -> None:
    said = await api.say(ANN, "hello")
    await bot.send_message(ANN, "hi", reply_parameters=ReplyParameters(said.id))
    await bot.delete_message(ANN, said.id)
    with pytest.raises(BadRequest, match="Message to be replied not found"):
        await bot.send_message(ANN, "hi", reply_parameters=ReplyParameters(said.id))
    await bot.send_message(ANN, "hi", reply_parameters=ReplyParameters(said.id, allow_sending_without_reply=True))
    assert [m.reply_to for m in api.messages(ANN)] == [said.id, 0]


async def test_start_carries_the_payload_of_its_link(api: TelegramApi, bot: Bot) -> None:
    await api.open(ANN, "invite-7")
    [update] = await bot.get_updates(timeout=1)
    assert (update.message.text, update.message.entities[0].length) == ("/start invite-7", 6)


async def test_updates_that_were_not_asked_for_do_not_come(api: TelegramApi, bot: Bot) -> None:
    await bot.get_updates(timeout=0, allowed_updates=["callback_query"])
    await api.say(ANN, "unheard")
    await bot.send_message(ANN, "card", reply_markup=InlineKeyboardMarkup([[InlineKeyboardButton("Go", callback_data="go")]]))
    await api.press(api.messages(ANN)[0].buttons[0])
    [update] = await bot.get_updates(timeout=1)
    assert update.callback_query.data == "go"
    assert [entry["message"]["text"] for entry in api.dropped] == ["unheard"]


async def test_keyboard_keeps_its_rows_and_links_and_refuses_a_button_that_does_nothing(api: TelegramApi, bot: Bot) -> None:
    rows = [
        [InlineKeyboardButton("Stop", callback_data="s"), InlineKeyboardButton("Logs", callback_data="l")],
        [InlineKeyboardButton("Open", url="https://example.org")],
    ]
    sent = await bot.send_message(ANN, "card", reply_markup=InlineKeyboardMarkup(rows))
    assert [[b.text for b in row] for row in sent.reply_markup.inline_keyboard] == [["Stop", "Logs"], ["Open"]]
    with pytest.raises(BadRequest, match="ext buttons are unallowed"):
        await bot.send_message(ANN, "card", reply_markup=InlineKeyboardMarkup([[InlineKeyboardButton("Nothing")]]))
