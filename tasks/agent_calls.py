"""Answering the calls of one model's answer: tools, the result handed in, giving up. What goes wrong is told to the model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

from domain.conversations import Message, ToolResult, ToolUse
from domain.model_view import cut
from domain.roles import GIVE_UP, Role, Tools, in_short, offered_tools

T = TypeVar("T", bound=BaseModel)

ACCEPTED = "accepted"
OVER = "not looked at: the work was over with an earlier call of the same answer"
CUT_CALL = "not run: your answer was cut at its length limit inside this call; do it in smaller pieces"


@dataclass(frozen=True)
class Calls(Generic[T]):
    """How calls of this role are answered."""

    role: Role[T]
    tools: Tools | None
    accept: Callable[[T], Sequence[str]] | None

    async def results(self, answer: Message) -> list[ToolResult]:
        """Answer all calls, in their order; those that end the work are looked at last, and only until one is accepted."""
        calls = [part for part in answer.parts if isinstance(part, ToolUse)]
        ends = (self.role.hand_in, GIVE_UP)
        results: dict[str, ToolResult] = {}
        over = False
        for call in sorted(calls, key=lambda call: call.name in ends):
            text, bad = (OVER, True) if over else await self._run(call, is_cut=call is cut_call(answer))
            over = over or (call.name in ends and not bad)
            results[call.id] = ToolResult(tool_use_id=call.id, text=cut(text), is_error=bad)
        return [results[call.id] for call in calls]

    async def _run(self, call: ToolUse, *, is_cut: bool) -> tuple[str, bool]:
        """Return what the model is told about its call, and whether that is an error."""
        if is_cut:
            return CUT_CALL, True
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


def cut_call(answer: Message) -> ToolUse | None:
    """Return the call in which the answer was cut off at its length limit; None when it was not."""
    last = answer.parts[-1] if answer.parts else None
    return last if answer.stop_reason == "max_tokens" and isinstance(last, ToolUse) else None
