"""What the bot does with each message: a value, a call to the desk, a short answer."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from html import escape
from typing import Protocol

from blocks.telegram import TelegramChat
from deployments.bot_messages import Said, rest_of
from deployments.cards import STOP, link, noted
from deployments.live_cards import LiveCards
from deployments.preview_cards import CONFIRM
from deployments.requests import Proposal, run_id
from deployments.wording import say
from domain.errors import BadInput, ChatBusy, NothingToRollBackTo, SlipwayError
from domain.escalations import Door, Escalation
from domain.names import REQUEST_LIMIT
from domain.protocols import Registry, Vault, Wakeups
from domain.releases import live, previous_good
from domain.runs import Origin, Project, Run, RunState

TYPING = 4.0
"""Seconds between two signs of typing: Telegram shows each for five."""
PATIENCE = 3
"""How often an answer is tried when Telegram asks to wait."""


class Desk(Protocol):
    """The part of `deployments.requests.Desk` that the bot needs."""

    registry: Registry
    wakeups: Wakeups
    vault: Vault

    async def propose(self, text: str, origin: Origin, *, project: str | None = None, key: str | None = None) -> Proposal: ...
    async def start(self, proposal: Proposal) -> Run: ...
    async def cancel(self, run: str, who: str) -> Run: ...
    async def rollback(self, project: str, reason: str, who: str) -> str: ...
    async def resume_waiting(self, project: str) -> list[str]: ...
    async def confirm(self, project: str, number: int | None, origin: Origin) -> Run: ...
    async def answer(self, run: str, choice: str, text: str, by: str, door: Door, number: int | None = None) -> Escalation: ...


class Handlers:
    """One method per thing that a person can say."""

    def __init__(self, desk: Desk, chat: TelegramChat, cards: LiveCards) -> None:
        self._desk = desk
        self._chat = chat
        self._cards = cards
        self._proposing: dict[str, asyncio.Task[Proposal]] = {}

    async def tell(self, said: Said, key: str, **fields: object) -> None:
        """Answer with one of the texts for people."""
        await self.tell_text(said, say(said.language, key, **fields))

    async def tell_text(self, said: Said, text: str) -> None:
        await self.answer(said, escape(text, quote=False))

    async def answer(self, said: Said, html: str) -> None:
        """Send an answer, waiting as often as Telegram asks to."""
        for _ in range(PATIENCE):
            try:
                await self._chat.send(said.chat, html)
            except ChatBusy as busy:
                await asyncio.sleep(busy.seconds)
            else:
                return
        await self._chat.send(said.chat, html)

    async def start(self, said: Said) -> None:
        await self.tell(said, "start", example=say(said.language, "example"))

    async def help(self, said: Said) -> None:
        await self.tell(said, "help")

    async def other(self, said: Said) -> None:
        await self.tell(said, "only_text")

    async def text(self, said: Said) -> None:
        """A request for something new."""
        await self._begin(said, said.text, None)

    async def change(self, said: Said) -> None:
        slug, wish = said.words.split(maxsplit=1)[:1], rest_of(said.words)
        if not wish:
            await self.tell(said, "change_usage")
        elif await self._own(said, slug[0].lower()):
            await self._begin(said, wish, slug[0].lower())

    async def status(self, said: Said) -> None:
        projects = await self._projects(said)
        if not projects:
            await self.tell(said, "no_projects")
            return
        await self.answer(said, "\n\n".join([await self._standing(said, project) for project in projects]))

    async def rollback(self, said: Said) -> None:
        projects = await self._projects(said)
        slug = said.words.lower() or (projects[0].slug if len(projects) == 1 else "")
        if projects and not slug:
            await self.tell(said, "which_project", projects=listed(projects), command="rollback", first=projects[0].slug)
        elif await self._own(said, slug):
            if previous_good(await self._desk.registry.releases(slug)) is None:
                raise NothingToRollBackTo(slug)
            await self._desk.rollback(slug, "asked for in Telegram", said.person)
            await self.tell(said, "rollback_started", project=slug)

    async def cancel(self, said: Said) -> None:
        """Stop the run or project named, or the newest that goes on; also a request that is still being read."""
        proposing = None if said.words else self._proposing.get(said.chat)
        if proposing:
            proposing.cancel()
            return
        run = next((run for run in await self._going_on(said) if said.words in ("", run.id, run.project)), None)
        if run is None:
            await self.tell(said, "nothing_to_cancel")
            return
        await self._stop(said, run)
        await self.tell(said, "cancelling", project=run.project)

    async def press(self, said: Said) -> None:
        """A button of a card: only its run's person may press it, and a dead one says so."""
        verb, _, name = said.text.partition(":")
        run = await self._desk.registry.run(name) if verb in (STOP, CONFIRM) else None
        if run is not None and run.origin.person != said.person:
            await self._chat.answer(said.press, say(said.language, "not_yours"))
        elif run is not None and verb == CONFIRM:
            await self._confirm(said, run)
        elif run is None or run.state.ended:
            await self._chat.answer(said.press, say(said.language, "dead_button"))
        else:
            await self._stop(said, run)
            await self._chat.answer(said.press, say(said.language, "cancelling", project=run.project))

    async def _confirm(self, said: Said, run: Run) -> None:
        """Put the preview that the run made online; pressed twice, it is one release."""
        previews = await self._desk.registry.previews(run.project)
        number = next((preview.number for preview in previews if preview.run == run.id), 0)
        try:
            begun = await self._desk.confirm(run.project, number, run.origin)
        except BadInput:
            await self._chat.answer(said.press, "")
            await self.tell(said, "preview_late", project=run.project)
        else:
            await self._chat.answer(said.press, say(said.language, "going_online", project=run.project))
            self._cards.follow(begun.id)

    async def _begin(self, said: Said, wish: str, project: str | None) -> None:
        """Start a run and its card. The run's id comes of the update, so that the same one again starts nothing new."""
        if len(wish) > REQUEST_LIMIT:
            await self.tell(said, "too_long", length=f"{len(wish):,}", limit=f"{REQUEST_LIMIT:,}")
            return
        if not any(letter.isalnum() for letter in wish):
            await self.tell(said, "no_words", example=say(said.language, "example"))
            return
        await without_fail(self._chat.react(said.chat, said.message, "👀"))
        async with self._typing(said.chat):
            stored = await self._stored(said)
            proposal = stored or await self._proposed(said, wish, project)
            if proposal is None:
                await self.tell(said, "forgotten")
                return
            run = await self._desk.start(proposal)
            if proposal.change and not stored:
                await self._note(run, proposal)
        self._cards.follow(run.id)

    async def _note(self, run: Run, proposal: Proposal) -> None:
        """Write down what a change is to bring, for its card: the project keeps its Brief until the change is online."""
        brief = proposal.brief
        await self._desk.registry.add_progress(run.id, "note", brief.title, datetime.now(UTC), "brief", noted(brief))

    async def _stored(self, said: Said) -> Proposal | None:
        """Return what a killed process had started of this very update: its project's name is taken, by itself."""
        run = await self._desk.registry.run(run_id(said.key))
        project = await self._desk.registry.project(run.project) if run else None
        if run is None or project is None or (run.change and not run.flow_run):
            return None
        return Proposal(run=run.id, brief=project.brief, change=run.change, request=run.request, origin=run.origin)

    async def _proposed(self, said: Said, wish: str, project: str | None) -> Proposal | None:
        """Return the proposal; None when its person cancelled meanwhile."""
        task = asyncio.create_task(self._desk.propose(wish, said.origin, project=project, key=said.key))
        self._proposing[said.chat] = task
        try:
            await asyncio.wait([task])
        finally:
            task.cancel()
            del self._proposing[said.chat]
        return None if task.cancelled() else task.result()

    async def _stop(self, said: Said, run: Run) -> None:
        await self._desk.cancel(run.id, said.person)
        self._cards.follow(run.id)

    async def _projects(self, said: Said) -> list[Project]:
        return [project for project in await self._desk.registry.projects() if project.owner == said.person]

    async def _own(self, said: Said, slug: str) -> bool:
        """Tell whether the project is the person's; say what to do when not. Another's is as unknown as none."""
        projects = await self._projects(said)
        if any(project.slug == slug for project in projects):
            return True
        if projects:
            await self.tell(said, "no_project", project=slug, projects=listed(projects))
        else:
            await self.tell(said, "no_projects")
        return False

    async def _going_on(self, said: Said) -> list[Run]:
        runs = await self._desk.registry.runs(limit=200)
        return [run for run in runs if run.origin.person == said.person and not run.state.ended]

    async def _standing(self, said: Said, project: Project) -> str:
        """Return the lines of one project in /status."""
        runs = await self._desk.registry.runs(project.slug)
        online = live(await self._desk.registry.releases(project.slug)) is not None
        address = next((run.address for run in runs if run.state is RunState.DELIVERED and run.address), "")
        title = say(said.language, "status_project", title=project.title, project=project.slug)
        lines = [f"<b>{escape(title)}</b>: {say(said.language, 'status_online' if online else 'status_offline')}"]
        lines += [link(address)] if online and address else []
        steps = [say(said.language, f"step_{run.step}" if run.step else "queued") for run in runs if not run.state.ended]
        return "\n".join(lines + [f"🛠 {say(said.language, 'status_run', step=step)}" for step in steps])

    @asynccontextmanager
    async def _typing(self, chat: str) -> AsyncIterator[None]:
        async def show() -> None:
            while True:
                await without_fail(self._chat.typing(chat))
                await asyncio.sleep(TYPING)

        showing = asyncio.create_task(show())
        try:
            yield
        finally:
            showing.cancel()


async def without_fail(sign: Awaitable[None]) -> None:
    """Give a small sign; the work goes on where Telegram refuses it."""
    with suppress(SlipwayError):
        await sign


def listed(projects: Sequence[Project]) -> str:
    return ", ".join(project.slug for project in projects)
