"""A desk without Prefect: the real registry on SQLite, hints in memory, and a product owner that does as the test says."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import make_url

from blocks.attachment_files import AttachmentFiles
from blocks.git.block import BareGitHost
from blocks.registry.block import SqlRegistry
from deployments.desk.answers import answer_run, asked
from deployments.desk.looking import Look
from deployments.desk.requests import run_id
from deployments.desk.telling import tell_run
from domain.attachments import Attachment
from domain.briefs import AcceptanceCheck, Brief
from domain.deeds import Deeds
from domain.diagnoses import diagnose
from domain.errors import BadInput
from domain.escalations import Door, Escalation
from domain.names import checked_request, free_slug, slug_from
from domain.outcomes import Cause, Escalated
from domain.previews import Preview, PreviewState
from domain.proposals import Answered, Proposal
from domain.remarks import Remark
from domain.runs import DeliveryRequest, Notification, Origin, ReleaseRequest, Run, RunState, run_channel
from domain.writing import Writing
from tasks.dialogue import Turn
from tasks.notify import OUTBOX
from tasks.preview_ends import drop_preview, preview_numbered
from tasks.questions import ask
from tasks.resuming import Resumption
from tests.fakes.engine import FakeEngine
from tests.fakes.services import MemoryProxy
from tests.fakes.vault import MemoryVault


class Hints:
    """Wakeups in memory: only those who listen at the time hear a hint, as with Redis."""

    def __init__(self) -> None:
        self._listeners: dict[str, set[asyncio.Queue[tuple[str, str]]]] = {}
        self._locks: dict[str, str] = {}

    def listeners(self, channel: str) -> int:
        return len(self._listeners.get(channel, ()))

    async def publish(self, channel: str, text: str) -> None:
        for queue in self._listeners.get(channel, ()):
            queue.put_nowait((channel, text))

    @asynccontextmanager
    async def subscribe(self, *channels: str) -> AsyncIterator[AsyncIterator[tuple[str, str]]]:
        queue: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        for channel in channels:
            self._listeners.setdefault(channel, set()).add(queue)

        async def hints() -> AsyncIterator[tuple[str, str]]:
            while True:
                yield await queue.get()

        try:
            yield hints()
        finally:
            for channel in channels:
                self._listeners[channel].discard(queue)

    async def lock(self, name: str, owner: str, seconds: float) -> int | None:
        return 1 if self._locks.setdefault(name, owner) == owner else None

    async def unlock(self, name: str, owner: str) -> None:
        if self._locks.get(name) == owner:
            del self._locks[name]


class FakeDesk:
    """Follows the rules of `deployments.desk.requests.Desk`; `free` holds the product owner back, `errors` makes it fail."""

    def __init__(
        self, registry: SqlRegistry, wakeups: Hints, vault: MemoryVault | None = None, engine: FakeEngine | None = None
    ) -> None:
        self.registry = registry
        self.wakeups = wakeups
        self.vault = vault or MemoryVault()
        self.resumed: list[str] = []
        self.free = asyncio.Event()
        self.free.set()
        self.errors: list[Exception] = []
        self.proposed: list[str] = []
        self.rolled_back: list[tuple[str, str]] = []
        self.confirmed: list[tuple[str, int]] = []
        self.taken_down: list[tuple[str, str]] = []
        self.domains: list[tuple[str, str, str]] = []
        self.talking: Callable[[Turn, Deeds], Awaitable[Answered]] | None = None
        self.writing: Writing | None = None
        """Who sees what is written in the newest turn."""
        self.went_to: list[tuple[int | None, str]] = []
        self.rollbacks: dict[str, str] = {}
        home = Path(str(make_url(registry.url.get_secret_value()).database)).parent
        self.engine, self.git, self.proxy = engine or FakeEngine(), BareGitHost(folder=str(home / "git")), MemoryProxy()
        self.look = Look(registry, self.vault, self.engine, self.git, self.proxy, wakeups, home, "localhost")
        self.attachments = AttachmentFiles(home)
        self.given: dict[str, tuple[Attachment, ...]] = {}
        """By run: the files that it was started with."""
        self.bot_token = ""

    async def propose(
        self,
        text: str,
        origin: Origin,
        *,
        project: str | None = None,
        key: str | None = None,
        attachments: Sequence[Attachment] = (),
    ) -> Proposal:
        request = checked_request(text)
        self.proposed.append(request)
        await self.free.wait()
        if self.errors:
            raise self.errors.pop(0)
        taken = frozenset(p.slug for p in await self.registry.projects())
        slug = project or free_slug(slug_from(request), taken)
        language = "ru" if any("а" <= c <= "я" for c in request.lower()) else "en"
        return Proposal(
            run=run_id(key),
            brief=a_brief(slug, request, language),
            change=bool(project),
            request=request,
            origin=origin,
            attachments=tuple(attachments),
        )

    async def start(self, proposal: Proposal) -> Run:
        existing = await self.registry.run(proposal.run)
        if existing is not None and existing.flow_run:
            return existing
        now, brief = datetime.now(UTC), proposal.brief
        self.given[proposal.run] = proposal.attachments
        await self.attachments.give(proposal.run, proposal.attachments)
        if existing is None:
            if not proposal.change:
                await self.registry.add_project(brief, proposal.origin.person, f"{brief.slug}.localhost", now)
            request = DeliveryRequest(
                run=proposal.run,
                project=brief.slug,
                change=proposal.change,
                request=proposal.request,
                brief=brief,
                origin=proposal.origin,
            )
            await self.registry.add_run(request, now)
        return await self.registry.update_run(proposal.run, flow_run=f"flow-of-{proposal.run}")

    async def cancel(self, run: str, who: str) -> Run:
        return await self.registry.update_run(
            run, state=RunState.CANCELLED, message=f"stopped by {who}", ended=datetime.now(UTC)
        )

    async def talk(self, turn: Turn, deeds: Deeds, writing: Writing | None = None) -> Answered:
        """Answer by the script that a test gave, which may let its answer be seen in `writing`."""
        self.writing = writing
        assert self.talking is not None, "nobody is to be talked with in this test"
        return await self.talking(turn, deeds)

    async def add_domain(self, project: str, host: str, who: str) -> str:
        self.domains.append((project, host, who))
        return f"http://{host}"

    async def rollback(
        self, project: str, reason: str, who: str, to: int | None = None, data: str = "", *, key: str | None = None
    ) -> str:
        if key is None or key not in self.rollbacks:
            self.rolled_back.append((project, who))
            self.went_to.append((to, data))
        if self.errors:
            raise self.errors.pop(0)
        return self.rollbacks.setdefault(key or "", "flow-of-rollback")

    async def confirm(self, project: str, number: int | None, origin: Origin) -> Run:
        """Start the run that a confirmation is; the same preview again is that run, one that has ended is refused."""
        preview = await preview_numbered(project, number, self.registry)
        if preview.state is not PreviewState.UP:
            raise BadInput(f"preview {preview.number} is {preview.state.value}")
        self.confirmed.append((project, preview.number))
        request = ReleaseRequest(
            run=run_id(f"preview {preview.run}"),
            project=project,
            request="confirmed",
            commit=preview.commit,
            candidate=preview.candidate,
            origin=origin,
            preview=preview.number,
        )
        return await self.registry.add_run(request, datetime.now(UTC))

    async def drop(self, project: str, number: int | None, who: str) -> Preview:
        return await drop_preview(await preview_numbered(project, number, self.registry), who, self.registry)

    async def take_down(self, project: str, who: str) -> None:
        self.taken_down.append((project, who))
        await self.registry.remove_project(project)

    async def resume_waiting(self, project: str) -> list[str]:
        there = set(await self.vault.names(project))
        waiting = [run for run in await self.registry.runs(project) if run.state is RunState.WAITING]
        resumed = [run.id for run in waiting if set(run.waits_for) <= there]
        self.resumed += resumed
        return resumed

    async def own_bot(self) -> str:
        return self.bot_token

    async def tell(self, whom: str, text: str, person: str) -> Remark:
        return await tell_run(whom, text, person, self.registry, self.wakeups, self.vault)

    async def question(self, run: str) -> Escalation:
        return (await asked(run, None, self.registry))[1]

    async def answer(self, run: str, choice: str, text: str, by: str, door: Door, number: int | None = None) -> Escalation:
        async def resume(flow_run: str, key: str, run_input: dict[str, Any]) -> Resumption:
            self.resumed.append(f"{flow_run} {key}")
            return Resumption.RESUMED

        return await answer_run(run, choice, text, by, door, number, self.registry, self.wakeups, self.vault, resume)

    # what the delivery flow does, as far as a person sees it

    async def ask(self, run: str, cause: Cause = "rounds_spent", number: int = 1, evidence: str = "1 of 2 tests fails") -> None:
        """Let the run wait for its person, as the delivery flow does."""
        diagnosis = diagnose(Escalated(reason="the tests still fail", cause=cause, evidence=evidence, rounds=3))
        assert diagnosis is not None
        found = await self.registry.run(run)
        assert found is not None
        await ask.fn(run, found.project, number, diagnosis, 24, self.registry, self.wakeups)

    async def go_on(self, run: str, step: str, kind: str = "step", text: str = "", **data: int) -> None:
        await self.registry.update_run(run, state=RunState.RUNNING, step=step, round=data.get("round"))
        line = await self.registry.add_progress(run, kind, text or f"{step} begins", datetime.now(UTC), step, dict(data))
        await self.wakeups.publish(run_channel(run), str(line.sequence))

    async def end(self, run: str, state: RunState = RunState.DELIVERED, message: str = "", address: str = "") -> None:
        now = datetime.now(UTC)
        ended = await self.registry.update_run(run, state=state, message=message, address=address, ended=now)
        line = await self.registry.add_progress(run, "end", message, now)
        await self.wakeups.publish(run_channel(run), str(line.sequence))
        told = Notification(
            key=f"{run}:end", channel=ended.origin.channel, chat=ended.origin.chat, text=message, run=run, created=now
        )
        await self.registry.add_notification(told)
        await self.wakeups.publish(OUTBOX, told.key)


def a_brief(slug: str, title: str, language: str = "en") -> Brief:
    return Brief(
        title=title[:80],
        slug=slug,
        kind="web-service",
        language=language,
        summary=title[:1000],
        stories=("As a person I see it",),
        checks=(AcceptanceCheck(id="it-answers", text="given the app, when I open it, it answers"),),
    )
