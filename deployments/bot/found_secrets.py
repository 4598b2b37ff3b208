"""Secrets at the door: what is told of messages that held one. The values themselves ended in `deployments.bot.sealing`."""

from html import escape

from blocks.telegram import TelegramChat
from deployments.bot.asks import Ask, Asks
from deployments.bot.handlers import Desk, Handlers
from deployments.bot.messages import Said
from deployments.bot.sealing import Answered, answered, sealed_credential
from deployments.wording.texts import say
from domain.errors import SlipwayError, UnknownObject
from domain.runs import Run
from domain.secret_formats import format_of
from tasks.secret_use import record_stored


class SecretMessages:
    """Answers sealed messages."""

    def __init__(self, desk: Desk, chat: TelegramChat, asks: Asks, handlers: Handlers) -> None:
        self._desk = desk
        self._chat = chat
        self._asks = asks
        self._speech = handlers.speech

    async def refuse_credential(self, said: Said) -> bool:
        """Delete a message that holds a credential and say so; False when it holds none."""
        kind = sealed_credential(said.text)
        if kind is None or said.press:
            return False
        await self._speech.tell(said, "credential" if await self._deleted(said) else "credential_left", kind=kind)
        return True

    async def take_answer(self, said: Said) -> bool:
        """Tell what became of a secret that a person gave; the last one lets the run go on. False when it is none."""
        answer = None if said.press else answered(said.text)
        if answer is not None and answer.project:
            await self._take(said, answer)
            return True
        run = await self._desk.registry.run(answer.run) if answer else None
        if answer is None or run is None or run.origin.person != said.person:
            return answer is not None
        deleted = await self._deleted(said)
        if answer.outcome == "stored":
            await self._record(said, run.project, answer.name)
        if answer.outcome == "late":
            await self._speech.tell(said, "secret_late", name=answer.name, project=run.project)
        elif answer.outcome != "stored":
            await self._ask(said, run.project, f"secret_{answer.outcome}", name=answer.name, run=run.id)
        elif missing := await self._missing(run):
            await self._ask(said, run.project, "secret_next", name=answer.name, first=missing[0], run=run.id)
        else:
            await self._desk.resume_waiting(run.project)
            await self._speech.tell(
                said, "secret_stored" if deleted else "secret_stored_left", name=answer.name, project=run.project
            )
        return True

    async def _take(self, said: Said, answer: Answered) -> None:
        """Tell what became of a secret for which no run waits."""
        project = await self._desk.registry.project(answer.project)
        if project is None or project.owner != said.person:
            await self._deleted(said)
            await self._speech.tell(said, "secret_late", name=answer.name, project=answer.project)
            return
        deleted = await self._deleted(said)
        if answer.outcome != "stored":
            await self._ask(said, project.slug, f"secret_{answer.outcome}", name=answer.name)
            return
        await self._record(said, project.slug, answer.name)
        await self._desk.resume_waiting(project.slug)
        await self._speech.tell(said, "secret_kept" if deleted else "secret_kept_left", name=answer.name, project=project.slug)

    async def _record(self, said: Said, project: str, name: str) -> None:
        await record_stored(project, said.person, name, "stored", self._desk.registry, self._desk.vault)

    async def _ask(self, said: Said, project: str, key: str, *, name: str, first: str = "", run: str = "") -> None:
        """Ask for the next missing value, or again for the same one."""
        asked = first or name
        form = format_of(asked)
        looks = {"what": form.what, "like": form.like} if form else {}
        text = escape(say(said.language, key, name=name, first=asked, project=project, **looks), quote=False)
        question = self._chat.ask(said.chat, text, say(said.language, "secret_hint", name=asked))
        await self._asks.ask(Ask(chat=said.chat, run=run, project=project, name=asked), question)

    async def _missing(self, run: Run) -> list[str]:
        there = await self._desk.vault.names(run.project)
        return [name for name in run.waits_for if name not in there]

    async def _deleted(self, said: Said) -> bool:
        """Delete the person's message; tell whether it is gone."""
        try:
            await self._chat.delete_message(said.chat, said.message)
        except UnknownObject:
            return True
        except SlipwayError:
            return False
        return True
