"""Tools that another leads than our loop: each call stands in the transcript before it is run, and so does its result.

So the transcript is what it would be by our own loop, and whoever takes it up goes on from there. Uses a conversation.
"""

import asyncio
import re
from collections.abc import Sequence
from typing import Any

from domain.conversations import Heard, ToolResult, ToolSpec, ToolUse
from domain.remarks import as_told
from tasks.conversation import Conversation

MOST_CALLS = 64
"""Of one leading: an agent that calls more is out of its mind."""

IDENTITY = re.compile(r"[a-zA-Z0-9_-]{1,64}")


class RecordedTools:
    """Fulfils `domain.roles.Tools`; calls are run one after the other."""

    def __init__(self, talk: Conversation[Any]) -> None:
        self._talk = talk
        self._turn = asyncio.Lock()
        self._calls = 0
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Holds what a tool raised: neither the model nor the agent can mend it."""

    @property
    def specs(self) -> Sequence[ToolSpec]:
        """The tools of the conversation's role, without the one that hands in."""
        tools = self._talk.calls.tools
        return [spec for spec in (tools.specs if tools else ()) if spec.name in self._talk.role.tools]

    async def run(self, call: ToolUse) -> ToolResult:
        """Run the call once for the same id, and return its result with what the person has said meanwhile."""
        async with self._turn:
            if (known := self._results().get(call.id)) is not None:
                return known
            if why := self._why_not(call):
                return ToolResult(tool_use_id=call.id, text=why, is_error=True)
            try:
                return await self._run(call)
            except Exception as error:
                if not self.failed.done():
                    self.failed.set_exception(error)
                raise

    async def _run(self, call: ToolUse) -> ToolResult:
        self._calls += 1
        await self._talk.transcript.append("assistant", (call,), "tool_use")
        await self._talk.answer()
        before = len(self._talk.messages)
        await self._talk.hear()
        said = [part.text for message in self._talk.messages[before:] for part in message.parts if isinstance(part, Heard)]
        result = self._results()[call.id]
        return result.model_copy(update={"text": "\n\n".join([result.text, *map(as_told, said)])})

    def _why_not(self, call: ToolUse) -> str:
        """Say why a call is not even written down; empty when it is."""
        names = [spec.name for spec in self.specs]
        if call.name not in names:
            return f"there is no such tool; there are: {', '.join(names)}"
        if IDENTITY.fullmatch(call.id) is None:
            return "the call has an id that cannot be kept"
        return f"not run: you made {MOST_CALLS} calls already; hand in" if self._calls >= MOST_CALLS else ""

    def _results(self) -> dict[str, ToolResult]:
        """Return the results that stand in the transcript, by their calls' ids."""
        parts = (part for message in self._talk.messages for part in message.parts)
        return {part.tool_use_id: part for part in parts if isinstance(part, ToolResult)}
