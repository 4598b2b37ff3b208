"""The simulator, driven by python-telegram-bot itself: what the library understands is what Telegram says."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup
from telegram.error import BadRequest, Conflict, Forbidden, InvalidToken, RetryAfter

from tests.fakes.telegram_api import TOKEN, TelegramApi, telegram_api

ANN, BOB = 1001, 1002


@pytest.fixture
async def api() -> AsyncIterator[TelegramApi]:
    async with telegram_api(ANN, BOB) as server:
        yield server


@pytest.fixture
async def bot(api: TelegramApi) -> AsyncIterator[Bot]:
    async with Bot(TOKEN, base_url=f"{api.url}/bot", base_file_url=f"{api.url}/file/bot") as client:
        yield client


def keyboard(*pairs: tuple[str, str]) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup([[InlineKeyboardButton(label, callback_data=data)] for label, data in pairs])


async def test_bot_says_who_it_is(bot: Bot) -> None:
    assert (await bot.get_me()).username == "slipway_test_bot"


async def test_wrong_token_is_refused(api: TelegramApi) -> None:
    stranger = Bot("42:other", base_url=f"{api.url}/bot")
    with pytest.raises(InvalidToken):
        await stranger.initialize()
    await stranger.request.shutdown()


async def test_persons_text_comes_as_an_update_until_its_offset_is_confirmed(api: TelegramApi, bot: Bot) -> None:
    await api.say(ANN, "hello")
    first = await bot.get_updates(timeout=1)
    again = await bot.get_updates(timeout=1)
    assert [u.message.text for u in first] == ["hello"] == [u.message.text for u in again]
    assert first[0].effective_user.language_code == "en"
    assert await bot.get_updates(offset=first[0].update_id + 1, timeout=0) == ()


async def test_long_poll_returns_as_soon_as_somebody_speaks(api: TelegramApi, bot: Bot) -> None:
    poll = asyncio.create_task(bot.get_updates(timeout=30))
    await api.until(lambda: any(name == "getUpdates" for name, _ in api.calls))
    await api.say(ANN, "now")
    assert [u.message.text for u in await asyncio.wait_for(poll, 60)] == ["now"]


async def test_second_poller_ends_the_first_with_conflict(api: TelegramApi, bot: Bot) -> None:
    first = asyncio.create_task(bot.get_updates(timeout=30))
    await api.until(lambda: [name for name, _ in api.calls].count("getUpdates") == 1)
    async with Bot(TOKEN, base_url=f"{api.url}/bot") as other:
        await other.get_updates(timeout=0)
    with pytest.raises(Conflict, match="terminated by other getUpdates"):
        await first


async def test_message_with_html_and_buttons_is_seen_by_the_person(api: TelegramApi, bot: Bot) -> None:
    await bot.send_message(
        ANN, "<b>a &lt; b</b> and <code>c</code>", parse_mode="HTML", reply_markup=keyboard(("Stop", "stop:1"))
    )
    [seen] = api.messages(ANN)
    assert seen.text == "a < b and c"
    assert [e["type"] for e in seen.entities] == ["bold", "code"]
    assert [(b.label, b.data) for b in seen.buttons] == [("Stop", "stop:1")]
    assert api.messages(BOB) == []


@pytest.mark.parametrize(
    ("html", "words"),
    [
        ("<b>x", "can't parse entities: can't find end tag corresponding to start tag \"b\""),
        ("a <x> b", 'can\'t parse entities: unsupported start tag "x" at byte offset 2'),
        ("я </b>", "can't parse entities: unexpected end tag at byte offset 3"),
        ("<b>x</i>", 'can\'t parse entities: unmatched end tag at byte offset 4, expected "</b>", found "</i>"'),
        ("1 <", "can't parse entities: unclosed start tag at byte offset 2"),
        ("", "message text is empty"),
        ("<b></b>", "message text is empty"),
        ("x" * 4097, "message is too long"),
        ("😀" * 2049, "message is too long"),
    ],
)
async def test_bad_text_is_refused_in_telegrams_words(bot: Bot, html: str, words: str) -> None:
    with pytest.raises(BadRequest) as refused:
        await bot.send_message(ANN, html, parse_mode="HTML")
    assert refused.value.message.lower() == words


async def test_4096_visible_characters_are_accepted_whatever_the_tags(bot: Bot) -> None:
    sent = await bot.send_message(ANN, f"<b>{'x' * 4096}</b>", parse_mode="HTML")
    assert len(sent.text) == 4096


async def test_edit_replaces_the_text_and_refuses_the_same_again(api: TelegramApi, bot: Bot) -> None:
    sent = await bot.send_message(ANN, "one")
    await bot.edit_message_text("two", ANN, sent.message_id, reply_markup=keyboard(("Stop", "s")))
    with pytest.raises(BadRequest, match="Message is not modified"):
        await bot.edit_message_text("two", ANN, sent.message_id, reply_markup=keyboard(("Stop", "s")))
    await bot.edit_message_reply_markup(ANN, sent.message_id)
    assert (api.messages(ANN)[0].versions, api.messages(ANN)[0].buttons) == (["one", "two"], [])


async def test_deleted_message_cannot_be_edited(api: TelegramApi, bot: Bot) -> None:
    said = await api.say(ANN, "secret")
    await bot.delete_message(ANN, said.id)
    with pytest.raises(BadRequest, match="Message to edit not found"):
        await bot.edit_message_text("x", ANN, said.id)
    assert api.sent[said.id].deleted


async def test_stranger_and_blocking_person_cannot_be_written_to(api: TelegramApi, bot: Bot) -> None:
    with pytest.raises(BadRequest, match="Chat not found"):
        await bot.send_message(999, "hi")
    api.person(BOB).blocked = True
    with pytest.raises(Forbidden, match="bot was blocked by the user"):
        await bot.send_message(BOB, "hi")


@pytest.mark.filterwarnings("ignore:.*retry_after:telegram.warnings.PTBDeprecationWarning")  # raised by its own constructor
async def test_scripted_busy_answer_carries_its_seconds(api: TelegramApi, bot: Bot) -> None:
    api.busy(7)
    with pytest.raises(RetryAfter, match="Retry in 7 seconds"):
        await bot.send_message(ANN, "hi")
    assert (await bot.send_message(ANN, "hi")).text == "hi"


async def test_pressed_button_comes_as_a_query_that_is_answered_once(api: TelegramApi, bot: Bot) -> None:
    await bot.send_message(ANN, "card", reply_markup=keyboard(("Stop", "stop:1")))
    pressed = await api.press(api.messages(ANN)[0].buttons[0])
    [update] = await bot.get_updates(timeout=1)
    assert (update.callback_query.data, update.callback_query.message.text) == ("stop:1", "card")
    await update.callback_query.answer("stopping")
    assert api.queries[pressed] == "stopping"
    with pytest.raises(BadRequest, match="Query is too old"):
        await update.callback_query.answer()


async def test_button_data_over_64_bytes_is_refused(bot: Bot) -> None:
    with pytest.raises(BadRequest, match=r"[Bb]utton_data_invalid"):
        await bot.send_message(ANN, "x", reply_markup=keyboard(("a", "я" * 33)))


async def test_small_signs_reach_the_person(api: TelegramApi, bot: Bot) -> None:
    said = await api.say(ANN, "hello")
    await bot.set_message_reaction(ANN, said.id, "👀")
    await bot.send_chat_action(ANN, "typing")
    await bot.set_my_commands([("help", "How it works")], language_code="en")
    assert (said.reaction, api.people[ANN].actions, api.commands["en"][0]["command"]) == ("👀", ["typing"], "help")
    with pytest.raises(BadRequest, match=r"[Rr]eaction_invalid"):
        await bot.set_message_reaction(ANN, said.id, "🐸")


async def test_file_is_downloaded(api: TelegramApi, bot: Bot) -> None:
    api.files["notes.txt"] = b"buy milk"
    assert await (await bot.get_file("notes.txt")).download_as_bytearray() == b"buy milk"


async def test_webhook_gets_updates_with_its_secret_and_shuts_polling_out(api: TelegramApi, bot: Bot) -> None:
    async with telegram_api() as receiver:  # any HTTP server: it answers 401 to what it does not know
        await bot.set_webhook(f"{receiver.url}/bot{TOKEN}/getMe", secret_token="s3cret")
        with pytest.raises(Conflict, match="webhook is active"):
            await bot.get_updates()
        await api.say(ANN, "hello")
        await api.until(lambda: not api.updates)
        method, update = receiver.calls[0]
        assert (method, "hello" in str(update["message"])) == ("getMe", True)
        await bot.set_webhook(f"{receiver.url}/botwrong/getMe")
        await api.say(ANN, "again")
        await api.until(lambda: "last_error_date" in api.webhook)
        info = await bot.get_webhook_info()
        assert (info.pending_update_count, info.last_error_message) == (1, "Wrong response from the webhook: 401 Unauthorized")
    await bot.delete_webhook(drop_pending_updates=True)
    assert await bot.get_updates() == ()


async def test_one_server_has_many_bots_that_know_nothing_of_each_other(api: TelegramApi, bot: Bot) -> None:
    other = await api.another("43:AAanother-bot-of-the-simulator-0123456", "other_bot")
    other.person(ANN)
    await api.say(ANN, "to the first")
    async with Bot(other.token, f"{api.url}/bot", f"{api.url}/file/bot") as second:
        assert (second.id, second.username) == (43, "other_bot")
        assert await second.get_updates() == ()
        await second.set_webhook("http://nobody.localhost:9/telegram")
        await other.say(ANN, "to the second")
        await other.until(lambda: "last_error_date" in other.webhook)
        assert (await second.get_webhook_info()).last_error_message == "Connection refused"
    [update] = await bot.get_updates(timeout=1)
    assert update.message.text == "to the first"


async def test_webhook_that_is_held_brings_what_waited_afterwards(api: TelegramApi, bot: Bot) -> None:
    async with telegram_api() as receiver:
        address = receiver.url.replace("127.0.0.1", "bots.localhost")
        await bot.set_webhook(f"{address}/bot{TOKEN}/getMe")
        api.held = True
        await api.say(ANN, "hello")
        assert (await bot.get_webhook_info()).pending_update_count == 1
        api.held = False
        await api.look()
        await api.until(lambda: not api.updates)
        assert receiver.calls[0][0] == "getMe"


@pytest.mark.parametrize("status", ["200 OK", "500 Internal Server Error"])
async def test_webhook_that_goes_while_it_is_brought_an_update_leaves_nothing_behind(
    api: TelegramApi, bot: Bot, status: str
) -> None:
    came, goes_on = asyncio.Event(), asyncio.Event()

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.set()
        await goes_on.wait()
        writer.write(f"HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n".encode())
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as slow:
        await bot.set_webhook(f"http://127.0.0.1:{slow.sockets[0].getsockname()[1]}/telegram")
        await api.say(ANN, "for the webhook")
        await came.wait()
        await bot.delete_webhook(drop_pending_updates=True)
        await api.say(ANN, "for a poller")
        changes = api.changes()
        await anext(changes)
        goes_on.set()
        await anext(changes)
    [update] = await bot.get_updates()
    assert update.message
    assert update.message.text == "for a poller"


async def test_unknown_method_and_every_body_form_are_answered(api: TelegramApi) -> None:
    async with httpx.AsyncClient(base_url=f"{api.url}/bot{TOKEN}", trust_env=False) as client:
        assert (await client.post("/noSuchMethod")).status_code == 404
        call = {"chat_id": ANN, "text": "hi"}
        answers = [
            await client.get("/sendMessage", params=call),
            await client.post("/sendMessage", json=call),
            await client.post("/sendMessage", data=call),
            await client.post("/sendMessage", files={k: (None, str(v)) for k, v in call.items()}),
        ]
    assert [answer.json()["result"]["text"] for answer in answers] == ["hi"] * 4


async def test_bot_says_what_it_is_and_forgets_its_commands(api: TelegramApi, bot: Bot) -> None:
    await bot.set_my_name("Notes")
    await bot.set_my_description("Keeps notes")
    await bot.set_my_short_description("Notes")
    assert api.profile == {"name": "Notes", "description": "Keeps notes", "short_description": "Notes"}
    with pytest.raises(BadRequest, match="too long"):
        await bot.set_my_name("n" * 65)
    await bot.set_my_commands([("start", "begin")])
    with pytest.raises(BadRequest, match=r"[Bb]ot_commands_too_much"):
        await bot.set_my_commands([(f"c{number}", "one of many") for number in range(101)])
    await bot.delete_my_commands()
    assert api.commands == {}
