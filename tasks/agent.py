"""The agent loop: one for all roles.

The transcript is the whole state. It is stored after every answer and after every round of tools, and what comes next is read
from it, so a killed conversation goes on where it was: an answer that was stored is never asked for again, and tool calls
without results are run again. Uses a model, a toolbox, transcripts and the ledger.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

from pydantic import BaseModel

from domain.conversations import (
    Finished,
    GaveUp,
    Message,
    ModelCall,
    ModelClient,
    Part,
    Text,
    ToolUse,
    Transcripts,
)
from domain.errors import BudgetSpent
from domain.model_view import view
from domain.prices import cost
from domain.roles import GIVE_UP, CallFacts, Role, Step, Tools, offered_tools
from domain.stuck import REPEATS, Exchange, ending_call, exchanges, repeats, said, stuck
from domain.usage import Ledger
from tasks.agent_calls import Calls, cut_call
from tasks.model_calls import Pacing, paid_reply

T = TypeVar("T", bound=BaseModel)

CUT_TEXT = "Your answer was cut at its length limit. Go on in smaller pieces, with tool calls."
REPEATING = (
    "You made the same call with the same result several times. Stop, think about what that tells you, do something else."
)


async def converse(
    role: Role[T],
    task: str | Sequence[Part],
    *,
    facts: CallFacts,
    model: ModelClient,
    tools: Tools | None,
    transcripts: Transcripts,
    ledger: Ledger,
    clock: Callable[[], float],
    follow_up: str | None = None,
    accept: Callable[[T], Sequence[str]] | None = None,
    on_step: Callable[[Step], Awaitable[None]] | None = None,
    pacing: Pacing | None = None,
) -> Finished[T] | GaveUp:
    """Lead the conversation to its end and return it; a conversation that has ended returns its end without a call.

    `follow_up` is a later message of ours in the same conversation and begins a round with fresh limits. It is appended once:
    its text is its identity, so it names its round. `accept` returns complaints about a result; they are told to the model.
    Raises what the model service raised when trying again did not help, and EngineUnreachable from tools.
    """
    talk = _Conversation(
        role,
        facts,
        model,
        Calls(role, tools, accept),
        transcripts,
        ledger,
        clock,
        on_step or _nothing,
        pacing or Pacing(),
        clock(),
    )
    await talk.take_up(task, follow_up)
    while (end := talk.ended()) is None:
        if talk.owes_results:
            await talk.answer()
        elif (end := talk.limit_reached()) is not None:
            return end
        else:
            try:
                await talk.ask()
            except BudgetSpent as spent:
                return talk.give_up("out of budget", str(spent))
    return end


async def replay_tools(transcript: Sequence[Message], tools: Tools) -> int:
    """Run the answered tool calls of a transcript again, in order, and return how many.

    For a worker that was lost: afterwards its workspace is what it was, as far as the calls are repeatable.
    """
    names = {spec.name for spec in tools.specs}
    calls = [
        call
        for exchange in exchanges(transcript)
        for call in exchange.calls
        if call.name in names and call.id in exchange.results and call is not cut_call(exchange.answer)
    ]
    for call in calls:
        await tools.run(call)
    return len(calls)


async def _nothing(_: Step) -> None:
    return None


@dataclass
class _Conversation(Generic[T]):
    role: Role[T]
    facts: CallFacts
    model: ModelClient
    calls: Calls[T]
    transcripts: Transcripts
    ledger: Ledger
    clock: Callable[[], float]
    on_step: Callable[[Step], Awaitable[None]]
    pacing: Pacing
    started: float
    messages: list[Message] = field(default_factory=list)
    round_start: int = 0

    async def take_up(self, task: str | Sequence[Part], follow_up: str | None) -> None:
        self.messages = list(await self.transcripts.load(self.facts.conversation))
        if not self.messages:
            await self._append("user", (Text(text=task),) if isinstance(task, str) else tuple(task))
        if follow_up is not None:
            await self._begin_round(Message(role="user", parts=(Text(text=follow_up),)))

    async def _begin_round(self, follow_up: Message) -> None:
        if follow_up not in self.messages:
            if self.owes_results and any(isinstance(part, ToolUse) for part in self.messages[-1].parts):
                await self.answer()
            await self._append(follow_up.role, follow_up.parts)
        self.round_start = self.messages.index(follow_up)

    @property
    def done(self) -> tuple[Exchange, ...]:
        """The exchanges of this round."""
        return exchanges(self.messages[self.round_start :])

    @property
    def owes_results(self) -> bool:
        return self.messages[-1].role == "assistant" and self.messages[-1].stop_reason != "pause_turn"

    def ended(self) -> Finished[T] | GaveUp | None:
        done = self.done
        if not done:
            return None
        last = done[-1]
        if last.answer.stop_reason == "refusal":
            return self.give_up("gave up", f"the model refused to go on: {said(last.answer) or 'it gave no reason'}")
        if last.answer.stop_reason == "model_context_window_exceeded":
            return self.give_up("stuck", "the conversation no longer fits into the model's window")
        if call := ending_call(last, self.role.hand_in):
            if call.name == GIVE_UP:
                return self.give_up("gave up", str(call.input["reason"]))
            return Finished(value=self.role.output.model_validate(call.input), steps=len(done))
        why = stuck(done, self.role.hand_in)
        return self.give_up("stuck", why) if why else None

    def limit_reached(self) -> GaveUp | None:
        limits = self.role.limits
        if len(self.done) >= limits.steps:
            return self.give_up("out of steps", f"{self.role.name} used its {limits.steps} steps without a result")
        if self.clock() - self.started >= limits.seconds:
            return self.give_up("out of time", f"{self.role.name} used its {limits.seconds:.0f} seconds without a result")
        return None

    def give_up(
        self, reason: Literal["gave up", "out of budget", "out of steps", "out of time", "stuck"], detail: str
    ) -> GaveUp:
        return GaveUp(reason=reason, detail=detail, steps=len(self.done))

    async def ask(self) -> None:
        """Get the next answer and store it."""
        reply = await paid_reply(
            self._call(),
            model=self.model,
            ledger=self.ledger,
            clock=self.clock,
            pacing=self.pacing,
            retry_seconds=self.role.limits.retry_seconds,
        )
        # The API takes no empty message back, and the answer must count as one.
        parts = reply.parts or (Text(text="(empty answer)"),)
        turn = self._turn
        await self._append("assistant", parts, reply.stop_reason)
        await self.on_step(
            Step(
                conversation=self.facts.conversation,
                turn=turn,
                said=said(self.messages[-1]),
                calls=tuple(part.name for part in parts if isinstance(part, ToolUse)),
                model=reply.model,
                tokens=reply.usage,
                micro_usd=cost(reply.model, reply.usage),
            )
        )

    async def answer(self) -> None:
        """Run the tools that the last answer calls, those that end the work last, and store the results in one message."""
        asked = self.messages[-1]
        results = await self.calls.results(asked)
        answered = Exchange(answer=asked, results={result.tool_use_id: result for result in results})
        nudge = self._nudge(answered)
        await self._append("user", (*results, *((Text(text=nudge),) if nudge else ())))

    def _nudge(self, answered: Exchange) -> str:
        if not answered.calls:
            cut_off = answered.answer.stop_reason == "max_tokens"
            return CUT_TEXT if cut_off else f"Use the tools: go on with the work, or call {self.role.hand_in} when it is done."
        return REPEATING if repeats((*self.done[:-1], answered)) == REPEATS else ""

    @property
    def _turn(self) -> int:
        return sum(message.role == "assistant" for message in self.messages)

    def _call(self) -> ModelCall:
        return ModelCall(
            **self.facts.model_dump(),
            role=self.role.name,
            turn=self._turn,
            model=self.role.model,
            system=self.role.system,
            messages=view(self.messages),
            tools=offered_tools(self.role, self.calls.tools),
            max_tokens=self.role.limits.max_tokens,
        )

    async def _append(self, role: Literal["user", "assistant"], parts: Sequence[Part], stop_reason: str = "") -> None:
        message = Message(role=role, parts=tuple(parts), stop_reason=stop_reason)
        await self.transcripts.append(self.facts.conversation, len(self.messages), message)
        self.messages.append(message)
