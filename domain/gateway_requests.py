"""What a worker may ask of a model: which model answers, which parts of a request are passed, what it may cost at most.

What the service would do elsewhere on the worker's behalf is refused: searching and fetching, MCP servers, code execution,
pictures and files by address or id. It would be a way out of the worker that no proxy sees, and some of it costs by other
measures than tokens. Parameters that are not known are refused, for the same reasons.
Source: https://platform.claude.com/docs/en/api/messages/create
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from domain.gateway import Refusal
from domain.model_view import BYTES_PER_TOKEN, IMAGE_TOKENS
from domain.prices import worst_case
from domain.values import Value

BODY_LIMIT = 12 * 1024 * 1024
"""Of a request, in bytes: the longest prompt with some pictures. The service takes 32 MB, and a few such fill our memory."""

FRAME_TOKENS = 1_500
"""What the service adds around tools and messages, at most."""

PARAMETERS = frozenset(
    (
        "cache_control",
        "context_management",
        "max_tokens",
        "messages",
        "metadata",
        "model",
        "output_config",
        "stop_sequences",
        "stream",
        "system",
        "temperature",
        "thinking",
        "tool_choice",
        "tools",
        "top_k",
        "top_p",
    )
)
CLIENT_TOOLS = ("custom", "bash_", "computer_", "memory_", "text_editor_", "tool_search_tool_")
"""Beginnings of the types of tools that act in the worker, or on the request alone."""

INLINE = ("base64", "text", "content")
"""Sources of pictures and documents that are in the request itself."""

ANY = "*"


class Asked(Value):
    """A request that may be sent."""

    model: str
    """Which model answers; by its name the call is priced."""
    body: bytes
    streamed: bool
    input_tokens: int
    """An upper guess."""
    max_tokens: int

    @property
    def worst_case(self) -> int:
        """The most that it can cost, in micro-USD."""
        return worst_case(self.model, self.input_tokens, self.max_tokens)


def asked(body: bytes, own: str, others: Mapping[str, str], *, counting: bool = False) -> Asked | Refusal:
    """Return the request as it is sent, or why it is not.

    `own` is the model of the caller's role, `others` which model answers for other names. `counting`: tokens are only counted.
    """
    try:
        request = json.loads(body)
        return _checked(request, body, own, others, counting=counting)
    except RecursionError:
        return _refused("the body is nested too deeply")
    except ValueError:
        return _refused("the body is no JSON")


def _checked(request: Any, body: bytes, own: str, others: Mapping[str, str], *, counting: bool) -> Asked | Refusal:
    if not isinstance(request, dict):
        return _refused("the body is no JSON object")
    if why := _broken(request, counting=counting) or next(_foreign(request), None):
        return _refused(why)
    model = answering(request["model"], own, others)
    if model is None:
        return Refusal(status=404, type="not_found_error", message=_no_model(request["model"], own))
    size = len(body)
    if model != request["model"]:
        body = json.dumps(request | {"model": model}).encode()
    return Asked(
        model=model,
        body=body,
        streamed=request.get("stream") is True,
        input_tokens=_guessed_tokens(request, size),
        max_tokens=0 if counting else request["max_tokens"],
    )


def answering(name: str, own: str, others: Mapping[str, str]) -> str | None:
    """Return the model that answers for a name, dated or not; None when it may not be asked for."""
    plain = _undated(name)
    if plain == _undated(own):
        return name
    return others.get(name) or others.get(plain) or others.get(ANY)


def _undated(model: str) -> str:
    return re.sub(r"-\d{8}$", "", model)


def _no_model(name: str, own: str) -> str:
    return (
        f"model: {name[:80]}: this role asks {own}; the operator may let another model answer for this name "
        "by SLIPWAY_GATEWAY_MODELS"
    )


def _refused(why: str) -> Refusal:
    return Refusal(status=400, type="invalid_request_error", message=f"the model gateway does not pass this: {why}")


def _broken(request: dict[str, Any], *, counting: bool) -> str | None:
    """Return what is wrong with the parameters that the gateway itself reads."""
    if unknown := sorted(request.keys() - PARAMETERS):
        return f"{unknown[0][:80]}: unknown parameter"
    if not isinstance(request.get("model"), str) or not isinstance(request.get("messages"), list):
        return "model and messages are required"
    most = request.get("max_tokens", 1 if counting else None)
    if not isinstance(most, int) or isinstance(most, bool) or not 1 <= most <= 1_000_000:
        return "max_tokens: a number of at least 1 is required"
    lists = [request.get("tools") or [], request["messages"]]
    if not all(isinstance(each, list) and all(isinstance(one, dict) for one in each) for each in lists):
        return "tools and messages: lists of objects are required"
    return None


def _foreign(request: dict[str, Any]) -> Iterator[str]:
    """Name what is done outside of the worker, or costs by another measure."""
    for tool in request.get("tools") or []:
        kind = tool.get("type") or "custom"
        if not isinstance(kind, str) or not kind.startswith(CLIENT_TOOLS):
            yield f"tools: {str(kind)[:80]} does not act in the worker"
    edits = _object(request.get("context_management")).get("edits", [])
    if not isinstance(edits, list) or not all(str(_object(edit).get("type")).startswith("clear_") for edit in edits):
        yield "context_management: only clearing is passed"
    for block in _blocks(request):
        kind = block.get("type")
        if kind == "container_upload" or (
            kind in ("image", "document") and _object(block.get("source")).get("type") not in INLINE
        ):
            yield f"{kind}: only what is in the request itself is passed"
        if _object(block.get("cache_control")).get("ttl", "5m") != "5m":
            yield "cache_control: only a ttl of 5m is passed"


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _blocks(request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield everything that may hold a picture, a file or a mark of the cache."""
    yield {"cache_control": request.get("cache_control")}
    yield from request.get("tools") or []
    yield from _within(request.get("system"))
    for message in request["messages"]:
        yield message
        yield from _within(message.get("content"))


def _within(content: Any) -> Iterator[dict[str, Any]]:
    """Yield the blocks of a content, those inside of tool results and documents too."""
    for block in content if isinstance(content, list) else []:
        if isinstance(block, dict):
            yield block
            yield from _within(block.get("content"))
            yield from _within(_object(block.get("source")).get("content"))


def _guessed_tokens(request: dict[str, Any], size: int) -> int:
    """Return an upper guess: few tokens have less than two bytes; pictures count by piece, not by size."""
    pictures = [block for block in _blocks(request) if block.get("type") == "image"]
    data = sum(len(str(_object(block.get("source")).get("data", ""))) for block in pictures)
    return (size - data) // BYTES_PER_TOKEN + len(pictures) * IMAGE_TOKENS + FRAME_TOKENS
