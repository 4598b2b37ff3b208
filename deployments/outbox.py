"""The outbox's sender: brings stored notifications to their chats, in order.

A notification is marked after it was sent. A kill between the two, or a lost answer, leaves a trace, and
`domain.sending` decides what becomes of it: the messenger has no keys by which it would drop a second one.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from html import escape

from deployments.asks import Ask, Asks
from deployments.bells import ring, rung
from deployments.cards import Card, Wanted
from deployments.goals import goal_of
from deployments.notices import told, told_rollback
from deployments.preview_cards import preview_card
from deployments.question_cards import ASK, question_card
from deployments.references import referenced
from deployments.rollback_cards import data_buttons
from deployments.sendings import Sendings
from deployments.talk_cards import is_secret_question, spoken_in
from deployments.whole import whole
from deployments.wording import say
from domain.errors import Broken, ChatBusy, NeedsPerson, TryAgain
from domain.protocols import Chat, Wakeups
from domain.registry import Registry
from domain.runs import Notification, Run, RunState
from tasks.notify import OPERATOR, OUTBOX

logger = logging.getLogger(__name__)

CHANNEL = "telegram"
SWEEP = 3.0
"""Seconds between two looks at the outbox when no hint comes."""


class Outbox:
    """Sends what waits for people in chats, and for the operator in the chat that the settings name."""

    def __init__(
        self,
        chat: Chat,
        registry: Registry,
        wakeups: Wakeups,
        asks: Asks,
        sendings: Sendings,
        questions: Asks | None = None,
        *,
        operator: str = "",
        sweep: float = SWEEP,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._chat = chat
        self._registry = registry
        self._wakeups = wakeups
        self._asks = asks
        self._questions = questions
        self._sendings = sendings
        self._operator = operator
        self._sweep = sweep
        self._clock = clock
        self._bell = asyncio.Event()
        self._busy: set[str] = set()

    async def run(self) -> None:
        """Send at each hint and each sweep, until cancelled."""
        ringing = asyncio.create_task(ring(self._bell, self._wakeups, OUTBOX))
        try:
            while True:
                try:
                    await self.send_waiting()
                except TryAgain as error:
                    logger.warning("the outbox is looked at again later: %s", error)
                await rung(self._bell, self._sweep)
        finally:
            ringing.cancel()

    async def send_waiting(self) -> None:
        """Send each once; a chat that asked to wait keeps its own later messages back, in their order."""
        for notification in (*await self._registry.unsent(CHANNEL), *await self._for_operator()):
            if notification.chat not in self._busy:
                await whole(self._send(notification))

    async def _for_operator(self) -> Sequence[Notification]:
        """Return what the operator is to be told, with the operator's chat; without one it is left to the terminal."""
        if not self._operator:
            return ()
        return [told.model_copy(update={"chat": self._operator}) for told in await self._registry.unsent(OPERATOR)]

    async def _send(self, notification: Notification) -> None:
        async def tell(again: bool) -> str:
            await self._tell(notification, again=again)
            return ""

        try:
            await self._sendings.once(notification.key, tell, asks=awaits_answer(notification))
        except ChatBusy as busy:
            self._pause(notification.chat, busy.seconds)
            return
        except (NeedsPerson, Broken) as error:  # a blocked bot or a refused text stays so: it must not stop the others
            logger.warning("notification %s cannot be sent and is given up: %s", notification.key, error)
        await self._registry.mark_sent(notification.key, self._clock())
        await self._sendings.end(notification.key)

    async def _tell(self, notification: Notification, *, again: bool) -> None:
        """Tell news of a run in the words of its person's language, anything else as it was written."""
        if (spoken := spoken_in(notification)) is not None:
            if spoken.secret:
                hint = say(spoken.language, "secret_hint", name=spoken.secret)
                ask = Ask(chat=notification.chat, project=spoken.project, name=spoken.secret)
                await self._asks.ask(ask, self._chat.ask(notification.chat, spoken.html, hint))
                return
            card = Card(html=spoken.html, buttons=spoken.buttons)
            await self._bring(notification.chat, card, spoken.person, spoken.language, again=again)
            return
        chat, run = notification.chat, await self._registry.run(notification.run) if notification.run else None
        if run is None:
            await self._bring(chat, Card(html=escape(notification.text, quote=False)), "", "en", again=again)
            return
        project = await self._registry.project(run.project)
        progress = await self._registry.progress(run.id)
        goal = await goal_of(run, progress, self._registry)
        bring = partial(self._bring, chat, person=run.origin.person, language=goal.language, again=again)
        quiet = (await self._registry.person(run.origin.person)).quiet
        if asks_for_secrets(notification.key, run):
            name = run.waits_for[0]
            question = self._chat.ask(chat, told(run, progress, goal), say(goal.language, "secret_hint", name=name))
            await self._asks.ask(Ask(chat=chat, run=run.id, project=run.project, name=name), question)
        elif notification.key.startswith(f"{run.id}:question-"):
            await self._ask(notification, run, goal)
        elif (shown := preview_card(notification.key, run, progress, goal)) is not None:
            await bring(shown, quiet=quiet)
        elif notification.key == f"{run.id}:end" and run.state.ended:
            await bring(Card(html=told(run, progress, goal)), quiet=quiet)
        else:
            releases = await self._registry.releases(run.project)
            news = told_rollback(notification.key, releases, run.project, project.title if project else "", goal.language)
            html = escape(news or notification.text, quote=False)
            await bring(Card(html=html, buttons=data_buttons(notification.key, run.project, goal.language)))

    async def _bring(self, chat: str, shown: Card, person: str, language: str, *, again: bool, quiet: bool = False) -> None:
        """Send news; those that may be there already come without a sound, and say so."""
        buttons = await referenced(shown.buttons, person, self._registry)
        await self._chat.send(chat, perhaps(shown.html, language, again=again), buttons, quiet=again or quiet)

    async def _ask(self, notification: Notification, run: Run, goal: Wanted) -> None:
        """Ask with buttons; a question that was answered meanwhile is not told any more."""
        from tasks.answering import open_question  # loads Prefect

        question = await open_question(run, self._registry)
        if question is None or notification.key != f"{run.id}:question-{question.number}":
            return
        shown = question_card(run, question, goal)
        buttons = await referenced(shown.buttons, run.origin.person, self._registry)
        sent = await self._chat.send(notification.chat, shown.html, buttons)
        if self._questions is not None and "guidance" in question.diagnosis.choices:
            name = f"{ASK}:{run.id}:{question.number}:guidance"
            await self._questions.remember(
                Ask(chat=notification.chat, message=sent, run=run.id, project=run.project, name=name)
            )

    def _pause(self, chat: str, seconds: float) -> None:
        self._busy.add(chat)
        asyncio.get_running_loop().call_later(seconds, self._resume, chat)

    def _resume(self, chat: str) -> None:
        self._busy.discard(chat)
        self._bell.set()


def asks_for_secrets(key: str, run: Run) -> bool:
    """Tell whether this asks for what the run still waits for; `tasks.finish` names these keys."""
    return key.startswith(f"{run.id}:secrets-") and run.state is RunState.WAITING and bool(run.waits_for)


def awaits_answer(notification: Notification) -> bool:
    """Tell whether something waits for what a person answers to this."""
    return is_secret_question(notification) or notification.key.startswith(
        (f"{notification.run}:secrets-", f"{notification.run}:question-")
    )


def perhaps(html: str, language: str, *, again: bool) -> str:
    """Return the text with a line before it that says that it may be there already, if it may."""
    return f"<i>{say(language, 'perhaps_again')}</i>\n{html}" if again else html
