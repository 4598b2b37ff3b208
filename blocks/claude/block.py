"""Claude: every model call goes through this block."""

import asyncio
import os
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from prefect.blocks.core import Block
from pydantic import Field, SecretStr

from domain.conversations import ModelCall, ModelReply
from domain.sessions import REPLIES_FILE, recorded
from domain.writing import Writing

CONNECT_SECONDS = 10.0
SILENCE_SECONDS = 60.0
"""The service sends a ping at least every few seconds while it thinks."""

CALL_SECONDS = 900.0

EXCHANGE = "blocks.claude.exchange"
"""Imports the SDK, two seconds of work and 70 MB: only a process that asks a model has it."""


class Claude(Block):
    """Anthropic's Messages API, or a gateway or recorded session that speaks it."""

    _block_type_slug = "slipway-claude"
    _block_type_name = "Slipway Claude"

    api_key: SecretStr = Field(description="Key of the Anthropic API, or of the gateway at `base_url`")
    base_url: str | None = Field(default=None, description="Another place that speaks the Messages API; None is Anthropic's")
    record: str | None = Field(default=None, description="Folder in which each answered call is kept, to be played again")
    connect_seconds: float = Field(default=CONNECT_SECONDS, description="How long a connection may take")
    silence_seconds: float = Field(default=SILENCE_SECONDS, description="How long the service may say nothing")
    call_seconds: float = Field(default=CALL_SECONDS, description="How long one answer may take, with signs of life or without")
    fallback_model: str | None = Field(default=None, description="Model to ask while the wanted one is overloaded")

    async def reply(self, call: ModelCall) -> ModelReply:
        """Send one request, streamed, and return the whole answer.

        Raises ModelKeyRefused, ModelRequestRefused, ModelOverloaded or ServiceUnreachable.
        """
        return await self.replied(call, None)

    def telling(self, writing: Writing) -> "ToldClaude":
        """Return the same model, of whose answers `writing` sees what is written while it is."""
        return ToldClaude(self, writing)

    async def replied(self, call: ModelCall, writing: Writing | None) -> ModelReply:
        """Do as `reply` does, and let `writing` see it."""
        await asyncio.to_thread(import_module, EXCHANGE)
        from blocks.claude.exchange import answer

        reply = await answer(self, call, writing)
        if self.record:
            await asyncio.to_thread(_keep, Path(self.record), recorded(call, reply).model_dump_json())
        return reply


@dataclass(frozen=True)
class ToldClaude:
    """Claude, with somebody who sees what is written. Fulfils `domain.conversations.ModelClient`."""

    claude: Claude
    writing: Writing

    @property
    def fallback_model(self) -> str | None:
        return self.claude.fallback_model

    async def reply(self, call: ModelCall) -> ModelReply:
        return await self.claude.replied(call, self.writing)

    def telling(self, writing: Writing) -> "ToldClaude":
        return ToldClaude(self.claude, writing)


def _keep(folder: Path, line: str) -> None:
    """Append the line in one write, so that lines of several processes do not mix."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = os.open(folder / REPLIES_FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, line.encode() + b"\n")
    finally:
        os.close(file)
