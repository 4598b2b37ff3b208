"""A conversation whose process is ended by SIGKILL again and again: `python -m tests.tasks.killed_agent URL DATABASE`.

Each child takes it up and is killed three moments later than the one before it, until one lives to its end. Prints for each how
it ended. Children are forked, so that the libraries are read once.
"""

import asyncio
import os
import signal
import sys
import time

from pydantic import SecretStr

from blocks.claude.block import Claude
from blocks.registry.block import SqlRegistry
from domain.conversations import Finished, ToolResult, ToolSpec, ToolUse
from tasks.agent import converse
from tasks.model_calls import Pacing
from tests.tasks.agent_desk import FACTS, ROLE
from tests.tasks.fragile import Fate, Fragile


class Hands:
    """A tool that writes down what it did."""

    specs = (ToolSpec(name="bash", type="bash_20250124"),)

    async def run(self, call: ToolUse) -> ToolResult:
        return ToolResult(tool_use_id=call.id, text=f"did {call.input['command']}")


async def lead(url: str, database: str, at: int) -> int:
    """Take the conversation up, die at the moment `at`; return 0 when it came to its end."""
    fate = Fate(at, strike=lambda: os.kill(os.getpid(), signal.SIGKILL))
    registry = Fragile(SqlRegistry(url=database, budget_micro_usd=10**9), fate)
    end = await converse(
        ROLE,
        "Build it.",
        facts=FACTS,
        model=Fragile(Claude(api_key=SecretStr("test-key"), base_url=url), fate),
        tools=Fragile(Hands(), fate),
        transcripts=registry,
        ledger=registry,
        clock=time.monotonic,
        remarks=registry,
        pacing=Pacing(jitter=lambda: -1.0),
    )
    return 0 if isinstance(end, Finished) else 1


def main(url: str, database: str) -> None:
    for at in range(1, 100, 3):
        child = os.fork()
        if child == 0:
            os._exit(asyncio.run(lead(url, database, at)))
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        sys.stdout.write(f"{code}\n")
        if code != -signal.SIGKILL:
            return


if __name__ == "__main__":
    main(*sys.argv[1:])
