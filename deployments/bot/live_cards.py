"""Live cards: one message per run, edited in place while the run goes on."""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from deployments.bells import ring, rung
from deployments.bot.outlooks import Outlooks
from deployments.bot.references import Labelled, referenced
from deployments.bot.sendings import Sendings
from deployments.whole import whole
from deployments.wording.cards import Card, card
from deployments.wording.goals import goal_of
from domain.errors import ChatBusy, ChatRefused, SlipwayError, TryAgain, UnknownObject
from domain.protocols import Chat, Wakeups
from domain.registry import Registry
from domain.runs import Progress, Run, run_channel
from domain.values import Value

logger = logging.getLogger(__name__)

PACE = 1.0
"""Seconds between two edits of a card: Telegram allows about one message a second in a chat."""
SWEEP = 3.0
"""Seconds between two looks at a run when no hint comes."""
RECENT = timedelta(minutes=15)
"""A run that ended so recently may lack the last edit of its card after a restart."""

GOING = 1000
"""Runs that go on whose cards are kept."""


class Shown(Value):
    """A card as it was shown, with references in the place of what its buttons do."""

    card: Card
    buttons: Labelled


class LiveCards:
    """Follows runs and shows them. What was shown is in the chat and in the run's origin: a restart takes up from there."""

    def __init__(
        self,
        chat: Chat,
        registry: Registry,
        wakeups: Wakeups,
        sendings: Sendings,
        *,
        pace: float = PACE,
        sweep: float = SWEEP,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._chat = chat
        self._registry = registry
        self._wakeups = wakeups
        self._sendings = sendings
        self._pace = pace
        self._sweep = sweep
        self._clock = clock
        self._following: dict[str, asyncio.Task[None]] = {}
        self._bells: dict[str, asyncio.Event] = {}
        self._outlooks = Outlooks(registry)
        self._shown: dict[str, Shown] = {}

    def follow(self, run: str) -> None:
        """Keep the run's card up to date from now on; look at once when it is followed already."""
        self._bells.setdefault(run, asyncio.Event()).set()
        if run not in self._following:
            task = asyncio.create_task(self._follow(run), name=f"card of {run}")
            self._following[run] = task
            task.add_done_callback(lambda _: self._forget(run))

    async def resume(self) -> None:
        """Take up the cards of runs that go on, or ended while nobody looked."""
        for run in await self._open():
            self.follow(run.id)

    async def unsent(self) -> list[str]:
        """Return the keys of the cards that are still to be sent."""
        return [card_key(run.id) for run in await self._open() if not run.origin.message]

    async def _open(self) -> list[Run]:
        """Return the runs whose cards are still to change: however many newer ones there are, those that go on."""
        since = self._clock() - RECENT
        runs = (*await self._registry.runs(limit=GOING, ended=False), *await self._registry.runs(limit=200, ended=True))
        return [
            run
            for run in runs
            if run.origin.channel == "telegram" and (not run.state.ended or (run.ended or run.created) > since)
        ]

    async def aclose(self) -> None:
        """Stop following; the cards stay as they are."""
        tasks = list(self._following.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _forget(self, run: str) -> None:
        del self._following[run], self._bells[run]
        self._shown.pop(run, None)
        self._outlooks.forget(run)

    async def _follow(self, run: str) -> None:
        bell = self._bells[run]
        ringing = asyncio.create_task(ring(bell, self._wakeups, run_channel(run)))
        try:
            await self._show_until_ended(run, bell)
        except UnknownObject:
            logger.info("the card of %s was deleted by its person", run)
        except SlipwayError as error:
            logger.warning("the card of %s is no longer kept: %s", run, error)
        except Exception:  # one that cannot be made stops no other
            logger.exception("the card of %s is no longer kept", run)
        finally:
            ringing.cancel()

    async def _show_until_ended(self, run_id: str, bell: asyncio.Event) -> None:
        seen: list[Progress] = []
        while True:
            try:
                run, fresh = await self._rendered(run_id, seen)
                await self._show(run, fresh)
                if run.state.ended:
                    return
                await asyncio.sleep(self._pace)
            except ChatBusy as busy:
                await asyncio.sleep(busy.seconds)
                continue
            except TryAgain as error:
                logger.warning("the card of %s is shown later: %s", run_id, error)
            await rung(bell, self._sweep)

    async def _rendered(self, run_id: str, seen: list[Progress]) -> tuple[Run, Card]:
        run = await self._registry.run(run_id)
        if run is None:
            raise UnknownObject("run", run_id)
        seen += await self._registry.progress(run_id, seen[-1].sequence if seen else 0)
        goal = await goal_of(run, seen, self._registry)
        cost = await self._registry.cost(run=run_id)
        return run, card(run, seen, cost, goal, self._clock(), await self._outlooks.of(run))

    async def _show(self, run: Run, fresh: Card) -> None:
        """Edit the card where it changed; the first time send it, and write down which message it is for the next process.

        One that Telegram refuses stays as it was until something else is to be shown.
        """
        shown = self._shown.get(run.id)
        if shown is not None and shown.card == fresh:
            return
        if shown is None or shown.card.buttons != fresh.buttons:
            shown = Shown(card=fresh, buttons=await referenced(fresh.buttons, run.origin.person, self._registry))
        try:
            if run.origin.message:
                await self._chat.edit(run.origin.chat, run.origin.message, fresh.html, shown.buttons)
            else:
                await whole(self._send(run, fresh, shown.buttons))
        except ChatRefused as refused:
            logger.warning("the card of %s stays as it was: %s", run.id, refused)
        self._shown[run.id] = shown.model_copy(update={"card": fresh})

    async def _send(self, run: Run, fresh: Card, buttons: Labelled) -> None:
        person = await self._registry.person(run.origin.person)

        async def send(again: bool) -> str:
            return await self._chat.send(run.origin.chat, fresh.html, buttons, quiet=again or person.quiet)

        message = await self._sendings.once(card_key(run.id), send)
        await self._registry.update_run(run.id, origin=run.origin.model_copy(update={"message": message}))
        await self._sendings.end(card_key(run.id))


def card_key(run: str) -> str:
    """Return the key under which the run's card is sent."""
    return f"{run}:card"
