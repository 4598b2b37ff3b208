"""An answer appears while it is written, on the Bot API simulator: as a draft, else as a message that is taken away."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from blocks.telegram import TelegramChat
from deployments.bot.drafts import Drafts
from deployments.bot.streamed import Streamed
from domain.redaction import Redactor
from domain.writing import Draft, DraftCall
from tests.deployments.conftest import ANN, BOB, IVAN, eventually
from tests.fakes.telegram_api import TOKEN, TelegramApi

pytestmark = pytest.mark.filterwarnings("ignore:.*retry_after:telegram.warnings.PTBDeprecationWarning")

SAID = "A tea timer for <you> & me. "
DRAFT, SEND, EDIT = "sendMessageDraft", "sendMessage", "editMessageText"
SAFE = Redactor({}).settled
"""Not what this process knows: secrets of tests that ran before would hold back the end of what is shown."""


def reply(words: str, *, whole: bool = False) -> Draft:
    written = json.dumps({"text": words})
    return Draft(calls=(DraftCall(name="reply", input=written if whole else written[:-2]),))


@pytest.fixture
async def chat(api: TelegramApi) -> AsyncIterator[TelegramChat]:
    chat = TelegramChat(token=SecretStr(TOKEN), api_url=api.url)
    yield chat
    await chat.aclose()


@pytest.fixture
def streamed(chat: TelegramChat, tmp_path: Path) -> Streamed:
    return Streamed(chat, tmp_path / "streamed")


@pytest.fixture
def drafts(chat: TelegramChat, streamed: Streamed) -> Drafts:
    return Drafts(chat, streamed, pace=0.01, safe=SAFE)


def called(api: TelegramApi, *methods: str) -> list[str]:
    return [method for method, _ in api.calls if method in methods]


async def test_answer_grows_as_a_draft_and_no_message_is_sent(api: TelegramApi, drafts: Drafts) -> None:
    person = api.people[ANN]
    async with drafts.writing(str(ANN), "en") as writing:
        for words in ("A tea timer", SAID, SAID * 2):
            writing.wrote(reply(words))
            await api.until(lambda words=words: person.draft == words.strip())
    assert person.drafts == ["A tea timer", SAID.strip(), (SAID * 2).strip()]
    assert (called(api, SEND, EDIT), len({call["draft_id"] for method, call in api.calls if method == DRAFT})) == ([], 1)


async def test_states_that_come_quicker_than_the_pace_are_one_call_and_the_newest_is_shown(
    api: TelegramApi, chat: TelegramChat, streamed: Streamed
) -> None:
    drafts = Drafts(chat, streamed, pace=0.5, safe=SAFE)
    async with drafts.writing(str(ANN), "en") as writing:
        for place in range(1, 500):
            writing.wrote(reply("x" * place))
            if place % 100 == 0:
                await asyncio.sleep(0)
        await api.until(lambda: api.people[ANN].draft == "x" * 499)
    assert len(called(api, DRAFT)) <= 2


async def test_what_is_done_meanwhile_is_said_in_the_persons_language(api: TelegramApi, drafts: Drafts) -> None:
    async with drafts.writing(str(IVAN), "ru") as writing:
        writing.wrote(Draft(calls=(DraftCall(name="status", input='{"project": "tea<b>'),)))
        await api.until(lambda: api.people[IVAN].draft == "🔎 Смотрю проект tea<b>…")
        writing.wrote(Draft())  # the model is asked again: what was shown stays until there is more
        writing.wrote(Draft(calls=(DraftCall(name="propose"),)))
        await api.until(lambda: api.people[IVAN].draft == "📝 Составляю предложение…")
        writing.wrote(reply("Вот оно"))
        await api.until(lambda: api.people[IVAN].draft == "Вот оно")


async def test_secret_that_is_written_in_pieces_is_never_shown(
    api: TelegramApi, chat: TelegramChat, streamed: Streamed
) -> None:
    secret = "hunter2-correct-horse"
    text, clean = f"The key is {secret} for all doors.", "The key is «secret DOOR_KEY» for all doors."
    drafts = Drafts(chat, streamed, pace=0.01, safe=Redactor({"DOOR_KEY": secret}).settled)
    async with drafts.writing(str(ANN), "en") as writing:
        for place in range(len(text) + 1):
            writing.wrote(reply(text[:place]))
            if place == len("The key is hunter2"):
                await api.until(lambda: called(api, DRAFT))
        await api.until(lambda: api.people[ANN].draft == clean)
    assert [shown for shown in api.people[ANN].drafts if not clean.startswith(shown)] == []


async def test_long_answer_shows_the_part_that_is_being_written(api: TelegramApi, drafts: Drafts) -> None:
    async with drafts.writing(str(ANN), "en") as writing:
        writing.wrote(reply("word " * 900 + "the newest"))
        await api.until(lambda: (api.people[ANN].draft or "").endswith("the newest"))


@pytest.mark.parametrize("how", ["unknown", "refused"])
async def test_where_drafts_are_not_taken_a_message_is_edited_and_gone_when_the_answer_comes(
    api: TelegramApi, drafts: Drafts, how: str, tmp_path: Path
) -> None:
    if how == "unknown":
        api.lacks.add(DRAFT)
    else:
        api.refuses[DRAFT] = "TEXTDRAFT_PEER_INVALID"
    async with drafts.writing(str(ANN), "en") as writing:
        writing.wrote(reply("A tea"))
        message = await api.message(ANN, "A tea")
        writing.wrote(reply(SAID))
        await api.until(lambda: message.text == SAID.strip())
        assert message.silent
    assert (api.messages(ANN), list((tmp_path / "streamed").iterdir())) == ([], [])
    async with drafts.writing(str(BOB), "en") as writing:
        writing.wrote(reply("another"))
        await api.message(BOB, "another")
    assert called(api, DRAFT) == [DRAFT]  # not tried again for every answer


async def test_drafts_are_tried_again_after_a_while(api: TelegramApi, chat: TelegramChat, streamed: Streamed) -> None:
    now = [0.0]
    drafts = Drafts(chat, streamed, pace=0.01, safe=SAFE, clock=lambda: now[0])
    api.lacks.add(DRAFT)
    async with drafts.writing(str(ANN), "en") as writing:
        writing.wrote(reply("one"))
        await api.message(ANN, "one")
    api.lacks.clear()
    now[0] += 3601
    async with drafts.writing(str(ANN), "en") as writing:
        writing.wrote(reply("two"))
        await api.until(lambda: api.people[ANN].draft == "two")


async def test_limit_of_telegram_is_waited_for_and_the_newest_is_shown_then(api: TelegramApi, drafts: Drafts) -> None:
    api.busy(1, method=DRAFT)
    async with drafts.writing(str(ANN), "en") as writing:
        writing.wrote(reply("one"))
        await eventually(lambda: asyncio.sleep(0, called(api, DRAFT)))
        writing.wrote(reply("one two"))
        await api.until(lambda: api.people[ANN].draft == "one two")
    assert called(api, SEND) == []


async def test_chat_that_is_closed_costs_the_turn_nothing(api: TelegramApi, drafts: Drafts) -> None:
    api.people[ANN].blocked = True
    async with drafts.writing(str(ANN), "en") as writing:
        writing.wrote(reply("one"))
        await api.until(lambda: called(api, DRAFT))
    assert called(api, SEND) == []


async def test_what_a_killed_process_showed_is_taken_away_by_the_next(api: TelegramApi, streamed: Streamed) -> None:
    await streamed.show(str(ANN), "half an ans")
    await streamed.show(str(BOB), "half")
    api.messages(BOB)[0].deleted = True
    await streamed.clear_all()
    assert (api.messages(ANN), api.messages(BOB)) == ([], [])
    await streamed.clear_all()
    assert len(called(api, "deleteMessage")) == 2


@pytest.mark.parametrize("by", ["the next process", "the next answer"])
async def test_message_that_cannot_be_taken_away_now_is_taken_later(api: TelegramApi, streamed: Streamed, by: str) -> None:
    await streamed.show(str(ANN), "half")
    api.busy(60, method="deleteMessage")
    await streamed.clear(str(ANN))
    assert len(api.messages(ANN)) == 1
    if by == "the next answer":
        await streamed.show(str(ANN), "another half")
        assert [message.text for message in api.messages(ANN)] == ["another half"]
    await streamed.clear_all()
    assert api.messages(ANN) == []


async def test_note_that_was_cut_off_keeps_no_bot_from_starting(api: TelegramApi, streamed: Streamed, tmp_path: Path) -> None:
    for name in (str(ANN), f".{ANN}.halfway"):
        (tmp_path / "streamed" / name).touch()
    await streamed.clear_all()
    assert [path.name for path in (tmp_path / "streamed").iterdir()] == [f".{ANN}.halfway"]
    assert called(api, "deleteMessage") == []


async def test_nothing_is_shown_after_the_block_has_ended(api: TelegramApi, drafts: Drafts) -> None:
    async with drafts.writing(str(ANN), "en") as writing:
        writing.wrote(reply("one"))
        await api.until(lambda: called(api, DRAFT))
    writing.wrote(reply("too late"))
    assert [task for task in asyncio.all_tasks() if task.get_name().startswith("draft in")] == []
    assert api.people[ANN].drafts == ["one"]
