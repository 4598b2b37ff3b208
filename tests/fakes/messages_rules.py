"""The published rules of the Messages API, as far as Slipway can break them. Each function returns what is wrong, or None.

Sources: https://platform.claude.com/docs/en/api/messages, .../build-with-claude/prompt-caching, and the guides for the models
of autumn 2026, which refuse forced tools, an assistant message at the end, and thinking blocks whose past was changed.
"""

import base64
import hashlib
import json
import re
from typing import Any

Block = dict[str, Any]


def said_by_turns(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the messages without those of the system in between, which Claude Code sends by a beta of 2026-07."""
    return [message for message in body["messages"] if message.get("role") != "system"]


def turns(body: dict[str, Any]) -> list[tuple[str, list[Block]]]:
    """Return the messages as the API sees them: string content as a block, neighbours of one role as one turn."""
    found: list[tuple[str, list[Block]]] = []
    for message in said_by_turns(body):
        content = message["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else list(content)
        if found and found[-1][0] == message["role"]:
            found[-1][1].extend(blocks)
        else:
            found.append((message["role"], blocks))
    return found


def broken_rule(body: dict[str, Any], *, paused: bool) -> str | None:
    """Return the API's sentence on the first rule that the request breaks."""
    return (
        _broken_shape(body)
        or _broken_tools(body)
        or _broken_messages(body, paused=paused)
        or _broken_pictures(turns(body))
        or _broken_results(turns(body))
        or _broken_cache(body)
    )


def _broken_shape(body: dict[str, Any]) -> str | None:
    for name, kind in (("model", str), ("max_tokens", int), ("messages", list)):
        if not isinstance(body.get(name), kind) or not body[name]:
            return f"{name}: Field required"
    for name in ("temperature", "top_p", "top_k", "thinking"):
        if name in body and not (name == "thinking" and body[name].get("type") == "adaptive"):
            return f"{name}: not supported for this model"
    return None


def _broken_tools(body: dict[str, Any]) -> str | None:
    tools = body.get("tools", [])
    names = [tool.get("name", "") for tool in tools]
    if len(set(names)) != len(names):
        return "tools: Tool names must be unique."
    for index, tool in enumerate(tools):
        if not re.fullmatch(r"[a-zA-Z0-9_-]{1,128}", tool.get("name", "")):
            return f"tools.{index}.name: String should match pattern"
        if tool.get("type", "custom") == "custom" and tool.get("input_schema", {}).get("type") != "object":
            return f"tools.{index}.custom.input_schema.type: Field required"
    choice = body.get("tool_choice", {"type": "auto"})
    if not isinstance(choice, dict) or choice.get("type") not in ("auto", "any", "tool", "none"):
        return "tool_choice: Input tag does not match any of the expected tags: 'auto', 'any', 'tool', 'none'"
    if choice["type"] in ("any", "tool"):
        return "tool_choice: forced tool use is not supported for this model"
    return None


def _broken_messages(body: dict[str, Any], *, paused: bool) -> str | None:
    messages = said_by_turns(body)
    for index, message in enumerate(messages):
        if message.get("role") not in ("user", "assistant"):
            return f"messages.{index}.role: Input should be 'user' or 'assistant'"
        if not message.get("content"):
            return f"messages.{index}: all messages must have non-empty content"
        for block in message["content"] if isinstance(message["content"], list) else []:
            if block["type"] == "text" and not block["text"].strip():
                return f"messages.{index}: text content blocks must contain non-whitespace text"
    if not messages or messages[0]["role"] != "user":
        return "messages: first message must use the user role"
    if messages[-1]["role"] == "assistant" and not paused:
        return "This model does not support assistant message prefill. The conversation must end with a user message."
    return None


PICTURES = {
    "image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff", "image/gif": b"GIF8", "image/webp": b"RIFF",
}  # fmt: skip
PICTURE_LIMIT = 5 * 1024 * 1024
"""Characters of a picture in base64."""
PICTURE_TOKENS = 1_600


def _broken_pictures(all_turns: list[tuple[str, list[Block]]]) -> str | None:
    for index, (role, blocks) in enumerate(all_turns):
        for place, block in enumerate(blocks):
            if block["type"] == "image" and (wrong := _broken_picture(role, block)):
                return f"messages.{index}.content.{place}.{wrong}"
    return None


def _broken_picture(role: str, block: Block) -> str | None:
    source = block.get("source", {})
    if role != "user":
        return "image: only the user role may send images"
    if source.get("type") != "base64" or source.get("media_type") not in PICTURES:
        return "image.source.base64.media_type: Input should be 'image/jpeg', 'image/png', 'image/gif' or 'image/webp'"
    if len(source.get("data", "")) > PICTURE_LIMIT:
        return f"image.source.base64: image exceeds 5 MB maximum: {len(source['data'])} bytes > {PICTURE_LIMIT} bytes"
    try:
        content = base64.b64decode(source["data"], validate=True)
    except (KeyError, ValueError):
        return "image.source.base64.data: Input should be a valid base64 string"
    if not content.startswith(PICTURES[source["media_type"]]):
        return f"image.source.base64: The image does not appear to be a valid {source['media_type']} image"
    return None


def _broken_results(all_turns: list[tuple[str, list[Block]]]) -> str | None:
    waiting: list[str] = []
    for index, (role, blocks) in enumerate(all_turns):
        results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
        if role == "user":
            if missing := [id for id in waiting if id not in results]:
                return (
                    f"messages.{index - 1}: `tool_use` ids were found without `tool_result` blocks immediately after: {missing}"
                )
            if unknown := [id for id in results if id not in waiting]:
                return f"messages.{index}: unexpected `tool_use_id` found in `tool_result` blocks: {unknown}"
            if any(block["type"] != "tool_result" for block in blocks[: len(results)]):
                return f"messages.{index}: tool_result blocks must come first"
            waiting = []
        else:
            waiting = [block["id"] for block in blocks if block["type"] == "tool_use"]
            if len(set(waiting)) != len(waiting):
                return "messages: `tool_use` ids must be unique"
    return None


def prefix_blocks(body: dict[str, Any]) -> list[Block]:
    """Return all blocks in the order of the cached prefix: tools, system, messages."""
    system = body.get("system", [])
    said = [block | {"role": role} for role, blocks in turns(body) for block in blocks]
    return [*body.get("tools", []), *([{"text": system}] if isinstance(system, str) else system), *said]


def _broken_cache(body: dict[str, Any]) -> str | None:
    marked = [block for block in prefix_blocks(body) if "cache_control" in block]
    if len(marked) > 4:
        return f"A maximum of 4 blocks with cache_control may be provided. Found {len(marked)}."
    if any(block.get("type") in ("thinking", "redacted_thinking") for block in marked):
        return "thinking blocks cannot have cache_control"
    return None


def tokens(block: Block) -> int:
    return PICTURE_TOKENS if block.get("type") == "image" else len(_plain(block)) // 4 + 1


def hashes(body: dict[str, Any]) -> list[str]:
    """Return for each block the hash of the prefix that ends with it."""
    digest, found = hashlib.sha256(body["model"].encode()), []
    for block in prefix_blocks(body):
        digest.update(_plain(block).encode())
        found.append(digest.hexdigest())
    return found


def _plain(block: Block) -> str:
    return json.dumps({key: value for key, value in block.items() if key != "cache_control"}, sort_keys=True)


def history(body: dict[str, Any]) -> tuple[str, list[str]]:
    """Return what a new thinking block is bound to: the hash of all else before it, and the signatures before it."""
    blocks = prefix_blocks(body)
    plain = "".join(_plain(block) for block in blocks if block.get("type") != "thinking")
    return hashlib.sha256(plain.encode()).hexdigest(), [b["signature"] for b in blocks if b.get("type") == "thinking"]


def foreign_thinking(body: dict[str, Any], thinkers: dict[str, str]) -> str | None:
    """Check that each thinking block was written by the model that is asked: another cannot read its signature."""
    for index, (_, blocks) in enumerate(turns(body)):
        for place, block in enumerate(blocks):
            if block["type"] == "thinking" and thinkers.get(block["signature"], body["model"]) != body["model"]:
                return f"messages.{index}.content.{place}: Invalid `signature` in `thinking` block of another model"
    return None


def broken_thinking(body: dict[str, Any], bound: dict[str, tuple[str, list[str]]]) -> str | None:
    """Check that each thinking block stands after the very messages it was written after; the oldest may be left out."""
    all_turns = turns(body)
    for index, (role, blocks) in enumerate(all_turns):
        for place, block in enumerate(blocks):
            if role != "assistant" or block["type"] != "thinking":
                continue
            wrong = f"messages.{index}.content.{place}: Invalid `signature` in `thinking` block"
            if block["signature"] not in bound:
                return wrong
            before = [{"role": r, "content": b} for r, b in all_turns[:index]]
            now = history({**body, "messages": before} if before else body)
            then = bound[block["signature"]]
            if now[0] != then[0] or (now[1] and then[1][-len(now[1]) :] != now[1]):
                return f"{wrong}. The block is bound to a different conversation. Remove the block."
    return None
