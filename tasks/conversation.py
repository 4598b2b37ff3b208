"""A conversation as it is led: heard, asked, answered, summed up and ended, each step stored before the next.

Uses a model, a toolbox, transcripts and the ledger.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from pydantic import BaseModel

from domain.conversations import (
    Ending,
    Finished,
    GaveUp,
    Message,
    ModelCall,
    ModelClient,
    Part,
    Payment,
    Text,
    ToolUse,
    told_apart,
)
from domain.errors import ModelRequestRefused
from domain.model_view import stable_ends, too_long, view
from domain.outcomes import REFUSAL
from domain.remarks import Remark, Remarks, heard_parts, last_heard
from domain.roles import GIVE_UP, CallFacts, Role, Step, offered_tools
from domain.stuck import Exchange, ending_call, nudge, said, stuck
from domain.summaries import FOLLOW_UP_LIMIT, WINDOW_ENDED, cut_at, kept_from, summary
from tasks.agent_calls import Calls, is_cut
from tasks.agent_transcript import Transcript
from tasks.model_calls import FALLBACK_AFTER, Pacing, PaidReply, paid_reply
from tasks.remarks import remarks_since
from tasks.summaries import said_in_short

T = TypeVar("T", bound=BaseModel)

CUT_TEXT = "Your answer was cut at its length limit. Go on in smaller pieces, with tool calls."


async def unheeded(_: Step) -> None:
    return None


@dataclass
class Conversation(Generic[T]):
    """A conversation with its transcript: what is said, heard, answered and summed up in it, whoever leads it."""

    role: Role[T]
    facts: CallFacts
    model: ModelClient
    calls: Calls[T]
    transcript: Transcript
    clock: Callable[[], float]
    remarks: Remarks | None = None
    on_step: Callable[[Step], Awaitable[None]] = unheeded
    pacing: Pacing = field(default_factory=Pacing)
    started: float = field(init=False)

    def __post_init__(self) -> None:
        self.started = self.clock()

    async def take_up(self, task: str | Sequence[Part], follow_up: str | None) -> None:
        await self.transcript.load()
        if not self.messages:
            await self.transcript.append("user", (Text(text=task),) if isinstance(task, str) else tuple(task))
        if follow_up is not None:
            await self._begin_round(Message(role="user", parts=(Text(text=follow_up),)))

    async def _begin_round(self, follow_up: Message) -> None:
        if follow_up not in self.messages:
            if self.transcript.owes_results and any(isinstance(part, ToolUse) for part in self.messages[-1].parts):
                await self.answer()
            await self.transcript.append(follow_up.role, follow_up.parts)
        self.transcript.round_start = self.messages.index(follow_up)

    @property
    def messages(self) -> Sequence[Message]:
        return self.transcript.messages

    def ended(self) -> Finished[T] | GaveUp | None:
        done = self.transcript.done
        if not done:
            return None
        last = done[-1]
        if last.answer.stop_reason == "refusal":
            return self.give_up("gave up", f"{REFUSAL}: {said(last.answer) or 'it gave no reason'}")
        if [exchange.answer.stop_reason for exchange in done[-2:]] == [WINDOW_ENDED] * 2:
            return self.give_up("stuck", "the conversation does not fit into the model's window, not even in short")
        if call := ending_call(last, self.role.hand_in):
            if call.name == GIVE_UP:
                return self.give_up("gave up", str(call.input["reason"]))
            return Finished(value=self.role.output.model_validate(call.input), steps=len(done))
        why = stuck(self.transcript.lately, self.role.hand_in)
        return self.give_up("stuck", why) if why else None

    def limit_reached(self) -> GaveUp | None:
        limits = self.role.limits
        if len(self.transcript.done) >= limits.steps:
            return self.give_up("out of steps", f"{self.role.name} used its {limits.steps} steps without a result")
        if self.clock() - self.started >= limits.seconds:
            return self.give_up("out of time", f"{self.role.name} used its {limits.seconds:.0f} seconds without a result")
        return None

    def give_up(self, reason: Ending, detail: str) -> GaveUp:
        return GaveUp(reason=reason, detail=detail, steps=len(self.transcript.done))

    async def hear(self) -> None:
        """Append what the person said since; a paused answer is sent back first, as nothing may stand after it."""
        if not self.transcript.paused and (unheard := await self._unheard()):
            await self.transcript.append("user", [part for remark in unheard for part in heard_parts(remark)])

    async def _unheard(self) -> Sequence[Remark]:
        return await remarks_since(self.facts.run, last_heard(self.messages), self.remarks) if self.remarks else ()

    async def _interrupted(self) -> bool:
        return bool(await self._unheard())

    async def shorten(self) -> None:
        """Have the older part summed up when the conversation nears the end of the window."""
        if (until := cut_at(self.messages)) is not None:
            short = await said_in_short(self._call(), self.messages, self._reply_to)
            await self._leave_out(until, short.text, short.payment)

    async def _leave_out(self, until: int, text: str, payment: Payment | None = None) -> None:
        begun = said(self.messages[self.transcript.round_start], FOLLOW_UP_LIMIT) if self.transcript.round_start else ""
        await self.transcript.append("user", (summary(text, self.messages, until, begun),), payment=payment)

    async def ask(self) -> None:
        """Get the next answer and store it; a conversation that the service finds too long is shortened instead."""
        try:
            paid = await self._reply_to(self._call())
        except ModelRequestRefused as refused:
            until = kept_from(self.messages) if too_long(str(refused)) else None
            if until is None:
                raise
            await self._leave_out(until, "")
            return
        # The API takes no empty message back, and the answer must count as one.
        parts = told_apart(paid.reply.parts, self.messages) or (Text(text="(empty answer)"),)
        turn = self.transcript.turn
        await self.transcript.append("assistant", parts, paid.reply.stop_reason, paid.payment)
        await self.on_step(
            Step(
                conversation=self.facts.conversation,
                turn=turn,
                said=said(self.messages[-1]),
                calls=tuple(part.name for part in parts if isinstance(part, ToolUse)),
                model=paid.reply.model,
                tokens=paid.reply.usage,
                micro_usd=paid.payment.micro_usd,
            )
        )

    async def _reply_to(self, call: ModelCall) -> PaidReply:
        return await paid_reply(
            call,
            model=self.model,
            ledger=self.transcript.ledger,
            clock=self.clock,
            pacing=self.pacing,
            retry_seconds=self.role.limits.retry_seconds,
            # While the wanted model is away, each call tries it once.
            patience=FALLBACK_AFTER if self.transcript.answered_by in (None, self.role.model) else 0.0,
        )

    async def answer(self) -> None:
        """Run the tools that the last answer calls, those that end the work last, and store the results in one message."""
        asked = self.messages[-1]
        results = await self.calls.results(asked, self._interrupted)
        answered = Exchange(answer=asked, results={result.tool_use_id: result for result in results})
        hint = self._hint(answered)
        await self.transcript.append("user", (*results, *((Text(text=hint),) if hint else ())))

    def _hint(self, answered: Exchange) -> str:
        if not answered.calls and is_cut(answered.answer):
            return CUT_TEXT
        return nudge((*self.transcript.lately[:-1], answered), self.role.hand_in)

    def _call(self) -> ModelCall:
        return ModelCall(
            **self.facts.model_dump(),
            role=self.role.name,
            turn=self.transcript.turn,
            model=self.role.model,
            system=self.role.system,
            messages=view(self.messages),
            stable=stable_ends(self.messages),
            tools=offered_tools(self.role, self.calls.tools),
            max_tokens=self.role.limits.max_tokens,
        )
