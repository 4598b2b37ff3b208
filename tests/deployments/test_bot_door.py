"""The bot's door: who comes in by what, who is told what, and that codes cannot be guessed."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deployments.bot import door as doors
from deployments.bot.door import STRANGER, Door
from deployments.bot.messages import Said
from domain.admission import Rules, Standing
from domain.allowances import Limits
from domain.invitations import BYTES, TRIES, TRY_SECONDS, code_of, digest_of
from tests.deployments.conftest import ANN, BOB, IVAN, Start, begun, eventually, house
from tests.fakes.desk import FakeDesk
from tests.fakes.rates import MemoryRates
from tests.fakes.telegram_api import TelegramApi

CODE = code_of(bytes(range(BYTES)))
INVITE = Rules(access="invite")


async def invitation(desk: FakeDesk, uses: int = 1) -> None:
    await desk.registry.add_invitation(digest_of(CODE, "k"), "", uses, "local:me", datetime.now(UTC), None)


@pytest.mark.parametrize(
    ("access", "english", "russian"),
    [
        ("invite", "Send me your code, or ask the operator for one; your id is 1001.", "Пришлите мне свой код"),
        ("list", "Ask its operator to add your id: 1001", "Попросите оператора добавить ваш номер: 1003"),
    ],
)
async def test_stranger_is_told_in_one_sentence_what_to_do(
    api: TelegramApi, desk: FakeDesk, start: Start, access: str, english: str, russian: str
) -> None:
    async with start(rules=Rules.model_validate({"access": access})):
        for words in ("notes", "/projects"):
            await api.say(ANN, words)
        await api.until(lambda: len(api.messages(ANN)) == 2)
        assert all(english in message.text for message in api.messages(ANN))
        await api.say(IVAN, "заметки")
        await api.message(IVAN, russian)
    assert desk.proposed == []


async def test_code_behind_a_link_lets_one_person_in_and_the_operator_is_told(
    api: TelegramApi, desk: FakeDesk, start: Start
) -> None:
    await invitation(desk)
    async with start(rules=INVITE):
        await api.open(ANN, CODE)
        await api.message(ANN, "Welcome, you are in!")
        await begun(api, desk, ANN, "notes")
        await api.say(BOB, f" {CODE.upper().replace('-', ' ')} ")
        await api.message(BOB, "That code does not work", "your id is 1002")
        await api.say(BOB, "notes")
        await api.message(BOB, "only people with an invitation")
    assert [told.text for told in await desk.registry.unsent("operator")] == [
        "telegram:1001 came in by invitation 1; `slipway people block 1001` takes that back"
    ]


async def test_code_is_typed_as_a_message_and_costs_its_owner_no_second_use(
    api: TelegramApi, desk: FakeDesk, start: Start
) -> None:
    await invitation(desk, uses=2)
    async with start(rules=INVITE):
        await api.say(IVAN, CODE)
        await api.message(IVAN, "Добро пожаловать!")
        await api.say(IVAN, CODE)
        await api.until(lambda: len(api.messages(IVAN)) == 2)
        await desk.registry.decide_standing("telegram:1001", Standing.ALLOWED, "local:me", datetime.now(UTC))
        await api.open(ANN, CODE)
        await api.message(ANN, "your code is not used up")
    async with start(rules=Rules(access="invite", named=frozenset({BOB}))):
        await api.open(BOB, CODE)
        await api.message(BOB, "your code is not used up")
    assert [each.used for each in await desk.registry.invitations()] == [1]
    assert desk.proposed == []


async def test_bot_that_was_killed_after_it_let_somebody_in_greets_them_all_the_same(
    api: TelegramApi, desk: FakeDesk, start: Start
) -> None:
    await invitation(desk)
    await desk.registry.redeem(digest_of(CODE, "k"), "telegram:1001", datetime.now(UTC))
    async with start(rules=INVITE):
        await api.open(ANN, CODE)
        await api.message(ANN, "Welcome, you are in!")
    assert len(await desk.registry.unsent("operator")) == 1


async def test_codes_cannot_be_guessed_however_often_one_tries(api: TelegramApi, desk: FakeDesk, start: Start) -> None:
    await invitation(desk)
    rates = MemoryRates()
    async with start(rules=INVITE, rates=rates):
        for number in range(TRIES):
            await api.open(ANN, code_of(number.to_bytes(BYTES, "big")))
        await api.until(lambda: len(api.messages(ANN)) == TRIES)
        assert all("That code does not work" in message.text for message in api.messages(ANN))
        await api.open(ANN, CODE)
        await api.message(ANN, f"You have tried {TRIES} codes within an hour", "in 60 min", "your id is 1001")
        assert [each.used for each in await desk.registry.invitations()] == [0]
        rates.now += TRY_SECONDS
        await api.open(ANN, CODE)
        await api.message(ANN, "Welcome, you are in!")


async def test_who_is_blocked_is_told_and_what_they_have_goes_on(api: TelegramApi, desk: FakeDesk, start: Start) -> None:
    await invitation(desk)
    async with start(ANN, BOB):
        run = await begun(api, desk, ANN, "notes")
        await desk.registry.decide_standing("telegram:1001", Standing.BLOCKED, "local:me", datetime.now(UTC))
        for words in ("/status", f"/start {CODE}"):
            await api.say(ANN, words)
        await api.until(lambda: len([m for m in api.messages(ANN) if "taken your access back" in m.text]) == 2)
        pressed = await api.press(api.messages(ANN)[0].buttons[0])
        assert "taken your access back" in await api.until(lambda: api.queries[pressed])
        found = await desk.registry.run(run.id)
        assert found is not None
        assert not found.state.ended
        await desk.end(run.id, address="http://notes.localhost")
        await api.message(ANN, "notes is online")
        await desk.registry.decide_standing("telegram:1001", Standing.ALLOWED, "local:me", datetime.now(UTC))
        await api.say(ANN, "/help")
        await api.message(ANN, "Write what you want")


async def test_who_says_too_much_is_told_once_and_may_always_stop(api: TelegramApi, desk: FakeDesk, start: Start) -> None:
    rates = MemoryRates()
    async with start(rules=Rules(usual=Limits(per_minute=2)), rates=rates):
        await begun(api, desk, ANN, "notes")
        for _ in range(4):
            await api.say(ANN, "/help")
        await api.message(ANN, "I read 2 messages a minute of one person", "again in 60 s")
        leaked = await api.say(ANN, "ghp_" + "a" * 36)
        await api.until(lambda: leaked.deleted)
        await api.message(ANN, "That looked like a secret")
        await api.say(ANN, "/cancel")
        await api.message(ANN, "Stopping notes")
        rates.now += 60
        await api.say(ANN, "/projects")
        await api.message(ANN, "Your projects")
        assert len([m for m in api.messages(ANN) if "Write what you want" in m.text]) == 1
        assert len([m for m in api.messages(ANN) if "messages a minute" in m.text]) == 1


async def test_stranger_who_writes_on_and_on_is_not_answered_for_ever(api: TelegramApi, start: Start) -> None:
    async with start(BOB):
        for _ in range(14):
            await api.say(ANN, "let me in")
        await api.message(ANN, "I read 10 messages a minute")
        await api.say(BOB, "/help")
        await api.message(BOB, "Write what you want")
        assert len(api.messages(ANN)) == 11


async def test_who_types_the_mark_of_sealed_messages_is_counted_like_everybody(
    api: TelegramApi, start: Start, tmp_path: Path
) -> None:
    async with start(rules=Rules(usual=Limits(per_minute=1)), rates=MemoryRates()):
        await api.say(ANN, "/help")
        await api.message(ANN, "Write what you want")
        await api.say(ANN, "\u2063credential:x")
        await api.message(ANN, "I read 1 messages a minute")
        await api.say(ANN, "\u2063secret:stored r-aaaaaa KEY")
        await api.give(ANN, b"tea;3", "prices.csv", caption="\u2063\u2063credential:x")
        await eventually(lambda: asyncio.sleep(0, len(list((tmp_path / "telegram" / "done").iterdir())) == 4))
    assert len(api.messages(ANN)) == 2


class Mute:
    """Tells nobody anything."""

    async def say(self, *_: object) -> None:
        """Say nothing."""


async def test_any_number_of_strangers_who_flood_the_bot_are_remembered_in_bounded_memory(
    desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors, "TURNED_AWAY", 3)
    door = Door(house(INVITE), desk.registry, desk.wakeups, Mute())
    for person in range(5):
        for update in range(STRANGER + 1):
            said = Said(update=update, chat="1", person=f"telegram:{person}", user=1, language="en", message="1", text="hi")
            assert await door.admits(said.model_copy(update={"chat": str(person)})) is None
    assert list(door.turned_away) == ["telegram:2", "telegram:3", "telegram:4"]
