"""Claude: every model call goes through this block."""

import asyncio
import json
import os
import ssl
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import anthropic
import httpx2
from prefect.blocks.core import Block
from pydantic import Field, SecretStr

from blocks.claude.stream import StreamBroken, whole_message
from blocks.claude.wire import reply_from, request_for
from domain.conversations import ModelCall, ModelReply
from domain.errors import ModelKeyRefused, ModelOverloaded, ModelRequestRefused, ServiceUnreachable, SlipwayError
from domain.sessions import REPLIES_FILE, recorded
from domain.writing import Writing

CONNECT_SECONDS = 10.0
SILENCE_SECONDS = 60.0
"""The service sends a ping at least every few seconds while it thinks."""

CALL_SECONDS = 900.0

ODD = (StreamBroken, ValueError, LookupError, TypeError, AttributeError, RecursionError)
"""What it comes to when an answer is not made as the API makes it; the SDK itself raises some of them."""

SERVICE = "the model service"
ANTHROPIC = "https://api.anthropic.com"


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
        try:
            async with asyncio.timeout(self.call_seconds), self._connection() as client:
                reply = understood(await _streamed(client, call, writing))
        except (anthropic.AnthropicError, httpx2.HTTPError, *ODD, TimeoutError) as error:
            raise model_error(error) from error
        if self.record:
            await asyncio.to_thread(_keep, Path(self.record), recorded(call, reply).model_dump_json())
        return reply

    def _connection(self) -> anthropic.AsyncAnthropic:
        # Opened for one call: an answer takes seconds, a connection milliseconds; and tasks run in several event loops.
        return anthropic.AsyncAnthropic(
            api_key=self.api_key.get_secret_value(),
            base_url=self.base_url or ANTHROPIC,
            max_retries=0,
            timeout=httpx2.Timeout(self.silence_seconds, connect=self.connect_seconds),
            http_client=anthropic.DefaultAsyncHttpxClient(verify=_trusted()),
        )


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


async def _streamed(client: anthropic.AsyncAnthropic, call: ModelCall, writing: Writing | None) -> dict[str, Any]:
    async with await client.messages.create(**request_for(call), stream=True, extra_headers=_headers(call)) as events:
        return await whole_message(events, writing)


def understood(message: dict[str, Any]) -> ModelReply:
    """Return the answer as our value; raise one of ODD for what could not be stored and sent back."""
    json.dumps(message, ensure_ascii=False, allow_nan=False).encode()
    return reply_from(message)


@cache
def _trusted() -> ssl.SSLContext:
    """Read the trusted certificates once in a process: it takes 80 ms."""
    return httpx2.create_ssl_context()


def model_error(error: Exception) -> SlipwayError:
    """Say what an SDK error means, by who must act.

    An error inside a stream comes with status 200 and is told apart by its type.
    """
    if not isinstance(error, anthropic.APIStatusError):
        attempted = "being called" if isinstance(error, anthropic.APIConnectionError) else "answering"
        cause = error.__cause__ or error
        detail = str(cause) if isinstance(cause, StreamBroken) else f"{type(cause).__name__} {cause}"
        return ServiceUnreachable(SERVICE, attempted, detail.strip()[:300])
    status, detail = _status(error), (error.api_message or error.message)[:1000]
    if status in (401, 403):
        return ModelKeyRefused()
    if status in (408, 409, 429) or status >= 500:
        return ModelOverloaded(status, _retry_after(error.response), detail)
    return ModelRequestRefused(status, detail)


IN_STREAM = {
    "overloaded_error": 529,
    "rate_limit_error": 429,
    "timeout_error": 504,
    "api_error": 500,
    "authentication_error": 401,
    "permission_error": 403,
    "invalid_request_error": 400,
}


def _status(error: anthropic.APIStatusError) -> int:
    return error.status_code if error.status_code >= 400 else IN_STREAM.get(str(error.type), 500)


def _retry_after(response: httpx2.Response) -> float | None:
    """Return the seconds that the service asked to wait; None when it named none that can be read."""
    try:
        return max(float(response.headers["retry-after"]), 0.0)
    except (KeyError, ValueError):
        return None


def _headers(call: ModelCall) -> dict[str, str]:
    return {
        "X-Slipway-Role": call.role,
        "X-Slipway-Run": call.run,
        "X-Slipway-Conversation": call.conversation,
        "X-Slipway-Turn": str(call.turn),
    }


def _keep(folder: Path, line: str) -> None:
    """Append the line in one write, so that lines of several processes do not mix."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = os.open(folder / REPLIES_FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, line.encode() + b"\n")
    finally:
        os.close(file)
