"""What a notification says in its chat: put into its person's words, and brought there by the messenger."""

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from html import escape

from deployments.bot.asks import Ask, Asks
from deployments.bot.preview_cards import preview_card
from deployments.bot.question_cards import ASK, question_card
from deployments.bot.references import referenced
from deployments.bot.rollback_cards import data_buttons
from deployments.bot.sendings import Sendings, perhaps
from deployments.bot.talk_cards import Spoken, is_secret_question, spoken_in
from deployments.wording.cards import Card, Wanted
from deployments.wording.goals import goal_of
from deployments.wording.notices import told, told_rollback
from deployments.wording.texts import say
from domain.chat_text import bare, sendable, split_html
from domain.errors import ChatRefused, SlipwayError
from domain.protocols import Chat
from domain.registry import Registry
from domain.runs import Notification, Run, RunState
from domain.values import Value

logger = logging.getLogger(__name__)


class Letter(Value):
    """A notification in words."""

    card: Card
    person: str = ""
    """Who may press its buttons."""
    language: str = "en"
    quiet: bool = False
    asks: Ask | None = None
    """What an answer to it is the answer to."""
    hint: str = ""
    """Shown in the empty field of a forced reply; empty: no reply is forced."""


class Letters:
    """Brings notifications. One whose words cannot be made, or are refused, comes in plain ones: its person hears of it."""

    def __init__(self, chat: Chat, registry: Registry, sendings: Sendings, asks: Asks, questions: Asks | None = None) -> None:
        self._chat = chat
        self._registry = registry
        self._sendings = sendings
        self._asks = asks
        self._questions = questions

    async def bring(self, notification: Notification) -> None:
        """Bring it to its chat, as several messages where one is too short, each once.

        News that may be there already come without a sound, and say so. The caller ends the trace.
        """
        letter = await self._letter(notification)
        if letter is None:
            return
        *head, last = split_html(sendable(letter.card.html))
        for part, html in enumerate(head, 1):
            page = letter.model_copy(update={"card": Card(html=html), "asks": None})
            await self._sendings.once(notification.key, partial(self._send, notification.chat, page), part=part)
        page = letter.model_copy(update={"card": letter.card.model_copy(update={"html": last})})
        asks = awaits_answer(notification)
        await self._sendings.once(notification.key, partial(self._send, notification.chat, page), asks=asks)

    async def _send(self, chat: str, letter: Letter, again: bool) -> str:
        if letter.asks is not None and letter.hint:
            hint = letter.hint
            await self._asks.ask(letter.asks, self._taken(letter.card.html, lambda html: self._chat.ask(chat, html, hint)))
            return ""
        sent = await self._told(chat, letter, again=again)
        if letter.asks is not None and self._questions is not None:
            await self._questions.remember(letter.asks.model_copy(update={"message": sent}))
        return sent

    async def _letter(self, notification: Notification) -> Letter | None:
        """Return news of a run in the words of its person's language, anything else as it was written."""
        if (spoken := spoken_in(notification)) is not None:
            return _spoken(spoken, notification.chat)
        run = await self._registry.run(notification.run) if notification.run else None
        try:
            return _as_written(notification) if run is None else await self._letter_of(run, notification)
        except SlipwayError:
            raise
        except Exception:  # words that cannot be made must neither stop the others nor stay untold
            logger.exception("notification %s is told as it was written", notification.key)
            return _as_written(notification)

    async def _letter_of(self, run: Run, notification: Notification) -> Letter | None:
        progress = tuple(await self._registry.progress(run.id))
        goal = await goal_of(run, progress, self._registry)
        if asks_for_secrets(notification.key, run):
            name = run.waits_for[0]
            ask = Ask(chat=notification.chat, run=run.id, project=run.project, name=name)
            card = Card(html=told(run, progress, goal))
            return Letter(card=card, asks=ask, hint=say(goal.language, "secret_hint", name=name))
        if notification.key.startswith(f"{run.id}:question-"):
            return await self._question(run, notification, goal)
        shown = preview_card(notification.key, run, progress, goal)
        if shown is None and notification.key == f"{run.id}:end" and run.state.ended:
            shown = Card(html=told(run, progress, goal))
        quiet = shown is not None and (await self._registry.person(run.origin.person)).quiet
        card = shown or await self._rollback(run, notification, goal)
        return Letter(card=card, person=run.origin.person, language=goal.language, quiet=quiet)

    async def _question(self, run: Run, notification: Notification, goal: Wanted) -> Letter | None:
        """Return a question with buttons; None for one that was answered meanwhile."""
        from tasks.answering import open_question  # loads Prefect

        question = await open_question(run, self._registry)
        if question is None or notification.key != f"{run.id}:question-{question.number}":
            return None
        name = f"{ASK}:{run.id}:{question.number}:guidance"
        ask = Ask(chat=notification.chat, run=run.id, project=run.project, name=name)
        asks = ask if "guidance" in question.diagnosis.choices else None
        return Letter(card=question_card(run, question, goal), person=run.origin.person, language=goal.language, asks=asks)

    async def _rollback(self, run: Run, notification: Notification, goal: Wanted) -> Card:
        """Return what a rollback came to, with buttons for the data; all else as it was written."""
        project, releases = await self._registry.project(run.project), await self._registry.releases(run.project)
        news = told_rollback(notification.key, releases, run.project, project.title if project else "", goal.language)
        buttons = data_buttons(notification.key, run.project, goal.language)
        return Card(html=escape(news or notification.text, quote=False), buttons=buttons)

    async def _told(self, chat: str, letter: Letter, *, again: bool) -> str:
        html, quiet = perhaps(letter.card.html, letter.language, again=again), letter.quiet or again
        labelled = await referenced(letter.card.buttons, letter.person, self._registry)
        return await self._taken(html, lambda words: self._chat.send(chat, words, labelled, quiet=quiet))

    async def _taken(self, html: str, send: Callable[[str], Awaitable[str]]) -> str:
        """Send it, without its marks where Telegram refuses them; return the message's id."""
        try:
            return await send(html)
        except ChatRefused as refused:
            logger.warning("%s: it is sent without marks", refused)
            return await send(escape(bare(html), quote=False))


def _spoken(spoken: Spoken, chat: str) -> Letter:
    """Return a message of the dialogue, which may ask for a secret."""
    card = Card(html=spoken.html, buttons=spoken.buttons)
    letter = Letter(card=card, person=spoken.person, language=spoken.language)
    if not spoken.secret:
        return letter
    asks = Ask(chat=chat, project=spoken.project, name=spoken.secret)
    return letter.model_copy(update={"asks": asks, "hint": say(spoken.language, "secret_hint", name=spoken.secret)})


def _as_written(notification: Notification) -> Letter:
    return Letter(card=Card(html=escape(notification.text, quote=False)))


def asks_for_secrets(key: str, run: Run) -> bool:
    """Tell whether this asks for what the run still waits for; `tasks.finish` names these keys."""
    return key.startswith(f"{run.id}:secrets-") and run.state is RunState.WAITING and bool(run.waits_for)


def awaits_answer(notification: Notification) -> bool:
    """Tell whether something waits for what a person answers to this."""
    return is_secret_question(notification) or notification.key.startswith(
        (f"{notification.run}:secrets-", f"{notification.run}:question-")
    )
