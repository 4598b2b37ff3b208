"""One exchange with the Messages API by Anthropic's SDK. Importing it is work: `blocks.claude.block` waits with that."""

import asyncio
import json
import ssl
from functools import cache
from typing import TYPE_CHECKING, Any

import anthropic
import httpx2

from blocks.claude.stream import StreamBroken, whole_message
from blocks.claude.wire import reply_from, request_for
from domain.conversations import ModelCall, ModelReply
from domain.errors import ModelKeyRefused, ModelOverloaded, ModelRequestRefused, ServiceUnreachable, SlipwayError
from domain.writing import Writing

if TYPE_CHECKING:
    from blocks.claude.block import Claude

ODD = (StreamBroken, ValueError, LookupError, TypeError, AttributeError, RecursionError)
"""What it comes to when an answer is not made as the API makes it; the SDK itself raises some of them."""

SERVICE = "the model service"
ANTHROPIC = "https://api.anthropic.com"


async def answer(claude: "Claude", call: ModelCall, writing: Writing | None) -> ModelReply:
    """Send one request and return the whole answer; raises what `Claude.reply` says."""
    try:
        async with asyncio.timeout(claude.call_seconds), _connection(claude) as client:
            return understood(await _streamed(client, call, writing))
    except (anthropic.AnthropicError, httpx2.HTTPError, *ODD, TimeoutError) as error:
        raise model_error(error) from error


def _connection(claude: "Claude") -> anthropic.AsyncAnthropic:
    # Opened for one call: an answer takes seconds, a connection milliseconds; and tasks run in several event loops.
    return anthropic.AsyncAnthropic(
        api_key=claude.api_key.get_secret_value(),
        base_url=claude.base_url or ANTHROPIC,
        max_retries=0,
        timeout=httpx2.Timeout(claude.silence_seconds, connect=claude.connect_seconds),
        http_client=anthropic.DefaultAsyncHttpxClient(verify=_trusted()),
    )


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
