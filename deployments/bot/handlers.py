"""What the bot does with each message: a value, a call to the desk, a short answer."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from blocks.telegram import TelegramChat
from deployments.bot.chat_signs import ChatSigns
from deployments.bot.live_cards import LiveCards
from deployments.bot.messages import Said, rest_of
from deployments.bot.owned import Owned
from deployments.bot.page import PagePlace
from deployments.bot.sendings import Sendings
from deployments.bot.speech import Speech
from deployments.bot.waiting_files import WaitingFiles
from deployments.desk.allowances import Allowances
from deployments.desk.deeds import DeskDeeds
from deployments.desk.looking import Look
from deployments.desk.requests import run_id
from deployments.desk.reservations import begun_before
from deployments.wording.texts import say
from domain.attachments import Attachment, Attachments, distinct
from domain.deeds import Deeds
from domain.errors import SlipwayError
from domain.escalations import Door, Escalation
from domain.names import REQUEST_LIMIT
from domain.previews import Preview
from domain.proposals import Answered, Proposal
from domain.protocols import Vault, Wakeups
from domain.registry import Registry
from domain.runs import Origin, Run
from domain.talks import account
from domain.writing import Writing

if TYPE_CHECKING:
    from deployments.bot.dialogue import Dialogue
    from tasks.dialogue import Turn


class Desk(Protocol):
    """The part of `deployments.desk.requests.Desk` that the bot needs."""

    registry: Registry
    wakeups: Wakeups
    vault: Vault
    look: Look
    attachments: Attachments

    async def propose(
        self,
        text: str,
        origin: Origin,
        *,
        project: str | None = None,
        key: str | None = None,
        attachments: Sequence[Attachment] = (),
    ) -> Proposal: ...
    async def start(self, proposal: Proposal) -> Run: ...
    async def cancel(self, run: str, who: str) -> Run: ...
    async def talk(self, turn: "Turn", deeds: Deeds, writing: Writing | None = None) -> Answered: ...
    async def add_domain(self, project: str, host: str, who: str) -> str: ...
    async def rollback(
        self, project: str, reason: str, who: str, to: int | None = None, data: str = "", *, key: str | None = None
    ) -> str: ...
    async def resume_waiting(self, project: str) -> list[str]: ...
    async def confirm(self, project: str, number: int | None, origin: Origin) -> Run: ...
    async def drop(self, project: str, number: int | None, who: str) -> Preview: ...
    async def take_down(self, project: str, who: str) -> None: ...
    async def answer(self, run: str, choice: str, text: str, by: str, door: Door, number: int | None = None) -> Escalation: ...


class Handlers:
    """One method per thing that a person can say."""

    def __init__(
        self,
        desk: Desk,
        chat: TelegramChat,
        cards: LiveCards,
        waiting: WaitingFiles,
        allowances: Allowances,
        dialogue: "Dialogue | None" = None,
        page: PagePlace | None = None,
        *,
        files: Sendings,
    ) -> None:
        self.desk = desk
        self.page_place = page or PagePlace()
        self.waiting = waiting
        self._allowances = allowances
        self._deeds = DeskDeeds(desk, allowances)
        self.cards = cards
        self.speech = Speech(chat, desk.registry, files)
        self._signs = ChatSigns(chat)
        self._owned = Owned(desk.registry, self.speech)
        self._dialogue = dialogue
        self._proposing: dict[asyncio.Task[Proposal], str] = {}
        """What is being read, and in which chat: a button does not wait for the messages before it."""

    async def start(self, said: Said) -> None:
        key = "start" if self._dialogue is None else "start_talk"
        await self.speech.tell(said, key, example=say(said.language, "example"))

    async def help(self, said: Said) -> None:
        await self.speech.tell(said, "help")

    async def other(self, said: Said) -> None:
        """What nobody reads gets one sentence; news of the chat itself, like a pinned message, get none."""
        if said.unread:
            await self.speech.tell(said, "unread", what=say(said.language, f"unread_{said.unread}"))

    async def edited(self, said: Said) -> None:
        await self.speech.tell(said, "edited")

    async def written(self, said: Said) -> None:
        """Words of a caption or a voice message: what they would be as a text, with the command that they begin with."""
        commands = {"/new": self.new, "/change": self.change}
        await commands.get(said.command, self.text)(said)

    async def is_awaited(self, said: Said) -> bool:
        """Tell whether the Product Owner has asked this person something, which a file without words may answer."""
        return self._dialogue is not None and await self._dialogue.awaits(said.person)

    async def here_are(self, said: Said) -> None:
        """Hand files over that answer the Product Owner."""
        await self._begin(said, say(said.language, "file_here", names=", ".join(each.name for each in said.files)), None)

    async def text(self, said: Said) -> None:
        """Something said to the Product Owner; without a dialogue it is a request for something new."""
        await self._begin(said, said.text, None)

    async def new(self, said: Said) -> None:
        """A request for something new, said with its command."""
        if said.words:
            await self._begin(said, said.words, None)
        else:
            await self.speech.tell(said, "new_usage", example=say(said.language, "example"))

    async def change(self, said: Said) -> None:
        slug, wish = said.words.split(maxsplit=1)[:1], rest_of(said.words)
        if not wish:
            await self.speech.tell(said, "change_usage")
        elif project := await self._owned.project(said, slug[0]):
            await self._begin(said, wish, project.slug)

    async def forget(self, said: Said) -> bool:
        """End what is being read or answered in this chat, and say so; False when that is nothing. Waiting files go too."""
        dropped = await self.waiting.drop(said.chat)
        if self._dialogue is not None and await self._dialogue.cancel(said):
            await self.speech.tell(said, "forgotten")
            return True
        stopped = [task.cancel() for task, chat in self._proposing.items() if chat == said.chat]
        if any(stopped):
            return True
        if dropped:
            await self.speech.tell(said, "forgotten")
        return dropped

    async def _begin(self, said: Said, wish: str, project: str | None) -> None:
        """Start a run and its card. The run's id comes of the update, so that the same one again starts nothing new."""
        if len(wish) > REQUEST_LIMIT:
            await self.speech.tell(said, "too_long", length=f"{len(wish):,}", limit=f"{REQUEST_LIMIT:,}")
            return
        if not any(letter.isalnum() for letter in wish):
            await self.speech.tell(said, "no_words", example=say(said.language, "example"))
            return
        waited = await self.waiting.take(said.chat, said.update, datetime.now(UTC))
        with_files = said.model_copy(update={"files": distinct((*waited, *said.files))})
        try:
            await self._go_on(with_files, wish, project)
        except BaseException:
            await self.waiting.give_back(said.chat, said.update)
            raise

    async def _go_on(self, said: Said, wish: str, project: str | None) -> None:
        if self._dialogue is not None:
            await self._allowances.check_money(said.person)
            about = say(said.language, "wish_for", project=project, wish=wish) if project else wish
            await self._dialogue.hear(said, about)
            return
        typing = self._signs.typing(said.chat)
        try:
            run = await self._started(said, wish, project)
        finally:
            typing.cancel()
        if run is None:
            await self.speech.tell(said, "forgotten")
        else:
            self.cards.follow(run.id)

    async def _started(self, said: Said, wish: str, project: str | None) -> Run | None:
        """Start the run; None when its person cancelled meanwhile."""
        if (stored := await begun_before(run_id(said.key), self.desk.registry)) is not None:
            return await self.desk.start(stored.model_copy(update={"attachments": said.files}))
        await self._allowances.check(said.person, run_id(said.key))
        try:
            proposal = await self._proposed(said, wish, project)
            begun = None if proposal is None else await self._deeds.start(proposal)
        except SlipwayError:
            await self._book(said, project)
            raise
        if begun is None:
            await self._book(said, project)
        return begun

    async def _book(self, said: Said, project: str | None) -> None:
        """Book to the person what the Brief of a new project cost of which no run came: else it would be nobody's money."""
        if project is None and await self.desk.registry.run(run_id(said.key)) is None:
            await self.desk.registry.rebook(run_id(said.key), account(said.person))

    async def _proposed(self, said: Said, wish: str, project: str | None) -> Proposal | None:
        """Return the proposal; None when its person cancelled meanwhile."""
        task = asyncio.create_task(self.desk.propose(wish, said.origin, project=project, key=said.key, attachments=said.files))
        self._proposing[task] = said.chat
        try:
            await asyncio.wait([task])
        finally:
            task.cancel()
            del self._proposing[task]
        return None if task.cancelled() else task.result()
