"""A role as a value: what an agent is told, what it may use, what it hands in, and where it must stop."""

from collections.abc import Sequence
from typing import Any, Generic, Protocol, TypeVar

from pydantic import BaseModel, Field, ValidationError

from domain.conversations import ToolResult, ToolSpec, ToolUse
from domain.usage import TokenUsage
from domain.values import Value

T = TypeVar("T", bound=BaseModel)

GIVE_UP = "give_up"


class RoleLimits(Value):
    """Where a conversation ends without a result. Steps and seconds count per round: from the task or the follow-up on."""

    steps: int = Field(default=60, ge=1)
    seconds: float = Field(default=1800.0, gt=0, description="Since this process took the conversation up")
    max_tokens: int = Field(default=16_000, ge=256, description="Of one answer, thinking included")
    retry_seconds: float = Field(default=600.0, ge=0, description="How long one call is tried again before its error is raised")


class Role(Value, Generic[T]):
    """One kind of agent."""

    name: str
    system: str = Field(description="The same for a whole conversation: a changed one throws the cache and the thinking away")
    model: str
    output: type[T] = Field(description="What is handed in, through a tool call with this model's schema")
    hand_in: str = Field(description="Name of that tool, like submit_brief or finish")
    hand_in_description: str = "Hand in your result. The work is over when it is accepted."
    tools: tuple[str, ...] = Field(default=(), description="Names of the tools it may use, of those a toolbox offers")
    may_give_up: bool = False
    limits: RoleLimits = RoleLimits()


class CallFacts(Value):
    """Whose conversation it is. The name of the conversation stays the same after a restart."""

    project: str
    run: str
    conversation: str


class Step(Value):
    """One answer of the model, as people and meters follow it."""

    conversation: str
    turn: int
    said: str
    """Beginning of its text; empty when it only called tools."""
    calls: tuple[str, ...]
    """Names of the tools called."""
    model: str
    tokens: TokenUsage
    micro_usd: int | None


class Tools(Protocol):
    """Tools that a model may call."""

    @property
    def specs(self) -> Sequence[ToolSpec]: ...

    async def run(self, call: ToolUse) -> ToolResult:
        """Run one call. What went wrong with it is a result with `is_error`; EngineUnreachable is raised."""
        ...


def offered_tools(role: Role[Any], tools: Tools | None) -> tuple[ToolSpec, ...]:
    """Return the tools of one conversation, always in the same order: they are the beginning of the cached prefix."""
    own = tuple(spec for spec in (tools.specs if tools else ()) if spec.name in role.tools)
    ends = [ToolSpec(name=role.hand_in, description=role.hand_in_description, input_schema=role.output.model_json_schema())]
    if role.may_give_up:
        ends.append(ToolSpec(name=GIVE_UP, description=GIVE_UP_DESCRIPTION, input_schema=GIVE_UP_SCHEMA))
    return (*own, *ends)


GIVE_UP_DESCRIPTION = "Say that the task cannot be done, and why. Only when you are sure; the person reads the reason."
GIVE_UP_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"reason": {"type": "string", "description": "What stands in the way, and what would help"}},
    "required": ["reason"],
    "additionalProperties": False,
}


def in_short(error: ValidationError, most: int = 8) -> str:
    """Say what a model's input lacks, a line for each place."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    lines = [f"- {'.'.join(str(step) for step in problem['loc']) or 'input'}: {problem['msg']}" for problem in problems[:most]]
    more = [f"- and {len(problems) - most} more"] if len(problems) > most else []
    return "\n".join(lines + more)
