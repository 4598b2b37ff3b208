"""Questions of runs in the chat: buttons for the answers, words by replying. Only the run's person can answer."""

from html import escape

from blocks.telegram import TelegramChat
from deployments.bot.asks import Ask, Asks
from deployments.bot.handlers import Desk, Handlers
from deployments.bot.messages import Said
from deployments.bot.question_cards import ASK, Button, pressed
from deployments.wording.texts import say
from domain.errors import AnsweredAlready, BadInput
from domain.escalations import IN_WORDS, Choice, Escalation
from domain.runs import Run


class QuestionMessages:
    """Takes pressed buttons and replies to questions; `asks` remembers which message asks for which words."""

    def __init__(self, desk: Desk, chat: TelegramChat, asks: Asks, secret_asks: Asks, handlers: Handlers) -> None:
        self._desk = desk
        self._chat = chat
        self._asks = asks
        self._secret_asks = secret_asks
        self._speech = handlers.speech

    async def take(self, said: Said) -> bool:
        """Deal with an answer to a question; False when it is none."""
        if said.press:
            return await self._pressed(said) if said.text.startswith(f"{ASK}:") else False
        asked = self._asks.find(said.chat, said.reply) if said.reply else None
        button = pressed(asked.name) if asked else None
        if asked is None or button is None or said.text.startswith("/"):
            return False
        run = await self._desk.registry.run(asked.run)
        if run is not None and run.origin.person == said.person:
            words = "" if said.sent else said.text  # a file is no answer, and its caption alone is not what was meant
            await self._answer(said, run, button.number, button.choice, words)
        return True

    async def _pressed(self, said: Said) -> bool:
        button = pressed(said.text)
        run = await self._desk.registry.run(button.run) if button else None
        if run is not None and run.origin.person != said.person:
            await self._speech.pop(said, "not_yours")
        elif run is None or button is None or (question := await self._offered(run, button)) is None:
            await self._speech.pop(said, "dead_button")
        else:
            await self._speech.heard(said)
            await self._chosen(said, run, question, button.choice)
        return True

    async def _chosen(self, said: Said, run: Run, question: Escalation, choice: Choice) -> None:
        """Answer at once, or ask for what the choice still needs."""
        missing = await self._missing(run, question) if choice == "provide_secret" else []
        if missing:
            text = say(said.language, "secret_wanted", name=missing[0])
            sending = self._chat.ask(said.chat, escape(text, quote=False), say(said.language, "secret_hint", name=missing[0]))
            await self._secret_asks.ask(Ask(chat=said.chat, run=run.id, project=run.project, name=missing[0]), sending)
        elif choice in IN_WORDS:
            text = say(said.language, f"words_{choice}", project=run.project)
            name = f"{ASK}:{run.id}:{question.number}:{choice}"
            sending = self._chat.ask(said.chat, escape(text, quote=False), say(said.language, "words_hint"))
            await self._asks.ask(Ask(chat=said.chat, run=run.id, project=run.project, name=name), sending)
        else:
            await self._answer(said, run, question.number, choice, "")

    async def _answer(self, said: Said, run: Run, number: int, choice: Choice, text: str) -> None:
        """Let the answer count; a late one and one that cannot be used are told in one sentence."""
        try:
            await self._desk.answer(run.id, choice, text, said.person, "telegram", number)
        except AnsweredAlready:
            await self._speech.tell(said, "answered_already", project=run.project)
        except BadInput:
            late = await self._open(run, number) is None
            await self._speech.tell(said, "answered_already" if late else "answer_bad", project=run.project)
        else:
            await self._speech.tell(said, "answered_stop" if choice == "stop" else "answered", project=run.project)

    async def _offered(self, run: Run, button: Button) -> Escalation | None:
        """Return the question when it is open and this is one of its answers; money is not given by button."""
        question = await self._open(run, button.number)
        offered = question.diagnosis.choices if question else ()
        return question if button.choice in offered and button.choice != "more_budget" else None

    async def _open(self, run: Run, number: int) -> Escalation | None:
        from tasks.answering import open_question

        question = await open_question(run, self._desk.registry)
        return question if question is not None and question.number == number else None

    async def _missing(self, run: Run, question: Escalation) -> list[str]:
        there = await self._desk.vault.names(run.project)
        return [name for name in question.diagnosis.secrets if name not in there]
