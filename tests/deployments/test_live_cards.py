"""Live cards one by one: what they write down, what they share, and that a bad one stops nothing."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from blocks.registry.block import SqlRegistry
from deployments.bot.live_cards import LiveCards
from deployments.bot.outlooks import Outlooks
from deployments.bot.sendings import Sendings
from domain.buttons import Button
from domain.errors import ChatRefused, SlipwayError
from domain.runs import DeliveryRequest, Origin, ReleaseRequest, Run, RunState
from tests.deployments.conftest import eventually
from tests.fakes.desk import Hints, a_brief
from tests.registry_database import lay_registry


class CountingRegistry(SqlRegistry):
    """Counts what is written and read."""

    _block_type_slug = "slipway-test-counting-registry"

    async def show_buttons(self, *buttons: Button) -> None:
        self._shown.append(len(buttons))
        await super().show_buttons(*buttons)

    async def runs(self, project: str | None = None, limit: int = 50, *, ended: bool | None = None) -> Sequence[Run]:
        self._read.append(limit)
        return await super().runs(project, limit, ended=ended)

    _shown: list[int]
    _read: list[int]

    def model_post_init(self, context: object) -> None:
        super().model_post_init(context)
        self._shown, self._read = [], []


class Pane:
    """A chat that shows what was sent and edited, and refuses what the test says."""

    def __init__(self) -> None:
        self.texts: list[tuple[str, str]] = []
        self.refusals: list[SlipwayError] = []

    async def send(self, chat: str, html: str, buttons: Sequence[tuple[str, str]] = (), *, quiet: bool = False) -> str:
        self._show(chat, html)
        return "7"

    async def ask(self, chat: str, html: str, hint: str) -> str:
        raise AssertionError("cards ask nothing")

    async def edit(self, chat: str, message: str, html: str, buttons: Sequence[tuple[str, str]] = ()) -> None:
        assert message == "7"
        self._show(chat, html)

    def _show(self, chat: str, html: str) -> None:
        if self.refusals:
            raise self.refusals.pop(0)
        self.texts.append((chat, html))

    def shows(self, chat: str, words: str) -> bool:
        return any(words in html for at, html in self.texts if at == chat)


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[CountingRegistry]:
    url = f"sqlite+aiosqlite:///{tmp_path}/registry.db"
    await lay_registry(url)
    block = CountingRegistry(url=SecretStr(url), budget_micro_usd=1)
    yield block
    await block.close()


async def queued(registry: SqlRegistry, number: int) -> Run:
    brief, now = a_brief(f"notes-{number}", f"Notes {number}"), datetime.now(UTC)
    origin = Origin(channel="telegram", chat=str(number), person=f"telegram:{number}")
    await registry.add_project(brief, origin.person, f"{brief.slug}.localhost", now)
    request = DeliveryRequest(run=f"r-{number:07}", project=brief.slug, request="x", brief=brief, origin=origin)
    return await registry.add_run(request, now)


class Street:
    """Cards that are followed, and the runs that they show."""

    def __init__(self, registry: SqlRegistry, folder: Path) -> None:
        self.registry, self.hints, self.pane = registry, Hints(), Pane()
        self.cards = LiveCards(self.pane, registry, self.hints, Sendings(folder / "sendings"), pace=0, sweep=0.01)

    async def step(self, run: Run, step: str, words: str) -> None:
        """Let the run come to a step, and wait for the words on its card."""
        await self.registry.update_run(run.id, state=RunState.RUNNING, step=step)
        await self.shows(run, words)

    async def shows(self, run: Run, words: str) -> None:
        await eventually(lambda: asyncio.sleep(0, self.pane.shows(run.origin.chat, words)))


@pytest.fixture
async def street(registry: CountingRegistry, tmp_path: Path) -> AsyncIterator[Street]:
    made = Street(registry, tmp_path)
    yield made
    await made.cards.aclose()


async def test_edit_writes_buttons_only_when_they_are_others(registry: CountingRegistry, street: Street) -> None:
    run = await queued(registry, 1)
    street.cards.follow(run.id)
    await street.shows(run, "waiting for its turn")
    for step, words in (("plan", "▶️ Plan"), ("develop", "▶️ Code"), ("test", "▶️ Tests")):
        await street.step(run, step, words)
    assert registry._shown == [4]
    await registry.update_run(run.id, state=RunState.CANCELLED, ended=datetime.now(UTC))
    await street.shows(run, "Stopped")
    assert registry._shown == [4, 3]


async def test_cards_that_wait_share_one_look_at_all_runs(registry: CountingRegistry) -> None:
    runs = [await queued(registry, number) for number in range(1, 6)]
    now = [0.0]
    outlooks = Outlooks(registry, age=3.0, clock=lambda: now[0])
    places = [(await outlooks.of(run)).place for run in runs for _ in range(3)]
    assert (places, registry._read) == ([1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5], [200])
    begun = await registry.update_run(runs[0].id, state=RunState.RUNNING)
    now[0] = 3.0
    assert [(await outlooks.of(run)).place for run in (begun, *runs[1:])] == [0, 1, 2, 3, 4]
    assert (await outlooks.of(begun), registry._read) == (await outlooks.of(begun), [200, 200])


async def test_card_of_a_run_that_goes_on_keeps_its_trace_however_many_newer_runs_there_are(
    registry: CountingRegistry, street: Street
) -> None:
    open_run, other = await queued(registry, 1), await queued(registry, 2)
    for number in range(200):
        request = ReleaseRequest(
            run=f"r-new{number:04}", project="notes-2", request="x", commit="c", candidate="i", origin=other.origin
        )
        await registry.add_run(request, datetime.now(UTC))
        await registry.update_run(request.run, state=RunState.CANCELLED, ended=datetime(2026, 1, 1, tzinfo=UTC))
    assert await street.cards.unsent() == [f"{other.id}:card", f"{open_run.id}:card"]


async def test_card_that_telegram_refuses_is_shown_at_its_next_change(registry: CountingRegistry, street: Street) -> None:
    run = await queued(registry, 1)
    street.cards.follow(run.id)
    await street.shows(run, "waiting for its turn")
    street.pane.refusals.append(ChatRefused("editing a message", "can't parse entities"))
    await registry.update_run(run.id, state=RunState.RUNNING, step="plan")
    await eventually(lambda: asyncio.sleep(0, not street.pane.refusals))
    await street.step(run, "develop", "▶️ Code")


async def test_card_that_cannot_be_made_stops_no_other(registry: CountingRegistry, street: Street) -> None:
    bad, good = await queued(registry, 1), await queued(registry, 2)
    await registry.add_progress(bad.id, "note", "a Brief without its title", datetime.now(UTC), "brief", {"checks": "x"})
    for run in (bad, good):
        street.cards.follow(run.id)
    await street.step(good, "plan", "▶️ Plan")
    assert [chat for chat, _ in street.pane.texts if chat == bad.origin.chat] == []
