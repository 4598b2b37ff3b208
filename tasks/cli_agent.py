"""Lead a conversation with a CLI agent in a worker: the other engine beside `tasks.agent`, with the same ends.

The CLI keeps its session in the worker and is resumed there; a lost worker is a lost session, and the task begins anew on
what the new worker's workspace holds. Money is counted and bounded by the model gateway, in the same ledger. Nothing that the
CLI writes is trusted, but for its result, which must fit the role's schema and is asked for again once when it does not.
"""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel

from domain.cli_agents import (
    CliAgent,
    Failed,
    Follow,
    HandedIn,
    Prompt,
    Said,
    first_text,
    hand_in_schema,
    judged,
    last_told,
    next_move,
    parsed_result,
    repair_text,
    resumed_text,
    session_of,
)
from domain.conversations import Finished, GaveUp
from domain.errors import Broken, CliDied, ModelKeyRefused, ServiceUnreachable
from domain.remarks import Remarks
from domain.roles import CallFacts, Role, Step
from domain.trimming import plain
from domain.workers import Worker
from tasks.cli_process import CliProcess
from tasks.cli_remarks import Asides, known, told
from tasks.prompts import prompt

T = TypeVar("T", bound=BaseModel)

SAID_LIMIT = 300
BY_SCHEMA = "End by handing in the structured output that is asked of you, where the instructions above name the tool `{name}`"
BY_FILE = (
    "Where the instructions above name the tool `{name}`, write your result as JSON to the file $SLIPWAY_RESULT, by the schema"
)
EITHER = ": your result in `result`; or, where they name `give_up`, the reason in `give_up`"


async def converse_by_cli(
    role: Role[T],
    task: str,
    *,
    agent: CliAgent,
    facts: CallFacts,
    worker: Worker,
    clock: Callable[[], float],
    fallback: str | None = None,
    key: str = "task",
    follow_up: str | None = None,
    remarks: Remarks | None = None,
    accept: Callable[[T], Sequence[str]] | None = None,
    on_step: Callable[[Step], Awaitable[None]] | None = None,
    served: Sequence[str] = (),
) -> Finished[T] | GaveUp:
    """Lead the conversation to the end of the round `key`; one that has ended in this worker returns its end again.

    `fallback` is a second model, for a CLI that can go over to one. `follow_up` is what a session that knows the task is told.
    What the person says meanwhile is told between two steps, or when it has handed in, and it hands in again. `served` are
    tools of ours behind its worker's door, in the place of all others; a CLI that dies is not resumed then, as its session may
    not know what they have done.
    Raises ServiceUnreachable when models did not answer, ModelKeyRefused, Broken when the CLI cannot work, EngineUnreachable,
    and CliDied when it is not resumed; after the first two the same call resumes the session.
    """
    talk = _Talk(
        role, task, agent, facts, worker, clock, fallback, remarks, accept, on_step, served, clock() + role.limits.seconds
    )
    said = await told(await talk.process.launches(), key, None, facts.run, remarks)
    while True:
        end = await talk.handed_in(f"{key}.{said.last}", said.after(follow_up))
        launches = await talk.process.launches()
        turn = [launch for launch in launches if launch.key.removesuffix("-again") == f"{key}.{said.last}"]
        more = await told(launches, key, known(turn), facts.run, remarks)
        if isinstance(end, GaveUp) or not more.texts:
            return end
        said, follow_up = more, None


@dataclass
class _Talk(Generic[T]):
    role: Role[T]
    task: str
    agent: CliAgent
    facts: CallFacts
    worker: Worker
    clock: Callable[[], float]
    fallback: str | None
    remarks: Remarks | None
    accept: Callable[[T], Sequence[str]] | None
    on_step: Callable[[Step], Awaitable[None]] | None
    served: Sequence[str]
    deadline: float
    steps: int = 0

    @property
    def process(self) -> CliProcess:
        return CliProcess(self.worker, hashlib.sha256(self.facts.conversation.encode()).hexdigest()[:16])

    async def handed_in(self, key: str, follow_up: str | None) -> Finished[T] | GaveUp:
        """Return the end of one turn; a result that is not accepted is asked for once more."""
        verdict = self.verdict(await self.launched(key, follow_up))
        if isinstance(verdict, str):
            verdict = self.verdict(await self.launched(f"{key}-again", repair_text(verdict)))
        if isinstance(verdict, str):
            return self.give_up("stuck", f"the result was not accepted twice; last: {verdict}")
        return verdict

    async def launched(self, key: str, follow_up: str | None) -> HandedIn | Failed:
        """Bring the launch `key` to its end: begin it, or go on with the one that is there."""
        while True:
            launches = await self.process.launches()
            move = next_move(launches, key)
            asides = Asides(self.agent, self.facts.run, self.remarks, max(last_told(key), known(launches)))
            match move:
                case Failed():
                    raise Broken(f"{self.agent.name} cannot work in worker {self.worker.identity}: {move.detail}")
                case Follow():
                    end = await self._followed(move, asides)
                case _:
                    following = resumed_text(follow_up, interrupted=move.interrupted)
                    launch = self.agent.launch(self._prompt())
                    left = max(1.0, self.deadline - self.clock())
                    task = first_text(self.task, follow_up)
                    await self.process.start(move.number, key, launch, task, following, left + 30)
                    end = await self._followed(Follow(number=move.number, told=0), asides)
            if end is not None:
                return end
            if self.served:
                raise CliDied(self.agent.name, self.worker.identity)

    async def _followed(self, move: Follow, asides: Asides) -> HandedIn | Failed | None:
        """Return how the launch ended; None when it died without a word and is to be begun again."""
        last: HandedIn | Failed | None = None
        async for place, line in self.process.lines(move.number, self.deadline, self.clock, asides.news):
            event = self.agent.event(line)
            asides.see(event)
            match event:
                case Said():
                    await self._tell(event, aloud=place > move.told)
                case HandedIn() | Failed():
                    last = event
        if last is None and self.clock() >= self.deadline:
            return Failed(reason="out of time", detail=f"{self.role.name} used its {self.role.limits.seconds:.0f} seconds")
        return await self._judged(move.number, last)

    async def _judged(self, number: int, last: HandedIn | Failed | None) -> HandedIn | Failed | None:
        """Return the end that the CLI came to by itself; raise what trying again, or a person, must mend."""
        ended = await self.process.end(number)
        if self.agent.result_file and ended.code == 0:
            return HandedIn(raw=parsed_result(ended.result))
        if last is None and ended.code in (126, 127):
            raise Broken(f"{self.agent.name} could not be started: {plain(ended.errors)[-400:]}")
        if isinstance(last, HandedIn) or (last and last.reason not in ("busy", "key", "broken")):
            return last
        unanswered = last is not None and last.reason in ("busy", "key")
        await self.process.discard(number, "unanswered" if unanswered else "discarded")
        if last is None:
            return None
        if last.reason == "busy":
            raise ServiceUnreachable("the model service", f"{self.agent.name} worked", plain(last.detail))
        if last.reason == "key":
            raise ModelKeyRefused
        raise Broken(f"{self.agent.name} ended with an error: {plain(last.detail)}")

    async def _tell(self, event: Said, *, aloud: bool) -> None:
        turn, self.steps = self.steps, self.steps + 1
        if self.on_step is None or not aloud:
            return
        await self.on_step(
            Step(
                conversation=self.facts.conversation,
                turn=turn,
                said=plain(event.text)[:SAID_LIMIT],
                calls=tuple(plain(name)[:60] for name in event.calls[:20]),
                model=event.model,
                tokens=event.tokens,
                micro_usd=None,
            )
        )

    def verdict(self, end: HandedIn | Failed) -> Finished[T] | GaveUp | str:
        """Return the end of the conversation, or what is wrong with the result handed in."""
        if isinstance(end, Failed):
            return self.give_up(end.reason, end.detail)
        value = judged(end.raw, self.role)
        if isinstance(value, str):
            return value
        if isinstance(value, GaveUp):
            return self.give_up(value.reason, value.detail)
        if complaints := self.accept(value) if self.accept else ():
            return "\n".join(f"- {line}" for line in complaints)
        return Finished(value=value, steps=self.steps)

    def give_up(self, reason: str, detail: str) -> GaveUp:
        return GaveUp.model_validate({"reason": reason, "detail": plain(detail), "steps": self.steps})

    def _prompt(self) -> Prompt:
        way = (BY_FILE if self.agent.result_file else BY_SCHEMA).replace("{name}", self.role.hand_in)
        end = way + (EITHER if self.role.may_give_up else "") + "."
        return Prompt(
            system=f"{self.role.system}\n\n{prompt('cli_served' if self.served else 'cli').replace('{hand_in}', end)}",
            model=self.role.model,
            fallback=self.fallback if self.fallback and self.fallback != self.role.model else "",
            session=session_of(self.facts.conversation),
            tools=bool(self.role.tools) and not self.served,
            served=tuple(self.served),
            result_schema=hand_in_schema(self.role),
            steps=self.role.limits.steps,
            max_tokens=self.role.limits.max_tokens,
        )
