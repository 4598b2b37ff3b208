"""The outbox's sender without hints, and what it does with a run's end."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from blocks.registry.block import SqlRegistry
from deployments.bot.asks import Asks
from deployments.bot.outbox import Outbox
from deployments.bot.sendings import Sendings
from deployments.bot.talk_cards import TALK, Spoken, messages_of, spoken_in, written
from domain.errors import AnswerLost, Broken, ChatBusy, ChatRefused, ServiceUnreachable, SlipwayError
from domain.people import Person
from domain.proposals import Answered, Proposal, Reply
from domain.runs import DeliveryRequest, Notification, Origin, RunState
from tasks.notify import tell_operator
from tests.deployments.conftest import eventually
from tests.fakes.desk import Hints, a_brief
from tests.registry_database import lay_registry


class NoRedis(Hints):
    """Wakeups whose server is away."""

    @asynccontextmanager
    async def subscribe(self, *channels: str) -> AsyncIterator[AsyncIterator[tuple[str, str]]]:
        raise ServiceUnreachable("Redis", f"listening on {channels}")
        yield


class Paper:
    """A chat that writes down what was sent, and raises what the test lays ready."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors = list(errors)
        self.closed: dict[str, BaseException] = {}
        """By chat: what it raises always."""
        self.slow: dict[str, asyncio.Event] = {}
        """By chat: what it waits for."""
        self.sent: list[tuple[str, str]] = []
        self.grew = asyncio.Event()

    async def send(self, chat: str, html: str, buttons: Sequence[tuple[str, str]] = (), *, quiet: bool = False) -> str:
        if self.errors:
            raise self.errors.pop(0)
        if chat in self.closed:
            raise self.closed[chat]
        if chat in self.slow:
            await self.slow[chat].wait()
        self.sent.append((chat, f"[quiet] {html}" if quiet else html))
        self.grew.set()
        return str(len(self.sent))

    async def ask(self, chat: str, html: str, hint: str) -> str:
        return await self.send(chat, f"{html} [{hint}]")

    async def edit(self, chat: str, message: str, html: str, buttons: Sequence[tuple[str, str]] = ()) -> None:
        raise AssertionError("the outbox edits nothing")


class LateRegistry(SqlRegistry):
    """Shows what waits only when the test lets it: meanwhile it may have been sent."""

    _block_type_slug = "slipway-test-late-registry"
    _held: asyncio.Event | None = None
    _reading: bool = False

    async def unsent(self, channel: str) -> Sequence[Notification]:
        found = await super().unsent(channel)
        if self._held is not None:
            self._reading = True
            await self._held.wait()
        return found


class TornRegistry(SqlRegistry):
    """Has rows that nobody can read, for a while."""

    _block_type_slug = "slipway-test-torn-registry"
    _torn: int = 2

    async def unsent(self, channel: str) -> Sequence[Notification]:
        if self._torn:
            self._torn -= 1
            raise Broken("the registry failed while reading: database disk image is malformed")
        return await super().unsent(channel)


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[SqlRegistry]:
    url = f"sqlite+aiosqlite:///{tmp_path}/registry.db"
    await lay_registry(url)
    block = SqlRegistry(url=SecretStr(url), budget_micro_usd=1)
    async with block.kept():
        yield block


def news(key: str, chat: str = "1", channel: str = "telegram") -> Notification:
    return Notification(key=key, channel=channel, chat=chat, text=f"{key} & more", created=datetime.now(UTC))


async def test_sweep_sends_what_no_hint_told_of(registry: SqlRegistry, tmp_path: Path) -> None:
    paper = Paper()
    sending = asyncio.create_task(
        Outbox(paper, registry, NoRedis(), Asks(tmp_path / "asks"), Sendings(tmp_path / "sendings"), sweep=0.02).run()
    )
    await registry.add_notification(news("late"))
    await asyncio.wait_for(paper.grew.wait(), 60)
    sending.cancel()
    assert paper.sent == [("1", "late &amp; more")]


async def test_each_is_sent_once_in_order_and_other_channels_are_left_alone(registry: SqlRegistry, tmp_path: Path) -> None:
    for notification in (news("a"), news("b"), news("c", channel="cli")):
        await registry.add_notification(notification)
    paper = Paper()
    outbox = Outbox(paper, registry, Hints(), Asks(tmp_path / "asks"), Sendings(tmp_path / "sendings"))
    await outbox.send_waiting()
    await outbox.send_waiting()
    assert [html for _, html in paper.sent] == ["a &amp; more", "b &amp; more"]
    assert [n.key for n in await registry.unsent("cli")] == ["c"]


async def test_operators_news_go_to_the_operators_chat_and_stay_where_none_is_set(
    registry: SqlRegistry, tmp_path: Path
) -> None:
    wakeups = Hints()
    for _ in range(2):
        await tell_operator("alarm:1", "nobody watches the apps", registry, wakeups, datetime.now(UTC))
    nobody, paper = Paper(), Paper()
    await Outbox(nobody, registry, wakeups, Asks(tmp_path / "asks"), Sendings(tmp_path / "sendings")).send_waiting()
    outbox = Outbox(paper, registry, wakeups, Asks(tmp_path / "asks"), Sendings(tmp_path / "sendings"), operator="-100")
    await outbox.send_waiting()
    await outbox.send_waiting()
    assert nobody.sent == []
    assert paper.sent == [("-100", "nobody watches the apps")]
    assert await registry.unsent("operator") == ()


async def test_busy_chat_keeps_its_order_and_holds_nobody_else_back(registry: SqlRegistry, tmp_path: Path) -> None:
    for notification in (news("a"), news("b"), news("c", chat="2")):
        await registry.add_notification(notification)
    paper = Paper()
    paper.closed["1"] = ChatBusy(0.01, "sending")
    outbox = Outbox(paper, registry, Hints(), Asks(tmp_path / "asks"), Sendings(tmp_path / "sendings"))
    await outbox.send_waiting()
    assert paper.sent == [("2", "c &amp; more")]
    del paper.closed["1"]
    while len(paper.sent) < 3:
        await asyncio.sleep(0)
        await outbox.send_waiting()
    assert [html for _, html in paper.sent] == ["c &amp; more", "a &amp; more", "b &amp; more"]


async def test_unreachable_telegram_leaves_everything_for_later(registry: SqlRegistry, tmp_path: Path) -> None:
    await registry.add_notification(news("a"))
    paper = Paper(ServiceUnreachable("Telegram", "sending"))
    outbox = Outbox(paper, registry, Hints(), Asks(tmp_path / "asks"), Sendings(tmp_path / "sendings"))
    with pytest.raises(ServiceUnreachable):
        await outbox.send_waiting()
    assert [n.key for n in await registry.unsent("telegram")] == ["a"]
    await outbox.send_waiting()
    assert paper.sent == [("1", "a &amp; more")]


class KilledError(BaseException):
    """What no handler answers, as SIGKILL."""


def killed() -> datetime:
    """Stand for the clock that is read between a send and its writing down."""
    raise KilledError


async def test_killed_after_the_send_the_next_process_writes_it_down_and_sends_nothing(
    registry: SqlRegistry, tmp_path: Path
) -> None:
    await registry.add_notification(news("a"))
    paper = Paper()
    asks, sendings = Asks(tmp_path / "asks"), Sendings(tmp_path / "sendings")
    with pytest.raises(KilledError):
        await Outbox(paper, registry, Hints(), asks, sendings, clock=killed).send_waiting()
    for _ in range(2):
        await Outbox(paper, registry, Hints(), Asks(tmp_path / "asks"), Sendings(tmp_path / "sendings")).send_waiting()
    assert paper.sent == [("1", "a &amp; more")]
    assert await registry.unsent("telegram") == ()
    assert list((tmp_path / "sendings").iterdir()) == []


@pytest.mark.parametrize(
    ("key", "error", "told"),
    [
        ("a", KilledError(), "[quiet] <i>Perhaps you have this already; I was cut off while I sent it.</i>\na &amp; more"),
        (
            "a",
            AnswerLost("Telegram", "sending"),
            "[quiet] <i>Perhaps you have this already; I was cut off while I sent it.</i>\na &amp; more",
        ),
        ("a", ServiceUnreachable("Telegram", "sending"), "a &amp; more"),
        (":question-1", KilledError(), ":question-1 &amp; more"),
    ],
)
async def test_news_that_may_have_arrived_comes_again_without_a_sound_and_a_question_as_it_was(
    registry: SqlRegistry, tmp_path: Path, key: str, error: BaseException, told: str
) -> None:
    await registry.add_notification(news(key))
    paper = Paper(error)
    with pytest.raises((KilledError, SlipwayError)):
        await Outbox(paper, registry, Hints(), Asks(tmp_path / "asks"), Sendings(tmp_path / "sendings")).send_waiting()
    outbox = Outbox(paper, registry, Hints(), Asks(tmp_path / "asks"), Sendings(tmp_path / "sendings"))
    await outbox.send_waiting()
    await outbox.send_waiting()
    assert paper.sent == [("1", told)]


async def test_answer_of_the_dialogue_that_may_have_arrived_says_so_in_the_language_of_its_person(
    registry: SqlRegistry, tmp_path: Path
) -> None:
    answered = Answered(reply=Reply(text="Готово & ясно"), upto=1)
    at = Origin(channel="telegram", chat="1")
    for message in messages_of(answered, "talk:t-1:7", "ru", Person(name="telegram:1"), at, datetime.now(UTC)):
        await registry.add_notification(message)
    paper = Paper(AnswerLost("Telegram", "sending"))
    outbox = Outbox(paper, registry, Hints(), Asks(tmp_path / "asks"), Sendings(tmp_path / "sendings"))
    with pytest.raises(AnswerLost):
        await outbox.send_waiting()
    await outbox.send_waiting()
    doubt = "<i>Возможно, вы это уже видели: меня прервали, когда я это отправлял.</i>"
    assert paper.sent == [("1", f"[quiet] {doubt}\nГотово &amp; ясно")]


async def test_proposal_is_in_the_language_that_its_person_chose_else_in_that_of_the_brief() -> None:
    at = Origin(channel="telegram", chat="1")
    proposal = Proposal(run="r-1", brief=a_brief("timer", "Чай", "ru"), change=False, request="чай", origin=at)
    answered = Answered(reply=Reply(text="."), upto=1, proposal=proposal)
    shown = {
        chosen: spoken_in(messages_of(answered, "talk:t-1:7", "en", person, at, datetime.now(UTC))[1])
        for chosen in ("auto", "en")
        if (person := Person.model_validate({"name": "telegram:1", "language": chosen}))
    }
    assert [spoken and spoken.buttons[0][0] for spoken in shown.values()] == ["🔨 Сделать", "🔨 Build it"]


async def test_message_of_the_dialogue_that_cannot_be_read_is_given_up_with_the_reason(
    registry: SqlRegistry, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await registry.add_notification(news(f"{TALK}t-1:7"))
    paper = Paper()
    await Outbox(paper, registry, Hints(), Asks(tmp_path / "asks"), Sendings(tmp_path / "sendings")).send_waiting()
    assert paper.sent == []
    assert await registry.unsent("telegram") == ()
    assert "the dialogue's message talk:t-1:7 cannot be read" in caplog.text


async def test_preview_that_is_told_again_says_so(registry: SqlRegistry, tmp_path: Path) -> None:
    now, origin = datetime.now(UTC), Origin(channel="telegram", chat="1", person="telegram:1")
    await registry.add_project(a_brief("notes", "Notes"), origin.person, "notes.localhost", now)
    request = DeliveryRequest(
        run="r-one111", project="notes", change=True, request="x", brief=a_brief("notes", "Notes"), origin=origin
    )
    await registry.add_run(request, now)
    await registry.update_run("r-one111", state=RunState.DELIVERED, ended=now)
    data = {"preview": 1, "address": "http://p1.localhost", "until": "noon"}
    await registry.add_progress("r-one111", "note", "up", now, "deploy", data)
    up = news("r-one111:end").model_copy(update={"run": "r-one111"})
    await registry.add_notification(up)
    paper = Paper(AnswerLost("Telegram", "sending"))
    outbox = Outbox(paper, registry, Hints(), Asks(tmp_path / "asks"), Sendings(tmp_path / "sendings"))
    with pytest.raises(AnswerLost):
        await outbox.send_waiting()
    await outbox.send_waiting()
    [(_, told)] = paper.sent
    assert told.startswith("[quiet] <i>Perhaps you have this already")
    assert "http://p1.localhost" in told


async def test_chat_whose_answers_are_lost_holds_no_other_back(registry: SqlRegistry, tmp_path: Path) -> None:
    for notification in (news("a"), news("b", chat="2")):
        await registry.add_notification(notification)
    paper = Paper()
    paper.closed["1"] = AnswerLost("Telegram", "sending")
    outbox = Outbox(paper, registry, Hints(), Asks(tmp_path / "asks"), Sendings(tmp_path / "sendings"))
    for _ in range(2):
        with pytest.raises(AnswerLost):
            await outbox.send_waiting()
    assert paper.sent == [("2", "b &amp; more")]
    assert [n.key for n in await registry.unsent("telegram")] == ["a"]


async def test_slow_chat_holds_no_other_back_and_keeps_its_order(registry: SqlRegistry, tmp_path: Path) -> None:
    paper, hints = Paper(), Hints()
    free = paper.slow["1"] = asyncio.Event()
    outbox = Outbox(paper, registry, hints, Asks(tmp_path / "asks"), Sendings(tmp_path / "sendings"), sweep=0.01)
    sending = asyncio.create_task(outbox.run())
    for key, chat in (("a", "1"), ("b", "2"), ("c", "1"), ("d", "3")):
        await registry.add_notification(news(key, chat=chat))
    await eventually(lambda: asyncio.sleep(0, len(paper.sent) == 2))
    assert sorted(chat for chat, _ in paper.sent) == ["2", "3"]
    free.set()
    await eventually(lambda: asyncio.sleep(0, len(paper.sent) == 4))
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    assert [html[0] for chat, html in paper.sent if chat == "1"] == ["a", "c"]


async def test_what_is_sent_while_the_outbox_is_read_is_not_sent_again(registry: SqlRegistry, tmp_path: Path) -> None:
    paper, late = Paper(), LateRegistry(url=registry.url, budget_micro_usd=1)
    free, late._held = asyncio.Event(), None
    paper.slow["1"] = free
    outbox = Outbox(paper, late, Hints(), Asks(tmp_path / "asks"), Sendings(tmp_path / "sendings"), sweep=0.01)
    await registry.add_notification(news("a"))
    sending = asyncio.create_task(outbox.run())
    await eventually(lambda: asyncio.sleep(0, list((tmp_path / "sendings").iterdir())))
    late._held = held = asyncio.Event()
    await eventually(lambda: asyncio.sleep(0, late._reading))
    free.set()
    await eventually(lambda: _is_empty(registry))
    await eventually(lambda: asyncio.sleep(0, not outbox._sending))
    held.set()
    await registry.add_notification(news("b"))
    await eventually(lambda: _is_empty(registry))
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    assert [html for _, html in paper.sent] == ["a &amp; more", "b &amp; more"]


async def _is_empty(registry: SqlRegistry) -> bool:
    return not await registry.unsent("telegram")


async def test_end_whose_words_cannot_be_made_is_told_as_it_was_written_and_stops_no_other(
    registry: SqlRegistry, tmp_path: Path
) -> None:
    now, origin = datetime.now(UTC), Origin(channel="telegram", chat="1", person="telegram:1")
    await registry.add_project(a_brief("notes", "Notes"), origin.person, "notes.localhost", now)
    request = DeliveryRequest(run="r-one111", project="notes", request="x", brief=a_brief("notes", "Notes"), origin=origin)
    await registry.add_run(request, now)
    await registry.update_run("r-one111", state=RunState.FAILED, message="no", ended=now)
    await registry.add_progress("r-one111", "end", "no", now, "", {"cause": "a cause of another version"})
    for notification in (news("r-one111:end").model_copy(update={"run": "r-one111"}), news("b")):
        await registry.add_notification(notification)
    paper = Paper()
    await Outbox(paper, registry, Hints(), Asks(tmp_path / "asks"), Sendings(tmp_path / "sendings")).send_waiting()
    assert [html for _, html in paper.sent] == ["r-one111:end &amp; more", "b &amp; more"]


async def test_text_that_telegram_refuses_is_sent_without_marks(registry: SqlRegistry, tmp_path: Path) -> None:
    spoken = Spoken(html="<b>x</b> &lt; 1")
    await registry.add_notification(written("talk:1", spoken, Origin(channel="telegram", chat="1"), datetime.now(UTC)))
    paper = Paper(ChatRefused("sending", "can't parse entities"))
    await Outbox(paper, registry, Hints(), Asks(tmp_path / "asks"), Sendings(tmp_path / "sendings")).send_waiting()
    assert paper.sent == [("1", "x &lt; 1")]


async def test_unforeseen_error_sets_one_aside_until_the_next_process(registry: SqlRegistry, tmp_path: Path) -> None:
    for notification in (news("a"), news("b")):
        await registry.add_notification(notification)
    paper = Paper(RuntimeError("nobody thought of that"))
    outbox = Outbox(paper, registry, Hints(), Asks(tmp_path / "asks"), Sendings(tmp_path / "sendings"))
    for _ in range(2):
        await outbox.send_waiting()
    assert [html for _, html in paper.sent] == ["b &amp; more"]
    await Outbox(paper, registry, Hints(), Asks(tmp_path / "asks"), Sendings(tmp_path / "sendings")).send_waiting()
    assert [html.splitlines()[-1] for _, html in paper.sent] == ["b &amp; more", "a &amp; more"]


async def test_outbox_that_cannot_be_read_is_read_again(registry: SqlRegistry, tmp_path: Path) -> None:
    paper, torn = Paper(), TornRegistry(url=registry.url, budget_micro_usd=1)
    await registry.add_notification(news("a"))
    outbox = Outbox(paper, torn, Hints(), Asks(tmp_path / "asks"), Sendings(tmp_path / "sendings"), sweep=0.01)
    sending = asyncio.create_task(outbox.run())
    await eventually(lambda: _is_empty(registry))
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    assert (paper.sent, torn._torn) == ([("1", "a &amp; more")], 0)


async def test_trace_of_what_is_not_sent_any_more_is_dropped_at_the_start(registry: SqlRegistry, tmp_path: Path) -> None:
    sendings = Sendings(tmp_path / "sendings")

    async def lost(_: bool) -> str:
        raise AnswerLost("Telegram", "sending")

    for key in ("waits", "was marked as sent before its trace was ended"):
        with pytest.raises(AnswerLost):
            await sendings.once(key, lost)
    (tmp_path / "sendings" / "half.new").touch()
    await registry.add_notification(news("waits"))
    outbox = Outbox(Paper(), registry, Hints(), Asks(tmp_path / "asks"), sendings)
    await sendings.keep_only(await outbox.unsent())
    assert len(list((tmp_path / "sendings").iterdir())) == 1
