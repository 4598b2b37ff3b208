"""The dialogue at the bot's door: messages are queued, and one turn at a time answers what waits in a person's session.

A message stays in the inbox until a turn has answered it, and the answer goes through the outbox under the turn's key: killed
at any point, the next process takes the same turn up, and its person reads one answer.
"""

import asyncio
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from deployments.bot.chat_signs import Showing, Signs
from deployments.bot.inbox import Inbox
from deployments.bot.live_cards import LiveCards
from deployments.bot.messages import Said
from deployments.bot.places import Places
from deployments.bot.talk_cards import TALK
from deployments.bot.talk_held import Held
from deployments.bot.talk_lease import under_lease
from deployments.bot.talk_telling import Telling
from deployments.desk.deeds import Acting
from deployments.wording.texts import say
from domain.deeds import Deeds
from domain.errors import LeaseLost, SlipwayError, TryAgain
from domain.proposals import Answered, replied_in
from domain.talks import LEASE, Rest, Taken, Talks, TalkState, after_failure, is_poisoned
from domain.writing import Writing
from tasks.talk_projects import Belongings

if TYPE_CHECKING:
    from tasks.dialogue import Turn

logger = logging.getLogger(__name__)

OWNER = "bot"
"""Every process of this installation's bot: the one that comes after a killed one goes on at once, and fences it off."""
BEAT = LEASE / 4


class Talking(Acting, Protocol):
    """The part of `deployments.desk.requests.Desk` that the dialogue needs."""

    async def talk(self, turn: "Turn", deeds: Deeds, writing: Writing | None = None) -> Answered: ...


class Dialogue:
    """The sessions that this process leads, one task for each person who waits for an answer."""

    def __init__(
        self,
        desk: Talking,
        talks: Talks,
        inbox: Inbox,
        cards: LiveCards,
        signs: Signs,
        drafts: Showing,
        deeds: Deeds,
        places: Places,
        beat: float = BEAT,
    ) -> None:
        self._desk = desk
        self._deeds = deeds
        self._talks = talks
        self._held = Held(inbox)
        self._cards = cards
        self._signs = signs
        self._drafts = drafts
        self._places = places
        self._beat = beat
        self._telling = Telling(desk)
        self._leading: dict[str, asyncio.Task[None]] = {}
        """By person: the task that leads their turns, or did last. One that is cancelled early never gets to clean up."""
        self._rung: dict[str, Said] = {}
        """By person: the newest of what was queued since their task looked last."""

    async def hear(self, said: Said, text: str) -> None:
        """Queue what was said, and see to it that a turn answers it; said before and answered, nothing happens."""
        name = said.person
        epoch = None if await self._talks.look(name) else await self._desk.registry.newest_epoch(name)
        queued = await self._talks.say(name, said.key, text, datetime.now(UTC), epoch, said.files)
        if queued.answered:
            return
        self._held.keep(name, queued.sequence, said.update)
        self._begin(said)

    async def awaits(self, person: str) -> bool:
        """Tell whether the person was asked something and has not answered."""
        talk = await self._talks.look(person)
        return talk is not None and talk.state is TalkState.AWAITING

    async def cancel(self, said: Said) -> bool:
        """Stop the turn that is at work, what waits counts as answered; False when none is.

        An answer that was there already is told: the transcript holds it, and the next turn builds on it.
        """
        leading = self._leading.get(said.person)
        if leading is None or leading.done():
            return False
        leading.cancel()
        await asyncio.gather(leading, return_exceptions=True)
        if (taken := await self._talks.take(said.person, OWNER)) is None:
            return True
        if await self._is_answered(taken):
            await self._talks.stop(taken, forgive=True)
            self._begin(said)
        else:
            await self._end(taken, await self._last(taken), TalkState.IDLE)
        return True

    async def aclose(self) -> None:
        """Cut off the turns at work; the next process takes them up."""
        tasks = list(self._leading.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, said: Said) -> None:
        """See to it that a task leads the person's turns, and looks once more."""
        self._rung[said.person] = said
        if (leading := self._leading.get(said.person)) is None or leading.done():
            self._leading[said.person] = asyncio.create_task(self._lead(said.person), name=f"talk with {said.person}")

    async def _lead(self, person: str) -> None:
        while said := self._rung.pop(person, None):  # nothing is awaited between this look and the end of the task
            await self._lead_on(said)

    async def _lead_on(self, said: Said) -> None:
        """Lead turns until none can be led now."""
        try:
            while await self._led_next(said):
                pass
        except LeaseLost as lost:
            logger.warning("the talk with %s is led by another process: %s", said.person, lost)
        except Exception as error:
            logger.warning("the talk with %s rests", said.person, exc_info=error)
            await self._explained(said, error, f"{TALK}{said.key}:error")

    async def _led_next(self, said: Said) -> bool:
        """Lead the next turn when there is a place for it; False when none can be led now."""
        async with self._places.taken():
            if (taken := await self._talks.take(said.person, OWNER)) is None:
                return False
            typing = self._signs.typing(said.chat)
            try:
                return await self._led_in_order(taken, said)
            finally:
                typing.cancel()

    async def _led_in_order(self, taken: Taken, said: Said) -> bool:
        """Lead one turn as `_led` does.

        One that is cut off in order, as when the bot stops, or by what may pass does not count as begun.
        """
        try:
            return await self._led(taken, said)
        except (asyncio.CancelledError, TryAgain):
            try:
                await self._talks.stop(taken, forgive=True)
            except SlipwayError as error:
                logger.info("turn %s of %s counts as begun: %s", taken.talk.turn, taken.talk.session, error)
            raise

    async def _led(self, taken: Taken, said: Said) -> bool:
        """Lead one turn; tell whether there may be another one now."""
        if is_poisoned(taken.talk.attempts):
            await self._set_aside(taken, said)
            return True
        key = f"{TALK}{taken.talk.session}:{taken.talk.turn}"
        last = await self._last(taken)
        try:
            answered = await self._answered(taken, said)
        except Exception as error:
            return await self._failed(taken, said, error, last, key)
        if answered is None:
            return False
        await self._telling.answer(said, answered, key)
        rest: Rest = TalkState.AWAITING if answered.reply.questions or answered.proposal else TalkState.IDLE
        await self._end(taken, answered.upto, rest)
        await self._follow(said.person)
        return True

    async def _failed(self, taken: Taken, said: Said, error: Exception, last: int, key: str) -> bool:
        logger.warning("turn %s of %s failed", taken.talk.turn, taken.talk.session, exc_info=error)
        move = after_failure(error, taken.talk.attempts)
        if move == "again":
            await self._talks.stop(taken, forgive=False)
            return True
        if move == "aside":
            await self._set_aside(taken, said)
            return True
        if move == "tell":
            await self._talks.stop(taken, forgive=True)  # first: what keeps it from being told says nothing against it either
        await self._telling.explain(said, error, f"{key}:error-{last}")
        if move == "over":
            await self._end(taken, last, TalkState.IDLE)
        return move == "over"

    async def _answered(self, taken: Taken, said: Said) -> Answered | None:
        """Have the turn answered under the lease; None when that is lost meanwhile."""
        from tasks.dialogue import Turn

        talk = taken.talk
        turn = Turn(name=talk.name, epoch=talk.epoch, number=talk.turn, chat=said.chat)
        async with self._drafts.writing(said.chat, said.language) as writing:
            return await under_lease(self._desk.talk(turn, self._deeds, writing), taken, self._talks, self._beat)

    async def _is_answered(self, taken: Taken) -> bool:
        from tasks.dialogue import conversation_of

        return replied_in(await self._desk.registry.load(conversation_of(taken.talk.session)), taken.talk.turn)

    async def _set_aside(self, taken: Taken, said: Said) -> None:
        """Set a poisoned session aside; its person goes on in a fresh one, and the operator reads of it in the log.

        Its person is told first: once it is set aside, nobody who comes after a kill knows that there was something to tell.
        """
        logger.error("session %s is poisoned and set aside", taken.talk.session)
        last = await self._last(taken)
        await self._telling.text(said, say(said.language, "talk_set_aside"), f"{TALK}{taken.talk.session}:aside")
        await self._talks.set_aside(taken)
        await self._held.release(said.person, last)

    async def _last(self, taken: Taken) -> int:
        waiting = await self._talks.waiting(taken.talk.name, taken.talk.epoch)
        return waiting[-1].sequence if waiting else 0

    async def _end(self, taken: Taken, upto: int, rest: Rest) -> None:
        await self._talks.end(taken, upto, rest)
        await self._held.release(taken.talk.name, upto)

    async def _follow(self, person: str) -> None:
        for run in await Belongings(person, self._desk.registry).going_on():
            if run.origin.channel == "telegram":
                self._cards.follow(run.id)

    async def _explained(self, said: Said, error: Exception, key: str) -> None:
        """Tell why there is no answer, if that can be told at all."""
        try:
            await self._telling.explain(said, error, key)
        except SlipwayError as second:
            logger.warning("%s could not be told why their talk rests: %s", said.person, second)
