"""Dialogues held with real bots: python-telegram-bot that polls, and one that gets its updates by webhook."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from blocks.plain_http import plain_client
from domain.candidates import Built
from domain.chat_matching import BotMessage, chat_complaint
from domain.checks import ChatCheck, ChatTurn
from domain.health import HealthCheck
from domain.reports import CaseResult, TestCase
from domain.workers import AppSpec
from tasks.bot_calls import refusal
from tasks.bot_world import BotWorld, bot_world
from tasks.chat_checks import run_chat_check
from tasks.rehearsal import rehearse
from tests.blocks.engine_bench import process_engine, shared_folder


def inline(data: str) -> dict[str, Any]:
    return {"inline_keyboard": [[{"text": "Go", "callback_data": data}]]}


POLLING = """
import os
from telegram import InlineKeyboardButton, InlineKeyboardMarkup
from telegram.ext import Application, CallbackQueryHandler, CommandHandler, MessageHandler, filters

kept = {}

async def start(update, context):
    await update.message.reply_text(f"Hello {update.effective_user.first_name}, send me things to buy.")

async def add(update, context):
    kept.setdefault(update.effective_chat.id, []).append(update.message.text)
    buttons = InlineKeyboardMarkup([[InlineKeyboardButton("Show all", callback_data="all")]])
    await update.message.reply_text(f"Kept: {update.message.text}", reply_markup=buttons)

async def show(update, context):
    await update.callback_query.answer()
    await update.callback_query.edit_message_text(", ".join(kept[update.effective_chat.id]))

async def loud(update, context):
    await update.message.reply_text("<b>you", parse_mode="HTML")

url = os.environ["TELEGRAM_API_URL"] + "/bot"
app = Application.builder().token(os.environ["TELEGRAM_BOT_TOKEN"]).base_url(url).build()
app.add_handler(CommandHandler("start", start))
app.add_handler(CommandHandler("loud", loud))
app.add_handler(CallbackQueryHandler(show))
app.add_handler(MessageHandler(filters.TEXT & ~filters.COMMAND, add))
app.run_polling(poll_interval=0)
"""
WEBHOOK = """
import json, os, urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

def call(method, **values):
    url = f"{os.environ['TELEGRAM_API_URL']}/bot{os.environ['TELEGRAM_BOT_TOKEN']}/{method}"
    body = json.dumps(values).encode()
    urllib.request.urlopen(urllib.request.Request(url, body, {"Content-Type": "application/json"})).read()

class Handler(BaseHTTPRequestHandler):
    def answer(self, value, status=200):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer({"status": "ok"})

    def do_POST(self):
        update = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path != "/hook" or self.headers["X-Telegram-Bot-Api-Secret-Token"] != "open-sesame":
            return self.answer({}, 403)
        chat, text = update["message"]["chat"]["id"], update["message"]["text"]
        if text == "/quiet":
            return self.answer({})
        if text == "/twice":
            call("sendMessage", chat_id=chat, text="one")
        self.answer({"method": "sendMessage", "chat_id": chat, "text": text.upper()})

server = ThreadingHTTPServer((os.environ.get("HOST", "0.0.0.0"), int(os.environ["PORT"])), Handler)
call("setWebhook", url="https://bot.example/hook", secret_token="open-sesame")
server.serve_forever()
"""


UNENDED = "can't parse entities: Can't find end tag corresponding to start tag \"b\""


def check(*turns: ChatTurn, id: str = "chat") -> ChatCheck:
    return ChatCheck(id=id, covers="chat", title="a dialogue", turns=turns)


@asynccontextmanager
async def polling_bot(world: BotWorld) -> AsyncIterator[None]:
    environment = {"PATH": os.environ["PATH"], **world.environment}
    bot = await asyncio.create_subprocess_exec(sys.executable, "-c", POLLING, env=environment)
    try:
        yield
    finally:
        bot.kill()
        await bot.wait()


async def test_dialogue_with_a_polling_bot_takes_texts_commands_buttons_and_edits() -> None:
    ann = check(
        ChatTurn(says="/start", expect_contains=("Hello Ann",), within_seconds=30),
        ChatTurn(says="milk", expect_contains=("Kept: milk",), expect_buttons=("Show all",)),
        ChatTurn(says="bread", expect_contains=("Kept: bread",)),
        ChatTurn(presses="Show all", expect_contains=("milk, bread",)),
    )
    ben = check(
        ChatTurn(says="eggs", expect_contains=("Kept: eggs",)),
        ChatTurn(presses="Show all", expect_contains=("milk",), within_seconds=3),
    )
    async with bot_world() as world, polling_bot(world):
        first = await run_chat_check(ann, 1, world)
        second = await run_chat_check(ben, 2, world)

    assert first.result is CaseResult.PASSED, first
    assert second.message == "turn 2 of 2: after 'Show all' the bot answered 'eggs', expected it to hold 'milk'"
    assert second.details == "person: eggs\nbot: Kept: eggs\nperson: [Show all]\nbot: eggs"


async def test_rehearsal_holds_dialogues_with_a_bot_that_has_a_webhook(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    engine = process_engine(shared_folder(tmp_path_factory))
    for name, text in {"bot.py": WEBHOOK, "Procfile": "bot: python bot.py\n"}.items():
        (tmp_path / name).write_text(text)
    built = await engine.build(tmp_path, "shouter", "r-chat01")
    assert isinstance(built, Built), built.log
    spec = AppSpec(
        identity="shouter-rehearsal", project="shouter", run="r-chat01", role="rehearsal", candidate=built.candidate,
        process="bot", data="scratch",
    )  # fmt: skip
    checks = (
        check(ChatTurn(says="hello", expect_contains=("HELLO",)), id="shouts"),
        check(ChatTurn(says="/twice", expect_contains=("one", "/TWICE")), id="twice"),
        check(ChatTurn(says="/quiet", expect_nothing=True), id="quiet"),
        check(ChatTurn(says="hello", expect_contains=("hello",), within_seconds=3), id="whispers"),
        check(ChatTurn(presses="Yes"), id="no-button"),
    )

    report = await rehearse(spec, checks, HealthCheck(path="/", attempts=100, wait=1), 30.0, engine)

    assert verdicts(report.cases[1:]) == {
        "shouts": "",
        "twice": "",
        "quiet": "",
        "whispers": "turn 1 of 1: after 'hello' the bot answered 'HELLO', expected it to hold 'hello'",
        "no-button": "turn 1 of 1: after 'Yes' there is no button 'Yes'",
    }
    assert report.summary == "3 of 5 checks hold; not whispers, no-button."
    assert await engine.apps("shouter") == []


async def test_bot_that_is_not_there_is_a_failed_case() -> None:
    async with bot_world() as world:
        case = await run_chat_check(check(ChatTurn(says="hello", within_seconds=0.2)), 1, world)

    assert case.message == "turn 1 of 1: after 'hello' the bot did not answer"


async def test_the_world_knows_one_token_and_takes_calls_that_it_does_not_know() -> None:
    async with bot_world() as world, plain_client() as client:
        url, token = world.environment["TELEGRAM_API_URL"], world.environment["TELEGRAM_BOT_TOKEN"]

        async def call(path: str, **values: object) -> httpx.Response:
            return await client.post(f"{url}/bot{path}", json=values)

        assert (await call("1:other/getMe")).status_code == 401
        assert (await call(f"{token}/setMyCommands", commands=[])).json() == {"ok": True, "result": True}
        assert (await call(f"{token}/sendMessage", chat_id=1, text="a", reply_markup="broken")).json()["ok"]
        photo = await client.post(
            f"{url}/bot{token}/sendPhoto", data={"chat_id": "1", "caption": "sunset"}, files={"photo": b"x"}
        )
        assert photo.json()["result"]["text"] == "sunset"
        assert [message.text for message in world.chats[1].values()] == ["a", "sunset"]


@pytest.mark.parametrize(
    ("method", "call", "why"),
    [
        ("sendMessage", {"text": "x" * 4096}, ""),
        ("sendMessage", {"text": "x" * 4097}, "message is too long"),
        ("sendMessage", {"text": "😀" * 2049}, "message is too long"),
        ("sendMessage", {"text": f"<b>{'x' * 4095}</b>&amp;", "parse_mode": "HTML"}, ""),
        ("sendMessage", {"text": f"*{'x' * 4096}*", "parse_mode": "MarkdownV2"}, ""),
        ("sendMessage", {"text": "<b>a", "parse_mode": "html"}, UNENDED),
        ("sendPhoto", {"caption": "<b>a", "parse_mode": "HTML"}, UNENDED),
        ("sendMessage", {"text": "<b>a"}, ""),
        ("sendMessage", {"text": "<b>" + "x" * 70_000, "parse_mode": "HTML"}, "message is too long"),
        ("sendMessage", {"text": " \n"}, "message text is empty"),
        ("editMessageText", {"text": "x" * 4097, "message_id": 1}, "message is too long"),
        ("editMessageReplyMarkup", {"message_id": 1}, ""),
        ("sendPhoto", {"caption": "x" * 1025}, "message caption is too long"),
        ("sendMessage", {"text": "a", "reply_markup": inline("я" * 33)}, "BUTTON_DATA_INVALID"),
        ("sendMessage", {"text": "a", "reply_markup": json.dumps(inline("я" * 32))}, ""),
        ("sendMessage", {"text": "a", "reply_markup": {"keyboard": [[{"text": "я" * 33}]]}}, ""),
        ("sendMessage", {"text": "a", "reply_markup": {"inline_keyboard": [[{"text": "я" * 33, "url": "x"}]]}}, ""),
    ],
)
def test_what_telegram_would_refuse_for_its_length_or_html_is_refused(method: str, call: dict[str, Any], why: str) -> None:
    assert refusal(method.lower(), call) == why


async def test_edit_that_changes_nothing_is_refused_and_one_of_the_text_or_the_buttons_is_not() -> None:
    async with bot_world() as world, plain_client() as client:
        url, token = world.environment["TELEGRAM_API_URL"], world.environment["TELEGRAM_BOT_TOKEN"]

        async def call(method: str, **values: object) -> dict[str, Any]:
            answer = await client.post(f"{url}/bot{token}/{method}", json={"chat_id": 1, **values})
            found: dict[str, Any] = answer.json()
            return found

        sent = await call("sendMessage", text="one", reply_markup=inline("a"))
        number = sent["result"]["message_id"]
        same = await call("editMessageText", message_id=number, text="one", reply_markup=inline("a"))
        assert (same["error_code"], same["description"][:40]) == (400, "Bad Request: message is not modified: sp")
        assert not (await call("editMessageReplyMarkup", message_id=number, reply_markup=inline("a")))["ok"]
        assert (await call("editMessageText", message_id=number, text="two", reply_markup=inline("a")))["ok"]
        assert (await call("editMessageReplyMarkup", message_id=number, reply_markup=inline("b")))["ok"]
        assert [(message.text, message.buttons) for message in world.chats[1].values()] == [("two", (("Go", "b"),))]


async def test_bot_that_falls_silent_since_telegram_refused_it_fails_with_what_was_refused() -> None:
    async with bot_world() as world, polling_bot(world):
        broken = check(
            ChatTurn(says="/start", expect_contains=("Hello Ann",), within_seconds=30),
            ChatTurn(says="/loud", expect_contains=("you",), within_seconds=5),
        )
        case = await run_chat_check(broken, 1, world)
    assert case.message == (
        "turn 2 of 2: after '/loud' the bot did not answer; Telegram refused sendmessage: can't parse entities: "
        'Can\'t find end tag corresponding to start tag "b"'
    )


async def test_a_refused_message_reaches_nobody() -> None:
    async with bot_world() as world, plain_client() as client:
        url, token = world.environment["TELEGRAM_API_URL"], world.environment["TELEGRAM_BOT_TOKEN"]
        answer = await client.post(f"{url}/bot{token}/sendMessage", json={"chat_id": 1, "text": "x" * 4097})
        told = {"ok": False, "error_code": 400, "description": "Bad Request: message is too long"}
        assert (answer.status_code, answer.json(), world.chats) == (400, told, {})


@pytest.mark.parametrize(
    ("turn", "answers", "wanted"),
    [
        (ChatTurn(says="a"), [BotMessage(id=1)], None),
        (ChatTurn(says="a"), [], "the bot did not answer"),
        (ChatTurn(says="a", expect_nothing=True), [], None),
        (ChatTurn(says="a", expect_nothing=True), [BotMessage(id=1, text="b")], "the bot answered 'b', expected no answer"),
        (ChatTurn(says="a", expect_contains=("x", "y")), [BotMessage(id=1, text="x"), BotMessage(id=2, text="y")], None),
        (ChatTurn(says="a", expect_buttons=("Yes",)), [BotMessage(id=1)], "the bot offers no button, expected 'Yes'"),
        (ChatTurn(says="a", expect_buttons=("Yes",)), [BotMessage(id=1, buttons=(("Yes", "y"),))], None),
    ],
)
def test_answers_are_judged_together(turn: ChatTurn, answers: list[BotMessage], wanted: str | None) -> None:
    assert chat_complaint(turn, answers) == wanted


@pytest.mark.parametrize("act", [{}, {"says": "a", "presses": "b"}])
def test_a_turn_says_something_or_presses_something(act: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        ChatTurn(**act)


def verdicts(cases: tuple[TestCase, ...]) -> dict[str, str]:
    return {case.name.partition(":")[0]: case.message for case in cases}
