"""The chat page: a person's thumb reaches the bot through it, and only from this machine."""

import base64
import json
import sys
from collections.abc import AsyncIterator

import httpx
import pytest
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup

from tests.fakes.telegram_api import TOKEN, TelegramApi, telegram_api
from tests.fakes.telegram_page import ANN, later_than_before, page, run, seen


@pytest.fixture
async def api() -> AsyncIterator[TelegramApi]:
    async with telegram_api(ANN) as server:
        yield server


@pytest.fixture
async def browser(api: TelegramApi) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(page(api)), base_url="http://127.0.0.1") as client:
        yield client


@pytest.fixture
async def bot(api: TelegramApi) -> AsyncIterator[Bot]:
    async with Bot(TOKEN, base_url=f"{api.url}/bot", base_file_url=f"{api.url}/file/bot") as client:
        yield client


async def test_what_is_typed_given_and_pressed_reaches_the_bot(api: TelegramApi, bot: Bot, browser: httpx.AsyncClient) -> None:
    keys = InlineKeyboardMarkup([[InlineKeyboardButton("Stop", callback_data="stop:1")]])
    card = await bot.send_message(ANN, "<b>card</b>", parse_mode="HTML", reply_markup=keys)
    content = base64.b64encode(b"a,b").decode()
    for verb, call in (
        ("say", {"text": "/start x", "to": card.message_id}),
        ("press", {"message": card.message_id, "button": 0}),
        ("give", {"name": "list.csv", "content": content}),
    ):
        assert (await browser.post(f"/{verb}", json=call)).status_code == 200
    said, pressed, given = await bot.get_updates(timeout=1)
    assert (said.message.text, said.message.reply_to_message.message_id) == ("/start x", card.message_id)
    assert pressed.callback_query.data == "stop:1"
    assert given.message.document.file_name == "list.csv"
    shown = seen(api)["messages"]
    assert [(m["by_bot"], m["text"]) for m in shown] == [(True, "card"), (False, "/start x"), (False, "")]
    assert (await browser.get(f"/files/{shown[2]['file']['id']}")).content == b"a,b"
    assert "simulated Telegram" in (await browser.get("/")).text


async def test_edits_drafts_reactions_and_answers_of_buttons_are_before_the_persons_eyes(api: TelegramApi, bot: Bot) -> None:
    said = await api.say(ANN, "hello")
    await bot.set_message_reaction(ANN, said.id, "👀")
    sent = await bot.send_message(
        ANN, "one", reply_markup=InlineKeyboardMarkup([[InlineKeyboardButton("Go", callback_data="g")]])
    )
    query = await api.press(api.messages(ANN)[0].buttons[0])
    await bot.answer_callback_query(query, "going")
    await bot.edit_message_text("two", ANN, sent.message_id)
    await bot.send_message_draft(ANN, 1, "three")
    state = json.loads(json.dumps(seen(api)))
    assert [(m["text"], m["edits"], m["reaction"]) for m in state["messages"]] == [("hello", -1, "👀"), ("two", 1, "")]
    assert (state["draft"], state["notes"]) == ("three", ["going"])


@pytest.mark.parametrize(
    ("host", "kind", "status"),
    [("127.0.0.1", "text/plain", 415), ("elsewhere.example", "application/json", 400), ("localhost", "application/json", 200)],
)
async def test_only_calls_of_this_machines_own_page_are_taken(
    api: TelegramApi, browser: httpx.AsyncClient, host: str, kind: str, status: int
) -> None:
    call = browser.post("/say", content='{"text": "spend money"}', headers={"host": host, "content-type": kind})
    assert (await call).status_code == status
    assert len(api.updates) == (status == 200)


async def test_call_that_makes_no_sense_is_answered_with_its_problem(browser: httpx.AsyncClient) -> None:
    for verb, call in (("say", {}), ("press", {"message": 1, "button": 0}), ("nothing", {})):
        assert (await browser.post(f"/{verb}", json=call)).status_code == 400


async def test_ids_of_a_later_start_are_not_those_of_an_earlier_one(api: TelegramApi) -> None:
    later_than_before(api)
    await api.say(ANN, "again")
    assert api.updates[0]["update_id"] > 1_700_000_000
    assert api.updates[0]["message"]["message_id"] > 1_700_000_000


async def test_command_runs_with_the_simulators_settings_and_its_code_is_returned(capfd: pytest.CaptureFixture[str]) -> None:
    script = (
        "import os, sys, urllib.request as u; e = os.environ; u.install_opener(u.build_opener(u.ProxyHandler({}))); "
        "print(u.urlopen(f\"{e['SLIPWAY_TELEGRAM_API_URL']}/bot{e['SLIPWAY_TELEGRAM_TOKEN']}/getMe\").read()); sys.exit(7)"
    )
    assert await run([sys.executable, "-c", script], port=0) == 7
    printed = capfd.readouterr().out
    assert "chat at http://127.0.0.1:" in printed
    assert "slipway_test_bot" in printed


@pytest.mark.parametrize("body", ["[1]", '"text"', "3", "null"])
async def test_json_that_is_no_object_is_refused(browser: httpx.AsyncClient, body: str) -> None:
    answer = await browser.post("/say", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, "a JSON object" in answer.text) == (400, True)
