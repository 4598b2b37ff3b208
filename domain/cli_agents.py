"""CLI agents as values: what one is told, what is read of its words, and what the next move is. No I/O.

A conversation with a CLI is a row of launches in one worker. Each launch has a key (its round, or the repair of a round's
result), so that a process of ours that comes after a killed one knows what was begun already.
"""

from collections.abc import Sequence
from typing import Any, Literal, Protocol, TypeVar
from uuid import NAMESPACE_URL, uuid5

from pydantic import BaseModel, Field, ValidationError

from domain.capabilities import Capability, NpmProgram
from domain.conversations import GaveUp
from domain.json_text import read_json
from domain.roles import GIVE_UP, GIVE_UP_DESCRIPTION, Role, in_short
from domain.usage import TokenUsage
from domain.values import Value

T = TypeVar("T", bound=BaseModel)

LOOP = "anthropic"
"""Name of the engine that is no CLI: our own loop over the Messages API."""

LAUNCHES = 3
"""How often one key is begun before a CLI that dies without a word counts as broken. One that models left alone does not."""


class Arrangement(Value):
    """How a role works."""

    engine: str = LOOP
    ralph: bool = Field(default=False, description="Each round is a new conversation that knows only the repository")
    capabilities: tuple[Capability, ...] = Field(default=(), description="What its worker has beside what the kind asks for")
    github_url: str = Field(default="https://github.com", description="Site of the projects' repositories")


class Prompt(Value):
    """What a CLI is told in one launch. The texts lie in files: it reads `task` in a new session, `next` in a known one."""

    system: str
    model: str
    fallback: str = Field(default="", description="Model to ask while that one is overloaded or broken; empty for none")
    session: str = Field(description="UUID, the same for a whole conversation in one worker")
    tools: bool = Field(description="Whether it may run commands and write files")
    served: tuple[str, ...] = Field(default=(), description="Tools of ours at the gateway, by MCP; it has no others then")
    result_schema: dict[str, Any]
    steps: int = Field(ge=1)
    max_tokens: int


class Launch(Value):
    """How a CLI is started. SLIPWAY_TALK names the folder with `task` and `next`, SLIPWAY_RESULT a file for its result."""

    argv: tuple[str, ...]
    environment: dict[str, str] = Field(default_factory=dict)


class Said(Value):
    """An answer of the model, as the CLI shows it."""

    text: str = ""
    calls: tuple[str, ...] = ()
    model: str = ""
    tokens: TokenUsage = TokenUsage()
    message: str = Field(default="", description="Whose part it is, where an answer is shown in parts")


class Noticed(Value):
    """The CLI took the person's remark of this number: it is part of the next question to the model, if there is one."""

    remark: int


class HandedIn(Value):
    """The CLI ended by itself; `raw` is its result, not validated, None when it gave none."""

    raw: Any = None
    text: str = ""


class Failed(Value):
    """The CLI ended without a result. `busy`: the same may succeed later; `key`: with another key; `broken`: it cannot."""

    reason: Literal["out of budget", "out of steps", "out of time", "stuck", "gave up", "busy", "key", "broken"]
    detail: str


CliEvent = Said | Noticed | HandedIn | Failed


class CliAgent(Protocol):
    """One kind of CLI: how it is installed and started, and what its lines mean."""

    @property
    def name(self) -> str: ...

    @property
    def program(self) -> NpmProgram | None:
        """What its worker must have; None when every worker has it."""
        ...

    @property
    def result_file(self) -> bool:
        """Tell whether its result is JSON in the file SLIPWAY_RESULT, and not part of its lines."""
        ...

    def launch(self, prompt: Prompt) -> Launch: ...

    def remark(self, text: str) -> str | None:
        """Return what is put into a file of $SLIPWAY_TALK/said for the CLI to take between two steps, by moving it to `taken`.

        The files are named by the remarks' numbers, eight digits each. None when it can be told between two turns only.
        """
        ...

    def event(self, line: str) -> CliEvent | None:
        """Return what a line of its output means; None for one that says nothing to us, whatever it holds."""
        ...


class Launched(Value):
    """A launch as found in the worker. `unanswered`: no model answered it, which says nothing against the CLI."""

    number: int = Field(ge=1)
    key: str
    state: Literal["running", "ended", "dead", "discarded", "unanswered"]
    told: int = Field(default=0, ge=0, description="Bytes of its output that a process before us has read")
    heard: int = Field(default=0, ge=0, description="Number of the person's last remark that its model has read meanwhile")


class Follow(Value):
    """Read a launch that goes on or has ended; what it said up to `told` bytes was told by the process before us."""

    number: int
    told: int


class Start(Value):
    """Begin a new launch. `interrupted`: one of the same key died."""

    number: int
    interrupted: bool


def next_move(launches: Sequence[Launched], key: str) -> Follow | Start | Failed:
    """Say how to come to the end of the launch `key`: whoever asks after a kill begins nothing twice."""
    same = [launch for launch in launches if launch.key == key]
    if same and same[-1].state in ("running", "ended"):
        return Follow(number=same[-1].number, told=same[-1].told)
    died = sum(launch.state != "unanswered" for launch in same)
    if died >= LAUNCHES:
        return Failed(reason="broken", detail=f"it died {died} times")
    return Start(number=max((launch.number for launch in launches), default=0) + 1, interrupted=bool(same))


def last_told(key: str) -> int:
    """Return the number of the person's last remark that a launch of this key, `round.number`, was told; 0 for none."""
    number = key.removesuffix("-again").rpartition(".")[2]
    return int(number) if number.isdecimal() else 0


def session_of(conversation: str) -> str:
    """Return the conversation's session id: derived, so that it needs no memory but the worker's."""
    return str(uuid5(NAMESPACE_URL, f"slipway:{conversation}"))


def hand_in_schema(role: Role[Any]) -> dict[str, Any]:
    """Return the JSON schema of what the CLI hands in: the role's value, or an object with either it or a reason to give up."""
    own: dict[str, Any] = role.output.model_json_schema()
    if not role.may_give_up:
        return own
    definitions = own.pop("$defs", {})
    either = {"result": own, GIVE_UP: {"type": "string", "description": GIVE_UP_DESCRIPTION}}
    return {"type": "object", "properties": either, "additionalProperties": False, "$defs": definitions}


def judged(raw: Any, role: Role[T]) -> T | GaveUp | str:
    """Return the value handed in, that it gave up, or the complaint with which it is asked again."""
    if raw is None:
        return "you ended without handing in a result"
    if role.may_give_up:
        if not isinstance(raw, dict) or len([raw[name] for name in ("result", GIVE_UP) if raw.get(name)]) != 1:
            return f"give either `result` or `{GIVE_UP}`"
        if reason := raw.get(GIVE_UP):
            return GaveUp(reason="gave up", detail=str(reason)[:4000], steps=0)
        raw = raw["result"]
    try:
        return role.output.model_validate(raw)
    except ValidationError as error:
        return f"the result does not fit its schema:\n{in_short(error)}"


def parsed_result(text: str) -> Any:
    """Return the JSON of a result file; None when there is none."""
    try:
        return read_json(text)
    except ValueError:
        return None


def repair_text(complaint: str) -> str:
    return f"Your result was not accepted: {complaint}\n\nCorrect this and hand in your result again, the work itself stays."


def resumed_text(follow_up: str | None, *, interrupted: bool) -> str:
    """Return what a known session is told."""
    if not interrupted:
        return follow_up or "Go on with the work, and hand in your result when it is done."
    last = f" The last message to you was:\n\n{follow_up}" if follow_up else ""
    return f"You were interrupted. Look at the state of the workspace and go on where you were.{last}"


def first_text(task: str, follow_up: str | None) -> str:
    """Return what a new session is told; after a lost worker that is the task and the present round's message."""
    return task if follow_up is None else f"{task}\n\n## Where the work stands\n{follow_up}"
