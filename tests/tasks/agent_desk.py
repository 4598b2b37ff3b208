"""What the tests of the agent loop share: a desk at which a conversation is led, over real HTTP with the scripted service."""

from collections.abc import Sequence
from typing import Any

from pydantic import Field, SecretStr

from blocks.claude.block import Claude
from domain.conversations import Finished, GaveUp, Message, ToolResult, ToolSpec, ToolUse
from domain.roles import CallFacts, Role, RoleLimits, Step
from domain.values import Value
from tasks.agent import converse
from tasks.model_calls import Pacing
from tests.fakes.conversations import MemoryLedger, MemoryRemarks, MemoryTranscripts
from tests.fakes.messages_api import Answer, Asked, ScriptedMessagesAPI, use

FACTS = CallFacts(project="notes", run="r-abc123", conversation="r-abc123/developer")


class Work(Value):
    summary: str = Field(min_length=3)
    files: tuple[str, ...] = ()


ROLE: Role[Work] = Role(
    name="developer",
    system="You build things.",
    model="claude-sonnet-5-5",
    output=Work,
    hand_in="finish",
    tools=("bash",),
    may_give_up=True,
    limits=RoleLimits(steps=12, seconds=1000, retry_seconds=100),
)
DONE = use("finish", summary="all done", files=["a.py"])


class Desk:
    """One worker, one store, one clock: what stays when the loop's process dies."""

    def __init__(self, url: str, **claude: Any) -> None:
        self.model = Claude(api_key=SecretStr("test-key"), base_url=url, **claude)
        self.transcripts = MemoryTranscripts()
        self.ledger = MemoryLedger()
        self.remarks = MemoryRemarks()
        self.ran: list[str] = []
        self.now = 0.0
        self.slept: list[float] = []
        self.jitter = 1.0
        self.steps: list[Step] = []
        self.fail: dict[str, BaseException] = {}
        self.output = "ok"
        self.outputs: dict[str, str] = {}
        """By command; `output` for all others."""

    @property
    def specs(self) -> Sequence[ToolSpec]:
        return (ToolSpec(name="bash", type="bash_20250124"), ToolSpec(name="other", input_schema={"type": "object"}))

    async def run(self, call: ToolUse) -> ToolResult:
        command = str(call.input.get("command"))
        self.ran.append(command)
        if command in self.fail:
            raise self.fail[command]
        text = str(len(self.ran)) if self.output == "count" else self.output
        return ToolResult(tool_use_id=call.id, text=self.outputs.get(command, text))

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    async def seen(self, step: Step) -> None:
        self.steps.append(step)

    @property
    def messages(self) -> list[Message]:
        return self.transcripts.stored[FACTS.conversation]

    async def talk(self, role: Role[Work] = ROLE, **more: Any) -> Finished[Work] | GaveUp:
        pacing = Pacing(sleep=self.sleep, jitter=lambda: self.jitter)
        return await converse(
            role,
            "Build it.",
            facts=FACTS,
            model=self.model,
            tools=self,
            transcripts=self.transcripts,
            ledger=self.ledger,
            clock=lambda: self.now,
            remarks=self.remarks,
            on_step=self.seen,
            pacing=pacing,
            **more,
        )


async def play(
    *script: Answer, claude: dict[str, Any] | None = None, **more: Any
) -> tuple[Finished[Work] | GaveUp, Desk, list[Asked]]:
    """Lead one conversation through the whole script."""
    with ScriptedMessagesAPI(script) as api:
        desk = Desk(api.url, **(claude or {}))
        end = await desk.talk(**more)
        api.assert_exhausted()
        return end, desk, api.requests


def results(asked: Asked) -> list[tuple[str, bool]]:
    return [(b["content"], b["is_error"]) for b in asked.last_blocks if b["type"] == "tool_result"]


def nudges(asked: Asked) -> list[str]:
    return [b["text"] for b in asked.last_blocks if b["type"] == "text"]
