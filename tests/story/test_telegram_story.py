"""A day at the Telegram door: `slipway up` with its bot; everything is real but Telegram and the model, which are simulated."""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Iterator

import httpx
import psutil
import pytest
import pytest_asyncio

from blocks.plain_http import plain_client
from tests.fakes.messages_api import ScriptedMessagesAPI
from tests.fakes.telegram_api import TOKEN, TelegramApi
from tests.fakes.telegram_methods import Message
from tests.story.installation import Installation, until
from tests.story.telegram_model import SECRETS, answer
from tests.story.telegram_talk import (
    BEGUN,
    GOES_BACK,
    JUMPS,
    NEVER,
    QUESTIONS,
    RUSSIAN_QUESTIONS,
    SHALL_I,
    SLOW,
    SLUGS,
    TEA,
)

ANN, BOB, IVAN, STRANGER = 2001, 2002, 2003, 2666
VALUES = {TEA: "leaf-" + "3d8f02" * 4, JUMPS: "jump-" + "7c1e9b" * 4}
"""What Ann and Ivan give when the bot asks for their secrets."""
RUN = 300.0
"""Seconds within which a run must have ended, on a machine that does much else."""
SOON = 60.0

pytestmark = [pytest.mark.story, pytest.mark.asyncio(loop_scope="module")]


class Door(Installation):
    """An installation whose bot talks to the simulator."""

    async def ask(self, slug: str, path: str, method: str = "GET") -> httpx.Response:
        """Ask an app through Caddy, as a browser would."""
        async with plain_client(timeout=30) as client:
            return await client.request(method, self.url(path), headers=self.host(slug))

    def bot(self) -> psutil.Process:
        """Return the bot's process as it lives now."""
        return self.service("bot")

    async def lose_bot(self) -> None:
        """Kill the bot when nothing is on its way to Telegram: what is cut off there may be told twice."""
        await asyncio.to_thread(until, lambda: not self.registry(lambda of: of.unsent("telegram")), "all is told")
        self.bot().kill()

    def files_with(self, text: str) -> list[str]:
        """Return the files of the data folder that hold the text."""
        needle = text.encode()
        return [str(path) for path in self.data.rglob("*") if path.is_file() and needle in path.read_bytes()]


@pytest.fixture(scope="module")
def model() -> Iterator[ScriptedMessagesAPI]:
    with ScriptedMessagesAPI(answer) as api:
        yield api


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def telegram() -> AsyncIterator[TelegramApi]:
    async with TelegramApi() as api:
        for person in (ANN, BOB, STRANGER):
            api.person(person)
        api.person(IVAN, "ru")
        yield api


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def slipway(model: ScriptedMessagesAPI, telegram: TelegramApi) -> AsyncIterator[Door]:
    more = {
        "SLIPWAY_TELEGRAM_TOKEN": TOKEN,
        "SLIPWAY_TELEGRAM_API_URL": telegram.url,
        "SLIPWAY_TELEGRAM_ALLOWED": f"{ANN},{BOB},{IVAN}",
    }
    door = Door(os.environ.get("SLIPWAY_ENGINE", "process"), more=more)
    try:
        await asyncio.to_thread(door.open, model)
        yield door
        assert await asyncio.to_thread(door.end) == []
    finally:
        await asyncio.to_thread(door.remove)


async def said(api: TelegramApi, chat: int, *texts: str, seconds: float = SOON) -> Message:
    """Wait for a message of the bot that holds all texts."""
    return await api.until(lambda: found(api, chat, *texts), seconds)


def found(api: TelegramApi, chat: int, *texts: str) -> Message | None:
    return next((m for m in api.messages(chat) if all(text in m.text for text in texts)), None)


def holding(api: TelegramApi, chat: int, text: str) -> list[Message]:
    return [m for m in api.messages(chat) if text in m.text]


async def proposed(api: TelegramApi, chat: int, number: int = 1) -> Message:
    """Wait for the person's proposal of this number."""
    shown = await api.until(lambda: with_button(api, chat, "🔨")[number - 1 :], SOON)
    return shown[0]


async def live_card(api: TelegramApi, chat: int, title: str) -> Message:
    """Wait for the card of a run that goes on."""
    shown = await api.until(lambda: [m for m in with_button(api, chat, "⏹") if title in m.text], SOON)
    return shown[-1]


async def give_secret(slipway: Door, api: TelegramApi, chat: int, title: str, words: str) -> Message:
    """Wait until the bot asks for the app's secret, in these words and with a reply opened, and reply with its value."""
    question = await said(api, chat, words, seconds=RUN)
    assert question.asks is not None
    assert f"slipway secret set {SLUGS[title]} {SECRETS[title]}" in question.text
    return await api.say(chat, VALUES[title], to=question)


def assert_seen_by_nobody(slipway: Door, model: ScriptedMessagesAPI, value: str) -> None:
    """Look for a secret in the data folder, but for where the app itself gets it, and in what models were asked."""
    assert [file for file in slipway.files_with(value) if "/engine/apps/" not in file] == []
    assert value not in str([asked.body for asked in model.requests])


def with_button(api: TelegramApi, chat: int, sign: str) -> list[Message]:
    return [m for m in api.messages(chat) if m.buttons and m.buttons[0].label.startswith(sign)]


async def test_wish_is_asked_about_agreed_to_and_becomes_an_app_through_a_failed_round_a_question_and_a_kill(
    slipway: Door, telegram: TelegramApi
) -> None:
    await telegram.open(ANN)
    hello = await said(telegram, ANN, "Hello, I am Slipway")
    asked = await telegram.say(ANN, "A <b>tea</b> timer & biscuits <script>")
    await telegram.until(lambda: asked.reaction and telegram.people[ANN].actions, SOON)
    questions = await said(telegram, ANN, *(f"❓ {question}" for question in QUESTIONS))
    await telegram.say(ANN, "Green, and for two")
    words, proposal = await said(telegram, ANN, SHALL_I), await proposed(telegram, ANN)
    for shown in (
        f"📝 {TEA} · tea-timer",
        "☐ When /word is asked, then it says <b>the word</b> & nothing else",
        "At most $5.00",
    ):
        assert shown in proposal.text
    assert [button.label for button in proposal.buttons] == ["🔨 Build it", "Not yet"]
    await slipway.lose_bot()
    await telegram.say(ANN, "yes")
    begun, card = await said(telegram, ANN, BEGUN), await live_card(telegram, ANN, TEA)
    assert [button.label for button in card.buttons] == ["⏹ Stop", "📜 Logs", "🧾 Diff", "💰 Cost"]
    halted = await said(telegram, ANN, f"{TEA} came to a halt: the same test failed twice", seconds=RUN)
    await telegram.until(lambda: "Waits for your answer: the same test failed twice" in card.text, SOON)
    assert [button.label for button in halted.buttons] == ["Say what to do", "Try on", "Change the wish", "Stop"]
    await telegram.press(halted.buttons[1])
    thanks = await said(telegram, ANN, "Thank you. tea-timer goes on.")
    told = await said(telegram, ANN, f"{TEA} is online", seconds=RUN)
    await telegram.until(lambda: "🌐 Online" in card.text, SOON)
    seen = {message.id for message in (hello, questions, words, proposal, begun, card, halted, thanks, told)}
    assert {message.id for message in telegram.messages(ANN)} == seen
    versions = "\n".join(card.versions)
    for line in (
        "Code · round 1 of 3",
        "🧪 1 of ",
        "Code · round 2 of 3",
        "Code · round 3 of",
        "▶️ Release",
    ):
        assert line in versions
    assert [button.label for button in card.buttons] == ["📜 Logs", "🧾 Diff", "💰 Cost"]
    assert f"http://tea-timer.localhost:{slipway.up.http_port}" in told.text
    assert (await slipway.ask("tea-timer", "/word")).json() == {"word": "word"}


async def test_change_that_needs_a_secret_goes_online_though_the_bot_dies_and_back_by_a_word_and_cost_is_told(
    slipway: Door, telegram: TelegramApi, model: ScriptedMessagesAPI
) -> None:
    before = len(telegram.messages(ANN))
    await telegram.say(ANN, "The tea timer: I wish that it can be broken")
    proposal = await proposed(telegram, ANN, 2)
    assert f"📝 {TEA} 2 · tea-timer" in proposal.text
    telegram.busy(1, times=3, method="editMessageText")
    await telegram.press(proposal.buttons[0])
    card = await live_card(telegram, ANN, f"{TEA} 2")
    await telegram.until(lambda: len(card.versions) > 1, SOON)  # before its first edit nobody knows yet which message it is
    await slipway.lose_bot()
    given = await give_secret(slipway, telegram, ANN, TEA, f"Answer this message with the value of {SECRETS[TEA]}")
    await said(telegram, ANN, f"{SECRETS[TEA]} is in the vault and your message is deleted")
    assert given.deleted
    await said(telegram, ANN, f"{TEA} 2 is online", seconds=RUN)
    assert (await slipway.ask("tea-timer", "/word")).json() == {"word": "word", "known": len(VALUES[TEA])}
    await telegram.say(ANN, "No, take it back")
    await said(telegram, ANN, GOES_BACK)
    await said(telegram, ANN, "version 2 was taken back, version 1 is online again. Why: you asked for it", seconds=RUN)
    assert (await slipway.ask("tea-timer", "/word")).json() == {"word": "word"}
    await telegram.say(ANN, "/cost tea-timer")
    await said(telegram, ANN, f"💰 {TEA} 2", "of $5.00")
    assert len(telegram.messages(ANN)) == before + 9
    assert_seen_by_nobody(slipway, model, VALUES[TEA])


async def test_the_same_way_in_russian_and_what_is_secret_is_seen_by_nobody(
    slipway: Door, telegram: TelegramApi, model: ScriptedMessagesAPI
) -> None:
    await telegram.open(IVAN)
    await said(telegram, IVAN, "Здравствуйте")
    await telegram.say(IVAN, "Счётчик для скакалки 🤸")
    await said(telegram, IVAN, *(f"❓ {question}" for question in RUSSIAN_QUESTIONS))
    await telegram.say(IVAN, "Счётчик прыжков, и по дням")
    await said(telegram, IVAN, "Сделать это?")
    proposal = await proposed(telegram, IVAN)
    assert "Готово, когда:" in proposal.text
    await telegram.press(proposal.buttons[0])
    card = await live_card(telegram, IVAN, JUMPS)
    halted = await said(telegram, IVAN, f"Работа над «{JUMPS}» остановилась", seconds=RUN)
    await slipway.lose_bot()
    await telegram.press(next(button for button in halted.buttons if button.label == "Пробовать дальше"))
    await said(telegram, IVAN, "Спасибо. Работа над jumps продолжается.")
    given = await give_secret(slipway, telegram, IVAN, JUMPS, f"Ответьте на это сообщение значением {SECRETS[JUMPS]}")
    await said(telegram, IVAN, f"{SECRETS[JUMPS]} в хранилище, ваше сообщение удалено")
    assert given.deleted
    await said(telegram, IVAN, f"{JUMPS} в сети", f"http://jumps.localhost:{slipway.up.http_port}", seconds=RUN)
    assert (await slipway.ask("jumps", "/word")).json() == {"word": "word", "known": len(VALUES[JUMPS])}
    await telegram.until(lambda: "🌐 В сети" in card.text, SOON)
    assert len(telegram.messages(IVAN)) == 10
    assert not re.search(r"\b(the|tests?|round|plan|release|code|build)\b", "\n".join([*card.versions, proposal.text]), re.I)
    assert_seen_by_nobody(slipway, model, VALUES[JUMPS])


async def test_broken_change_is_taken_back_by_itself_in_russian_and_the_bot_dies_once_more(
    slipway: Door, telegram: TelegramApi
) -> None:
    before = len(telegram.messages(IVAN))
    await telegram.say(IVAN, "Пусть счётчик прыжков можно будет сломать")
    proposal = await proposed(telegram, IVAN, 2)
    await telegram.press(proposal.buttons[0])
    card = await live_card(telegram, IVAN, f"{JUMPS} 2")
    await telegram.until(lambda: len(card.versions) > 1, SOON)  # before its first edit nobody knows yet which message it is
    await slipway.lose_bot()
    await said(telegram, IVAN, f"{JUMPS} 2 в сети", seconds=RUN)
    await telegram.until(lambda: "🌐 В сети" in card.text, SOON)
    assert len(telegram.messages(IVAN)) == before + 4
    await slipway.ask("jumps", "/break", "POST")
    told = await said(telegram, IVAN, "версия 2 снята", "снова работает версия 1", seconds=RUN)
    assert "Причина: " in told.text
    assert (await slipway.ask("jumps", "/health")).status_code == httpx.codes.OK
    await telegram.say(IVAN, "/status")
    await said(telegram, IVAN, f"{JUMPS} 2 (jumps): в сети", f"http://jumps.localhost:{slipway.up.http_port}")
    await telegram.say(IVAN, "/rollback jumps")
    await said(telegram, IVAN, "jumps", "нет прежней")
    await telegram.say(IVAN, "/cost jumps")
    await said(telegram, IVAN, f"💰 {JUMPS} 2", "из $5.00")
    assert len(telegram.messages(IVAN)) == before + 8


async def test_run_that_comes_to_a_halt_asks_and_is_told_once_with_the_reason_and_what_to_do(
    slipway: Door, telegram: TelegramApi
) -> None:
    await telegram.say(BOB, "A perpetuum mobile")
    proposal = await proposed(telegram, BOB)
    await telegram.press(proposal.buttons[0])
    card = await live_card(telegram, BOB, NEVER)
    question = await said(telegram, BOB, f"{NEVER} came to a halt: the same test failed twice", seconds=RUN)
    assert [button.label for button in question.buttons] == ["Say what to do", "Try on", "Change the wish", "Stop"]
    await telegram.until(lambda: "Waits for your answer: the same test failed twice" in card.text, SOON)
    await telegram.press(question.buttons[3])
    stops = await said(telegram, BOB, "perpetuum stops.")
    told = await said(telegram, BOB, "was not delivered", seconds=RUN)
    assert told.text == (
        f"❌ {NEVER} was not delivered: the same test failed twice. Say it in other words, or with less in it, and I try again."
    )
    await telegram.until(lambda: "Not delivered: the same test failed twice" in card.text, SOON)
    assert telegram.messages(BOB)[2:] == [card, question, stops, told]


async def test_stop_acts_at_once_also_when_the_chat_is_busy(slipway: Door, telegram: TelegramApi) -> None:
    await telegram.say(IVAN, "Медленный сервис")
    proposal = await proposed(telegram, IVAN, 3)
    await telegram.press(proposal.buttons[0])
    card = await live_card(telegram, IVAN, SLOW)
    before = len(telegram.people[IVAN].actions)
    await telegram.say(IVAN, "молчун")
    await telegram.until(lambda: "typing" in telegram.people[IVAN].actions[before:], SOON)
    started = asyncio.get_running_loop().time()
    pressed = await telegram.press(card.buttons[0])
    await telegram.until(lambda: "Остановлено" in card.text, SOON)
    stopped = asyncio.get_running_loop().time()
    await telegram.until(lambda: telegram.queries[pressed], SOON)
    assert telegram.queries[pressed] == "Останавливаю slow."
    await telegram.say(IVAN, "/cancel")
    await said(telegram, IVAN, "Ничего не было начато")
    print(f"button {stopped - started:.2f} s, /cancel {asyncio.get_running_loop().time() - stopped:.2f} s")  # noqa: T201


async def test_bad_texts_get_a_sentence_and_start_nothing(
    slipway: Door, telegram: TelegramApi, model: ScriptedMessagesAPI
) -> None:
    asked = len(model.requests)
    token = "ghp_" + "Ab1" * 12
    for text in ("", "🎉🎉", "long " * 20_000):
        await telegram.say(BOB, text)
    leaked = await telegram.say(BOB, f"A page that uses {token}")
    await said(telegram, BOB, "I cannot make use of this kind of message")
    await said(telegram, BOB, "no words")
    await said(telegram, BOB, "at most 16,000")
    await said(telegram, BOB, "looked like a secret (GitHub token)")
    assert leaked.deleted
    assert slipway.files_with(token) == []
    assert len(model.requests) == asked


async def test_strangers_and_other_people_see_nothing(slipway: Door, telegram: TelegramApi) -> None:
    await telegram.say(STRANGER, "/status")
    await said(telegram, STRANGER, "only the people on its list", str(STRANGER))
    for command in ("/change jumps to mine", "/rollback jumps"):
        await telegram.say(BOB, command)
    await telegram.until(lambda: len(holding(telegram, BOB, "You have no project named jumps. Yours: perpetuum")) == 2, SOON)
    assert len(telegram.messages(STRANGER)) == 1
