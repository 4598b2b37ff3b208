"""Whatever Telegram brings: nobody who speaks to the bot is left without a word, and the bot goes on."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from telegram import Bot, Update
from telegram.ext import filters

from blocks.telegram_updates import UpdatesRequest
from deployments.bot.asks import Ask
from deployments.bot.inbox import Inbox
from deployments.bot.messages import overtakes, said_in, to_be_seen
from deployments.bot.sealing import Seal
from tests.deployments.conftest import ANN, BOB, IVAN
from tests.deployments.odd_updates import ADMIN, COMMAND, GROUP, OUTSIDE, PRESSES, PRIVATE, READ, USER, WHOLE, in_group
from tests.fakes.desk import FakeDesk
from tests.fakes.telegram_api import TelegramApi

pytestmark = pytest.mark.filterwarnings("ignore:.*:telegram.warnings.PTBDeprecationWarning")


@pytest.mark.usefixtures("bot")
async def test_whatever_is_sent_in_a_private_chat_gets_one_clear_sentence(api: TelegramApi, desk: FakeDesk) -> None:
    people = {name: 5000 + number for number, name in enumerate(PRIVATE)}
    for name, person in people.items():
        api.person(person)
        await api.send_other(person, **PRIVATE[name][0])
        await api.say(person, "/language")
    for name, person in people.items():
        wanted = PRIVATE[name][1]
        await api.message(person, wanted)
        await api.message(person, "Which language")
        said = [message.text for message in api.messages(person) if "Which language" not in message.text]
        assert len(said) == (1 if wanted else 0), (name, said)
        assert all(wanted in text for text in said), (name, said)
    assert len(desk.proposed) == sum(words == READ for _, words in PRIVATE.values())


@pytest.mark.usefixtures("bot")
async def test_forged_and_outlived_buttons_do_nothing_and_say_so(api: TelegramApi, desk: FakeDesk) -> None:
    for name, content in PRESSES.items():
        query = f"q{name}"
        api.queries[query] = None
        user = {"id": ANN, "is_bot": False, "first_name": "Ann", "language_code": "en"}
        await api.bring(callback_query={"id": query, "from": user, "chat_instance": "1", **content})
    for name in PRESSES:
        assert (
            await api.until(lambda name=name: api.queries[f"q{name}"]) == "That has ended already. /status shows your projects."
        )
    assert (api.messages(ANN), desk.taken_down, desk.proposed) == ([], [], [])


@pytest.mark.usefixtures("bot")
async def test_what_happens_elsewhere_gets_no_answer_and_a_command_among_others_gets_the_way(
    api: TelegramApi, desk: FakeDesk
) -> None:
    api.allowed = []
    api.person(GROUP["id"])
    for content in OUTSIDE:
        api.updates.append({"update_id": api.next_update, **content})  # also what the bot did not ask for
        api.next_update += 1
    await api.say(BOB, "/help")
    await api.message(BOB, "Write what you want")
    assert (api.messages(GROUP["id"]), desk.proposed) == ([], [])
    await api.bring(message=in_group(**COMMAND, **{"from": USER | {"language_code": "ru"}}))
    await api.bring(message=in_group(**COMMAND, sender_chat=GROUP, message_thread_id=3, **{"from": ADMIN}))
    await api.message(GROUP["id"], "Я разговариваю с каждым отдельно")
    await api.message(GROUP["id"], "I talk with one person at a time")


@pytest.mark.usefixtures("bot")
async def test_words_that_are_edited_after_their_run_began_change_nothing_and_their_person_hears_it(
    api: TelegramApi, desk: FakeDesk
) -> None:
    said = await api.say(IVAN, "заметки")
    await api.message(IVAN, "ждёт своей очереди")
    await api.change(said, "/cancel")
    await api.message(IVAN, "не вижу более поздних правок")
    assert desk.proposed == ["заметки"]
    assert not (await desk.registry.runs())[0].state.ended


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def changed(value: Any, path: list[int], odd: Any) -> Any:
    """Return the value with the part to which the path leads replaced, or left out when that is to be `...`."""
    if not path or not isinstance(value, dict) or not value:
        return odd
    key = sorted(value)[path[0] % len(value)]
    inner = changed(value[key], path[1:], odd)
    return {name: each for name, each in value.items() if name != key} | ({} if inner is ... else {key: inner})


PRIVATE_FILTER = filters.ChatType.PRIVATE & filters.UpdateType.MESSAGE


class Nothing:
    """Knows no question, and no project."""

    def find(self, chat: str, message: str) -> Ask | None:
        return None

    def newest(self, chat: str) -> Ask | None:
        return None


@given(whole=st.sampled_from(WHOLE), path=st.lists(st.integers(0, 9), min_size=1, max_size=4), odd=JSON | st.just(...))
@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=[*HealthCheck])
def test_update_that_is_damaged_anywhere_is_read_or_left_out_and_never_ends_the_polls(
    tmp_path: Path, whole: dict[str, Any], path: list[int], odd: Any
) -> None:
    update = {"update_id": 7, **changed(whole, path, odd)}
    answer = UpdatesRequest.parse_json_payload(json.dumps({"ok": True, "result": [update]}).encode())
    asyncio.run(taken_in(Update.de_list(answer["result"], Bot("42:x")), tmp_path))


async def taken_in(updates: Sequence[Update], folder: Path) -> None:
    """Take updates the bot's way up to its handlers."""
    inbox = Inbox(folder, Seal(Nothing(), Nothing(), Nothing()))
    for update in updates:
        await inbox.put(update)
    while not inbox.empty():
        queued = await inbox.get()
        assert isinstance(queued, Update)
        said_in(queued), to_be_seen(queued), overtakes(queued), PRIVATE_FILTER.check_update(queued)
