"""What the tests of the dialogue share: one person's session, real registry, scripted model, deeds that keep count."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pydantic import SecretStr

from blocks.claude.block import Claude
from blocks.registry.block import SqlRegistry
from domain.errors import NothingToRollBackTo
from domain.proposals import Answered, Proposal
from domain.runs import DeliveryRequest, Origin, Run, RunState
from domain.talks import Taken
from tasks.dialogue import Turn, answer_turn
from tests.fakes.messages_api import use
from tests.fakes.services import MemoryWakeups
from tests.fakes.talks import MemoryTalks
from tests.fakes.vault import MemoryVault
from tests.tasks.conftest import brief

ANN = "local:me"
"""Owns the project `notes` and its run `r-000001` of the registry that nodes' tests share."""
BOB = "telegram:2"
NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


def reply(text: str = "Done.", *questions: str) -> dict[str, Any]:
    return use("reply", text=text, questions=list(questions))


def propose(slug: str = "timer", project: str | None = None, **changes: object) -> dict[str, Any]:
    given = {"request": "a tea timer", "brief": brief(slug, **{"title": "Timer", **changes}).model_dump(mode="json")}
    return use("propose", **given, **({"project": project} if project else {}))


def ask_secret(project: str) -> dict[str, Any]:
    return use("ask_secret") | {"input": {"project": project, "name": "API_KEY", "why": "for the weather"}}


@dataclass
class Counting:
    """Deeds on the real registry: the same proposal is one run, the same key one rollback."""

    registry: SqlRegistry
    started: list[Proposal] = field(default_factory=list)
    rolled_back: dict[str, str] = field(default_factory=dict)
    domains: list[tuple[str, str]] = field(default_factory=list)
    asked: dict[str, tuple[str, str, str]] = field(default_factory=dict)

    async def start(self, proposal: Proposal) -> Run:
        slug = proposal.brief.slug
        given = {"run": proposal.run, "project": slug, **proposal.model_dump(include={"change", "request", "brief", "origin"})}
        run = await self.registry.add_run(DeliveryRequest.model_validate(given), NOON)
        if not run.flow_run:
            self.started.append(proposal)
        return await self.registry.update_run(run.id, flow_run=f"flow-of-{run.id}")

    async def cancel(self, run: str, who: str) -> Run:
        return await self.registry.update_run(run, state=RunState.CANCELLED, message=f"stopped by {who}", ended=NOON)

    async def rollback(self, project: str, reason: str, who: str, *, key: str | None = None) -> str:
        if reason.endswith("nothing there"):
            raise NothingToRollBackTo(project)
        self.rolled_back.setdefault(key or "", project)
        return "flow-of-rollback"

    async def ask_secret(self, project: str, name: str, why: str, origin: Origin, *, key: str) -> None:
        self.asked.setdefault(key, (project, name, origin.person))

    async def output(self, project: str) -> str:
        return f"{project} listens"

    async def add_domain(self, project: str, host: str, who: str) -> str:
        self.domains.append((project, host))
        return f"http://{host}"


class TalkDesk:
    """All that outlives the process which leads a turn."""

    def __init__(self, registry: SqlRegistry, url: str, person: str = ANN) -> None:
        self.registry: Any = registry
        self.model: Any = Claude(api_key=SecretStr("test-key"), base_url=url)
        self.wakeups: Any = MemoryWakeups()
        self.talks: Any = MemoryTalks()
        self.deeds: Any = Counting(registry)
        self.person = person
        self.said = 0
        self.files: Any = None
        self.cli: Any = None
        self.vault = MemoryVault()

    async def say(self, text: str) -> None:
        self.said += 1
        await self.talks.say(self.person, f"u{self.said}", text, NOON)

    async def take(self) -> Taken:
        taken: Taken | None = await self.talks.take(self.person, "bot")
        assert taken is not None
        return taken

    async def answer(self, taken: Taken) -> Answered:
        """Lead the turn as a new process would: with nothing but what is stored."""
        turn = Turn(name=self.person, epoch=taken.talk.epoch, number=taken.talk.turn, chat="1")
        return await answer_turn.fn(
            turn, "claude-sonnet-5-5", self.model, self.registry, self.wakeups, self.vault, self.talks, self.deeds, self.files,
            self.cli,
        )  # fmt: skip

    async def talk(self, text: str) -> Answered:
        """Say something, have it answered, end the turn."""
        await self.say(text)
        taken = await self.take()
        answered = await self.answer(taken)
        await self.talks.end(taken, answered.upto, taken.talk.state.IDLE)
        return answered
