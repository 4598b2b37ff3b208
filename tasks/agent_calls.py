"""Answering the calls of one model's answer: tools, the result handed in, giving up. What goes wrong is told to the model."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

from domain.conversations import Message, ToolResult, ToolUse
from domain.model_view import cut, output_limit
from domain.roles import GIVE_UP, Role, Tools, in_short, offered_tools
from domain.stuck import exchanges
from domain.summaries import WINDOW_ENDED
from tasks.redaction import redacted

T = TypeVar("T", bound=BaseModel)

ACCEPTED = "accepted"
OVER = "not looked at: the work was over with an earlier call of the same answer"
MALFORMED = "not run: the input of this call was no JSON object; send the call again"
INTERRUPTED = "not looked at: the person said something meanwhile, which you read next; hand in again when it is dealt with"
CUT_CALL = "not run: your answer was cut at its length limit inside this call; do it in smaller pieces"


@dataclass(frozen=True)
class Calls(Generic[T]):
    """How calls of this role are answered."""

    role: Role[T]
    tools: Tools | None
    accept: Callable[[T], Sequence[str]] | None

    async def results(self, answer: Message, interrupted: Callable[[], Awaitable[bool]]) -> list[ToolResult]:
        """Answer all calls, in their order; those that end the work are looked at last, and only until one is accepted.

        Work that is `interrupted` does not end: the person has said what the model has not read yet.
        """
        calls = [part for part in answer.parts if isinstance(part, ToolUse)]
        ends = (self.role.hand_in, GIVE_UP)
        results: dict[str, ToolResult] = {}
        over = False
        for call in sorted(calls, key=lambda call: call.name in ends):
            text, bad = (OVER, True) if over else await self._run(call, is_cut=call is cut_call(answer))
            if call.name in ends and not bad and await interrupted():
                text, bad = INTERRUPTED, True
            over = over or (call.name in ends and not bad)
            results[call.id] = ToolResult(tool_use_id=call.id, text=cut(redacted(text), output_limit(len(calls))), is_error=bad)
        return [results[call.id] for call in calls]

    async def _run(self, call: ToolUse, *, is_cut: bool) -> tuple[str, bool]:
        """Return what the model is told about its call, and whether that is an error."""
        if is_cut:
            return CUT_CALL, True
        if call.malformed:
            return MALFORMED, True
        if call.name == self.role.hand_in:
            complaint = self._complaint(call)
            return (complaint, True) if complaint else (ACCEPTED, False)
        if call.name == GIVE_UP and self.role.may_give_up:
            given = str(call.input.get("reason") or "").strip()
            return (ACCEPTED, False) if given else ("say the reason", True)
        offered = [spec.name for spec in offered_tools(self.role, self.tools)]
        if self.tools is None or call.name not in offered:
            return f"there is no tool {call.name!r}; there are: {', '.join(offered)}", True
        result = await self.tools.run(call)
        return result.text, result.is_error

    def _complaint(self, call: ToolUse) -> str:
        try:
            value = self.role.output.model_validate(call.input)
        except ValidationError as error:
            return f"this does not fit the schema of {call.name}; correct it and hand it in again:\n{in_short(error)}"
        complaints = self.accept(value) if self.accept else ()
        if not complaints:
            return ""
        return "not accepted; correct this and hand it in again:\n" + "\n".join(f"- {line}" for line in complaints)


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


def is_cut(answer: Message) -> bool:
    """Tell whether the answer broke off at its length limit, or at the end of the window."""
    return answer.stop_reason in ("max_tokens", WINDOW_ENDED)


def cut_call(answer: Message) -> ToolUse | None:
    """Return the call in which the answer was cut off; None when it was not."""
    last = answer.parts[-1] if answer.parts else None
    return last if is_cut(answer) and isinstance(last, ToolUse) else None
