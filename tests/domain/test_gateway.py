"""The gateway's decisions: tokens, what passes, what it may cost, and what a passing answer says it has used."""

import base64
import json
from typing import Any

import pytest

from domain.gateway import (
    Access,
    Refusal,
    access_of,
    gateway_environment,
    given_token,
    returned_headers,
    sent_headers,
    token_of,
    wrong_place,
)
from domain.gateway_requests import Asked, answering, asked
from domain.gateway_usage import THOUGHTS_PER_SECOND, Meter
from domain.prices import worst_case
from domain.usage import TokenUsage

ACCESS = Access(run="r-1", project="notes", role="developer", conversation="r-1/developer", expires=1000)
OWN = "claude-sonnet-5-5"
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "A" * 40_000}}


def request(**changes: Any) -> dict[str, Any]:
    return {"model": OWN, "max_tokens": 100, "messages": [{"role": "user", "content": "Hi"}]} | changes


def said(*blocks: dict[str, Any]) -> dict[str, Any]:
    return request(messages=[{"role": "user", "content": list(blocks)}])


def outcome(content: dict[str, Any], others: dict[str, str] | None = None) -> Asked | Refusal:
    return asked(json.dumps(content).encode(), OWN, others or {})


def test_a_token_proves_what_it_was_made_for_until_it_expires() -> None:
    token = token_of(ACCESS, "key")
    assert access_of(token, "key", now=999.9) == ACCESS
    assert access_of(token, "key", now=1000) is None
    assert access_of(token, "other key", now=0) is None


def test_a_token_whose_words_were_changed_proves_nothing() -> None:
    token = token_of(ACCESS, "key")
    content, _, seal = token.removeprefix("slipway-gw-").partition(".")
    for changed in (ACCESS.model_copy(update={"run": "r-2"}), ACCESS.model_copy(update={"expires": 99999})):
        forged = base64.urlsafe_b64encode(changed.model_dump_json().encode()).decode().rstrip("=")
        assert access_of(f"slipway-gw-{forged}.{seal}", "key", now=0) is None
    for broken in ("", token[:-1], token + "0", token.upper(), f"slipway-gw-.{seal}", f"slipway-gw-{content}", f" {token}"):
        assert access_of(broken, "key", now=0) is None


def test_a_cli_is_given_the_address_and_the_token_and_nothing_else() -> None:
    assert gateway_environment("192.0.2.1", 81, "t") == {
        "ANTHROPIC_BASE_URL": "http://192.0.2.1:81",
        "ANTHROPIC_AUTH_TOKEN": "t",
    }


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        ({"x-api-key": "a"}, "a"),
        ({"authorization": "Bearer b"}, "b"),
        ({"authorization": "bearer  b"}, "b"),
        ({"authorization": "Basic b"}, ""),
        ({}, ""),
    ],
)
def test_both_ways_to_give_a_token_are_read(headers: dict[str, str], token: str) -> None:
    assert given_token(headers) == token


@pytest.mark.parametrize(
    ("method", "path", "query", "status"),
    [
        ("POST", "/v1/messages", "", None),
        ("POST", "/v1/messages", "beta=true", None),
        ("POST", "/v1/messages/count_tokens", "beta=true", None),
        ("GET", "/v1/messages", "", 405),
        ("POST", "/v1/messages", "beta=false", 404),
        ("POST", "/v1/messages/", "", 404),
        ("POST", "/V1/messages", "", 404),
        ("GET", "/v1/models", "", 404),
        ("POST", "/v1/messages/batches", "", 404),
        ("GET", "/metrics", "", 404),
        ("POST", "/git/credential", "", None),
        ("GET", "/git/credential", "", 405),
        ("POST", "/git/credential", "beta=true", 404),
        ("POST", "/git/credential/", "", 404),
        ("POST", "/mcp", "", None),
        ("GET", "/mcp", "", 405),
        ("POST", "/mcp", "beta=true", 404),
        ("POST", "/git/Credential", "", 404),
    ],
)
def test_two_calls_pass_and_git_and_tools_may_be_asked(method: str, path: str, query: str, status: int | None) -> None:
    found = wrong_place(method, path, query)
    assert (found.status if found else None) == status


def test_few_headers_go_on_and_few_come_back() -> None:
    given = {
        "anthropic-version": "2023-06-01",
        "anthropic-beta": "claude-code-20250219, context-1m-2025-08-07,fast-mode-2026-02-01",
        "authorization": "Bearer t",
        "x-api-key": "t",
        "cookie": "c",
        "host": "gateway",
        "content-length": "9",
        "x-slipway-run": "r-2",
        "accept-encoding": "br",
    }
    assert sent_headers(given, ACCESS, "real") == {
        "anthropic-version": "2023-06-01",
        "anthropic-beta": "claude-code-20250219",
        "accept-encoding": "identity",
        "x-api-key": "real",
        "x-slipway-run": "r-1",
        "x-slipway-role": "developer",
        "x-slipway-conversation": "r-1/developer",
    }
    back = [("content-type", "a"), ("retry-after", "3"), ("anthropic-organization-id", "o"), ("set-cookie", "c")]
    limits = [("anthropic-ratelimit-tokens-remaining", "5"), ("request-id", "r")]
    assert returned_headers([*back, *limits]) == [back[0], back[1], *limits]


def test_a_refusal_says_whether_to_ask_again() -> None:
    never = Refusal(status=402, type="billing_error", message="spent")
    assert json.loads(never.body) == {"type": "error", "error": {"type": "billing_error", "message": "spent"}}
    assert never.headers == {"content-type": "application/json", "x-should-retry": "false"}
    later = never.model_copy(update={"again": 1.0}).headers
    assert (later["x-should-retry"], later["retry-after"]) == ("true", "1")


def test_a_request_passes_as_it_is_and_is_priced_at_its_worst() -> None:
    content = request(stream=True, tools=[{"name": "look", "input_schema": {"type": "object"}}], system="Be brief.")
    found = outcome(content)
    assert isinstance(found, Asked)
    assert (found.body, found.model, found.streamed, found.max_tokens) == (json.dumps(content).encode(), OWN, True, 100)
    assert found.input_tokens == len(json.dumps(content)) // 2 + 1500
    assert found.worst_case == worst_case(OWN, found.input_tokens, 100)


def test_a_picture_counts_by_piece_and_not_by_size() -> None:
    nested = {"type": "tool_result", "tool_use_id": "t", "content": [IMAGE]}
    for content in (said(IMAGE), said(nested)):
        found = outcome(content)
        assert isinstance(found, Asked)
        assert 6_500 < found.input_tokens < 7_000


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (request(mcp_servers=[]), "mcp_servers: unknown parameter"),
        (request(container="c"), "container: unknown parameter"),
        (request(speed="fast"), "speed: unknown parameter"),
        (request(service_tier="auto"), "service_tier: unknown parameter"),
        (request(tools=[{"type": "web_search_20250305", "name": "web_search"}]), "web_search_20250305 does not act"),
        (request(tools=[{"type": "web_fetch_20250910", "name": "web_fetch"}]), "web_fetch_20250910 does not act"),
        (request(tools=[{"type": "code_execution_20250825", "name": "c"}]), "code_execution_20250825 does not act"),
        (request(tools=[{"type": ["custom"], "name": "c"}]), "does not act"),
        (said({"type": "image", "source": {"type": "url", "url": "https://example.org/?secret"}}), "image: only what is in"),
        (said({"type": "document", "source": {"type": "file", "file_id": "f"}}), "document: only what is in"),
        (said({"type": "tool_result", "content": [{"type": "image", "source": {"type": "url"}}]}), "image: only what is in"),
        (said({"type": "document", "source": {"type": "content", "content": [{"type": "image"}]}}), "image: only what is in"),
        (said({"type": "container_upload", "file_id": "f"}), "container_upload: only what is in"),
        (said({"type": "text", "text": "x", "cache_control": {"type": "ephemeral", "ttl": "1h"}}), "only a ttl of 5m"),
        (request(cache_control={"type": "ephemeral", "ttl": "1h"}), "only a ttl of 5m"),
        (request(context_management={"edits": [{"type": "compact_20260112"}]}), "only clearing"),
        (request(context_management={"edits": "all"}), "only clearing"),
        (request(max_tokens=0), "max_tokens"),
        (request(max_tokens=True), "max_tokens"),
        (request(max_tokens=10**12), "max_tokens"),
        (request(max_tokens="9"), "max_tokens"),
        (request(model=None), "model and messages are required"),
        (request(messages=["x"]), "lists of objects"),
        (request(tools={"a": 1}), "lists of objects"),
    ],
)
def test_what_acts_elsewhere_or_costs_otherwise_is_refused(content: dict[str, Any], why: str) -> None:
    found = outcome(content)
    assert isinstance(found, Refusal)
    assert (found.status, found.type) == (400, "invalid_request_error")
    assert why in found.message


def test_what_claude_code_sends_passes() -> None:
    content = request(
        tools=[{"name": "Bash", "input_schema": {}, "defer_loading": True}, {"type": "bash_20250124", "name": "bash"}],
        thinking={"type": "adaptive", "display": "omitted"},
        context_management={"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        output_config={"effort": "medium"},
        metadata={"user_id": "u"},
        system=[{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}],
        messages=[{"role": "user", "content": [IMAGE]}, {"role": "system", "content": [{"type": "text", "text": "t"}]}],
    )
    assert isinstance(outcome(content), Asked)


def test_a_source_in_a_tools_input_is_only_words() -> None:
    use = {"type": "tool_use", "id": "t", "name": "n", "input": {"type": "image", "source": {"type": "url"}, "content": [1]}}
    assert isinstance(outcome(said(use)), Asked)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 9000, b'{"a":' * 9000])
def test_what_is_no_request_is_refused(body: bytes) -> None:
    assert isinstance(asked(body, OWN, {}), Refusal)


@pytest.mark.parametrize(
    ("name", "others", "model"),
    [
        (OWN, {}, OWN),
        (f"{OWN}-20260901", {}, f"{OWN}-20260901"),
        ("claude-opus-5-5", {}, None),
        ("claude-haiku-4-5-20251001", {"claude-haiku-4-5": "claude-haiku-4-5"}, "claude-haiku-4-5"),
        ("claude-haiku-4-5", {"*": OWN}, OWN),
        ("claude-haiku-4-5", {"claude-haiku-4-5": "a", "*": OWN}, "a"),
    ],
)
def test_other_models_answer_where_the_operator_says_so(name: str, others: dict[str, str], model: str | None) -> None:
    assert answering(name, OWN, others) == model
    found = outcome(request(model=name), others)
    if model is None:
        assert isinstance(found, Refusal)
        assert (found.status, found.type, "SLIPWAY_GATEWAY_MODELS" in found.message) == (404, "not_found_error", True)
    else:
        assert isinstance(found, Asked)
        assert (found.model, json.loads(found.body)) == (model, request(model=model))


def event(kind: str, **data: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **data})}\n\n".encode()


USED = {"input_tokens": 3, "cache_read_input_tokens": 50, "output_tokens": 1}
START = event("message_start", message={"model": OWN, "usage": USED})
END = event("message_delta", delta={}, usage={"output_tokens": 40})


def delta(**given: Any) -> bytes:
    return event("content_block_delta", index=0, delta=given)


def metered(stream: bytes, step: int = 7) -> Meter:
    meter = Meter(streamed=True, max_tokens=1000)
    for place in range(0, len(stream), step):
        meter.feed(stream[place : place + step])
    meter.end()
    return meter


@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_a_whole_stream_is_what_it_says_however_it_is_cut_into_chunks(step: int) -> None:
    meter = metered(START + event("ping") + delta(type="text_delta", text="Wörter") + END + event("message_stop"), step)
    assert (meter.model, meter.whole, meter.started) == (OWN, True, True)
    assert meter.usage(99) == TokenUsage(input=3, cache_read=50, output=40)


def test_the_last_word_on_input_counts_too() -> None:
    meter = metered(
        START + event("message_delta", usage={"output_tokens": 9, "input_tokens": 4, "cache_read_input_tokens": None})
    )
    assert meter.usage(0) == TokenUsage(input=4, cache_read=50, output=9)


def test_a_stream_that_was_cut_counts_two_bytes_a_token() -> None:
    seen = delta(type="text_delta", text="ö" * 10) + delta(type="input_json_delta", partial_json="abc")
    assert metered(START + seen).usage(99) == TokenUsage(input=3, cache_read=50, output=12)


def test_hidden_thinking_that_was_cut_counts_what_was_told_or_the_time() -> None:
    begun = START + event("content_block_start", index=0, content_block={"type": "thinking", "thinking": ""})
    assert metered(begun).usage(2).output == 2 * THOUGHTS_PER_SECOND
    assert metered(begun).usage(99).output == 1000
    told = begun + delta(type="thinking_delta", thinking="", estimated_tokens=500)
    assert metered(told).usage(2).output == 500
    assert metered(begun + delta(type="thinking_delta", thinking="x" * 20)).usage(9).output == 10


def test_a_document_says_all_at_its_end() -> None:
    message = {"type": "message", "model": OWN, "usage": {"input_tokens": 5, "output_tokens": 6}}
    meter = Meter(streamed=False, max_tokens=10)
    for chunk in (json.dumps(message)[:20], json.dumps(message)[20:]):
        meter.feed(chunk.encode())
        assert not meter.started
    meter.end()
    assert (meter.whole, meter.usage(9)) == (True, TokenUsage(input=5, output=6))


@pytest.mark.parametrize(
    "stream",
    [b"<html>", b"data: {\n", b"data: []\n", event("message_start", message=[]), event("message_start", message={"usage": 3})],
)
def test_what_cannot_be_read_was_never_begun(stream: bytes) -> None:
    assert not metered(stream).started


def test_an_error_instead_of_an_answer_is_noticed() -> None:
    meter = metered(event("error", error={"type": "overloaded_error"}))
    assert (meter.failed, meter.started) == (True, False)


def test_a_service_that_tells_no_usage_is_not_taken_to_be_free() -> None:
    said = event("message_start", message={"model": OWN}) + delta(type="text_delta", text="x" * 20) + event("message_delta")
    meter = Meter(streamed=True, max_tokens=1000, input_tokens=70)
    meter.feed(said)
    document = Meter(streamed=False, max_tokens=9, input_tokens=70)
    document.feed(json.dumps({"type": "message", "model": OWN, "content": [{"type": "text", "text": "x" * 20}]}).encode())
    document.end()

    assert (meter.started, meter.usage(0)) == (True, TokenUsage(input=70, output=10))
    assert (document.started, document.usage(0)) == (True, TokenUsage(input=70, output=9))
