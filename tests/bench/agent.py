"""What a long conversation costs in tokens: the agent loop against the scripted Messages API, with its cache."""

import asyncio
import time
from collections.abc import Sequence
from itertools import pairwise

from pydantic import SecretStr

from blocks.claude.block import Claude
from domain.conversations import Finished, Message, Text, ToolResult, ToolSpec, ToolUse
from domain.model_view import MASKED
from domain.outcomes import Handover
from domain.prices import cost
from domain.roles import CallFacts, Role, RoleLimits
from domain.summaries import ASK
from tasks.agent import converse
from tests.bench.figures import Section
from tests.fakes.conversations import MemoryLedger, MemoryTranscripts
from tests.fakes.messages_api import Asked, Say, ScriptedMessagesAPI, text, use

TURNS = 50
EARLIER = 88
"""Turns that the long conversation holds before it is taken up."""

MODEL = "claude-sonnet-5-5"
SYSTEM = "You build small web services, one careful step after the other. " * 60
TASK = "Build a page for a book club. " * 40
LINE = "app/main.py:17: def suggest(title: str) -> Response:  # a line of what commands print\n"
WORDS = "The next step is to look at what the page does with an empty title, and to write it down. "
IN_SHORT = "The page is written in app/main.py and tested; the list of books is next. " * 40


class Shell:
    """A tool that prints 4 kB each time, another each time."""

    specs = (ToolSpec(name="bash", type="bash_20250124"),)

    async def run(self, call: ToolUse) -> ToolResult:
        return ToolResult(tool_use_id=call.id, text=f"{call.input['command']}\n" + LINE * 50)


def measure(turns: int = TURNS, earlier: int = EARLIER) -> Section:
    """Lead a usual conversation of `turns` answers, and so many of a long one, with maskings and a summary among them."""
    section = Section(name="agent", title=f"The agent loop, one conversation of {turns} turns")
    requests, seconds = asyncio.run(_led(turns, words=1))
    _add(section, "", requests)
    section.add("our own time a turn", "ms", seconds / len(requests) * 1000, note="loop, HTTP, the scripted server")
    (first, *requests), _ = asyncio.run(_led(turns + 1, words=10, earlier=earlier))
    _add(section, "long: ", requests)
    section.add("long: maskings", "", _maskings(requests))
    section.add("long: summaries", "", sum(map(_is_summary, requests)))
    section.add("long: written to the cache by its first request", "", first.usage.cache_write, note="not counted above")
    section.notes.append("The scripted server counts 4 characters as a token and looks back 20 blocks, as the real cache does.")
    section.notes.append(f"Long: taken up after {earlier} turns; each turn has 4 kB of output and 1 kB of words.")
    return section


async def _led(turns: int, words: int, earlier: int = 0) -> tuple[list[Asked], float]:
    """Lead one conversation, each turn but the last with one tool call; return its requests and how long it took."""
    facts = CallFacts(project="bench", run="r-bench00", conversation="r-bench00/developer")
    transcripts = MemoryTranscripts()
    transcripts.stored[facts.conversation] = await _stored(earlier) if earlier else []
    role = Role(
        name="developer",
        system=SYSTEM,
        model=MODEL,
        output=Handover,
        hand_in="finish",
        tools=("bash",),
        limits=RoleLimits(steps=earlier + turns + 1, seconds=600.0),
    )
    numbers = iter(range(turns - 1))

    def script(asked: Asked) -> Say:
        if _is_summary(asked):
            return Say([text(IN_SHORT)], output_tokens=1_000)
        if (number := next(numbers, None)) is None:
            return Say([use("finish", summary="It is done.")])
        return Say([text(WORDS * words), use("bash", command=f"sed -n {number}p app/main.py")], output_tokens=300)

    with ScriptedMessagesAPI(script) as api:
        began = time.monotonic()
        end = await converse(
            role,
            TASK,
            facts=facts,
            model=Claude(api_key=SecretStr("test-key"), base_url=api.url),
            tools=Shell(),
            transcripts=transcripts,
            ledger=MemoryLedger(),
            clock=time.monotonic,
        )
        seconds = time.monotonic() - began
        assert isinstance(end, Finished), end
        assert not api.problems, api.problems
        return api.requests, seconds


async def _stored(turns: int) -> list[Message]:
    """Return a conversation of so many turns with 4 kB of output and 3 kB of words each."""
    messages = [Message(role="user", parts=(Text(text=TASK),))]
    for number in range(turns):
        call = ToolUse(id=f"stored_{number}", name="bash", input={"command": f"cat {number}"})
        result = await Shell().run(call)
        answer = Message(role="assistant", parts=(Text(text=WORDS * 32), call), stop_reason="tool_use")
        messages += [answer, Message(role="user", parts=(result,))]
    return messages


def _is_summary(asked: Asked) -> bool:
    return bool(asked.last_blocks[-1].get("text") == ASK)


def _maskings(requests: Sequence[Asked]) -> int:
    """Count how often more outputs were masked than in the request before."""
    masked = [str(asked.body["messages"]).count(MASKED) for asked in requests]
    return sum(later > earlier for earlier, later in pairwise(masked))


def _add(section: Section, name: str, requests: Sequence[Asked]) -> None:
    used = [request.usage for request in requests]
    fresh, read, written = (sum(getattr(usage, kind) for usage in used) for kind in ("input", "cache_read", "cache_write"))
    output, sent = sum(usage.output for usage in used), fresh + read + written
    paid = sum(cost(MODEL, usage) or 0 for usage in used) / 1e6
    uncached = sum(cost(MODEL, usage.model_copy(update=_uncached(usage))) or 0 for usage in used) / 1e6
    section.add(f"{name}input tokens sent", "", sent)
    section.add(f"{name}of these read from the cache", "", read, note=f"{read / sent:.1%}")
    section.add(f"{name}of these written to the cache", "", written)
    section.add(f"{name}of these fresh", "", fresh)
    section.add(f"{name}output tokens", "", output)
    section.add(f"{name}cost", "USD", paid, note=f"{uncached:.2f} USD were nothing cached")


def _uncached(usage: object) -> dict[str, int]:
    whole = sum(getattr(usage, kind) for kind in ("input", "cache_read", "cache_write"))
    return {"input": whole, "cache_read": 0, "cache_write": 0}
