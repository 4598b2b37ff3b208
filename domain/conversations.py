"""What is said between us and a model, and how a conversation ends. Shapes follow Anthropic's Messages API."""

from collections.abc import Sequence
from itertools import count
from typing import Annotated, Any, Generic, Literal, Protocol, TypeVar

from pydantic import Field, field_validator

from domain.attachments import Attachment
from domain.usage import TokenUsage
from domain.values import Value
from domain.writing import Writing

T = TypeVar("T")


class Text(Value):
    type: Literal["text"] = "text"
    text: str


class Image(Value):
    """A picture from a person."""

    type: Literal["image"] = "image"
    media_type: str
    base64: str


class ToolUse(Value):
    type: Literal["tool_use"] = "tool_use"
    id: str
    name: str
    input: dict[str, Any]
    malformed: bool = Field(default=False, description="The model's input was no JSON object; `input` is empty then")


class ToolResult(Value):
    type: Literal["tool_result"] = "tool_result"
    tool_use_id: str
    text: str
    is_error: bool = False


class Opaque(Value):
    """A block that only the model service understands (thinking and the like), handed back as it came."""

    type: Literal["opaque"] = "opaque"
    raw: dict[str, Any]


class Heard(Value):
    """What the person said while the agent worked. `sequence` is its identity: it is told once, also across a kill."""

    type: Literal["heard"] = "heard"
    sequence: int
    text: str
    files: tuple[Attachment, ...] = ()
    """What came with it; what of them can be read stands in the text, and pictures beside it."""


class Summary(Value):
    """What stands for the messages between the first one and the position `until`, which stay in the transcript."""

    type: Literal["summary"] = "summary"
    until: int
    text: str


Part = Annotated[Text | Image | ToolUse | ToolResult | Opaque | Heard | Summary, Field(discriminator="type")]


class Payment(Value):
    """What a stored answer cost: enough to settle it once more after a kill."""

    call: str
    """Its name in the ledger."""
    model: str
    """The model that was asked, which alone can read its own thinking."""
    tokens: TokenUsage
    micro_usd: int

    @field_validator("micro_usd", mode="before")
    @classmethod
    def _known(cls, stored: int | None) -> int:
        return stored or 0  # conversations of earlier versions hold calls without a price


class Message(Value):
    role: Literal["user", "assistant"]
    parts: tuple[Part, ...]
    stop_reason: str = Field(default="", description="Why the model stopped; needed to go on rightly after a restart")
    payment: Payment | None = Field(default=None, description="Of an answer, or of a summary")


def told_apart(parts: Sequence[Part], earlier: Sequence[Message]) -> tuple[Part, ...]:
    """Return an answer's parts, each call with an id that no other call of the conversation has: the service takes no two."""
    known = {part.id for message in earlier for part in message.parts if isinstance(part, ToolUse)}
    found: list[Part] = []
    for part in parts:
        if not isinstance(part, ToolUse):
            found.append(part)
            continue
        names = (f"{part.id}_{number}" if number > 1 else part.id for number in count(1))
        free = next(name for name in names if name not in known)
        known.add(free)
        found.append(part.model_copy(update={"id": free}))
    return tuple(found)


class ToolSpec(Value):
    """A tool offered to the model: one of Anthropic's own client tools by `type`, or ours by schema."""

    name: str
    type: str = Field(default="custom", description="`custom`, or Anthropic's versioned type like bash_20250124")
    description: str = ""
    input_schema: dict[str, Any] | None = None


class ModelCall(Value):
    """One request to a model, with what the ledger and a recorded session need to know of it."""

    project: str
    run: str
    role: str
    conversation: str
    """Stable name of this conversation: `<run>/<role>` or with a suffix; the same after a restart."""
    turn: int = Field(ge=0, description="How many assistant messages the conversation holds before this call")
    attempt: int = Field(default=0, ge=0)
    model: str
    system: str
    messages: tuple[Message, ...]
    stable: tuple[int, ...] = Field(default=(), description="Positions of messages after which the cache is worth a mark")
    tools: tuple[ToolSpec, ...] = ()
    tool_choice: str | None = Field(default=None, description="Name of the one tool that must be called; None is free")
    max_tokens: int = 8192


class ModelReply(Value):
    parts: tuple[Part, ...]
    stop_reason: str
    model: str
    usage: TokenUsage


class ModelClient(Protocol):
    @property
    def fallback_model(self) -> str | None:
        """Name the model to ask while the wanted one is overloaded; None for no other."""
        ...

    async def reply(self, call: ModelCall) -> ModelReply:
        """Send one request and return the whole answer.

        Raises ModelKeyRefused, ModelRequestRefused, ModelOverloaded or ServiceUnreachable.
        """
        ...

    def telling(self, writing: Writing) -> "ModelClient":
        """Return the same model, of whose answers `writing` sees what is written while it is."""
        ...


class Finished(Value, Generic[T]):
    """The role handed in its result."""

    value: T
    steps: int


Ending = Literal["gave up", "out of budget", "out of steps", "out of time", "stuck"]


class GaveUp(Value):
    """The conversation ended without a result."""

    reason: Ending
    detail: str
    steps: int


class Transcripts(Protocol):
    """Durable conversations: what was appended is there after any kill."""

    async def load(self, conversation: str) -> Sequence[Message]: ...

    async def append(self, conversation: str, position: int, message: Message) -> None:
        """Store the message at `position` (0-based); the same position again with the same text changes nothing."""
        ...
