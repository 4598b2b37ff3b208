"""One set of calls by Anthropic's own clients, to the scripted Messages API directly and through the gateway: no difference."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anthropic
import httpx
import pytest

from deployments.gateway.upstream import Upstream
from tests.deployments.gateway_bench import MODEL, REAL_KEY, RUN, body, opened, token
from tests.fakes.messages_api import (
    Answer,
    Cut,
    ErrorInStream,
    Fault,
    Garbage,
    Say,
    ScriptedMessagesAPI,
    text,
    thinking,
    use,
)

ASKED: dict[str, Any] = {"model": MODEL, "max_tokens": 500, "messages": [{"role": "user", "content": "Hello"}]}
TOOL = {"name": "look", "description": "Look.", "input_schema": {"type": "object"}}
Clients = Callable[..., Any]


@pytest.fixture(params=["direct", "gateway"])
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@asynccontextmanager
async def reached(way: str, script: Sequence[Answer], folder: Path) -> AsyncIterator[tuple[str, str, ScriptedMessagesAPI]]:
    """Yield (address, key, API) of the way that is tested; the script is used up at the end."""
    with ScriptedMessagesAPI(script, key=REAL_KEY) as api:
        if way == "direct":
            yield api.url, REAL_KEY, api
        else:
            async with opened(folder, Upstream(REAL_KEY, api.url)) as place:
                yield place.url, token(), api
        api.assert_exhausted()


def client(address: str, key: str) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(api_key=key, base_url=address, max_retries=0)


async def test_a_stream_is_read_event_by_event(way: str, tmp_path: Path) -> None:
    say = Say([thinking("Hm, well."), text("Hello there. " * 90), use("look", "toolu_1", where="here")])
    async with (
        reached(way, [say], tmp_path) as (address, key, _),
        client(address, key) as asking,
        asking.messages.stream(**ASKED, tools=[TOOL]) as stream,
    ):
        kinds = [event.type async for event in stream]
        message = await stream.get_final_message()
    assert (kinds[0], kinds[-1], kinds.count("content_block_start")) == ("message_start", "message_stop", 3)
    assert kinds.count("text") == 3
    assert [block.type for block in message.content] == ["thinking", "text", "tool_use"]
    assert (message.stop_reason, message.usage.output_tokens, message.content[2].input) == ("tool_use", 50, {"where": "here"})


async def test_the_synchronous_client_streams_too(way: str, tmp_path: Path) -> None:
    async with reached(way, [Say([text("Hello.")])], tmp_path) as (address, key, _):

        def asked() -> str:
            asking = anthropic.Anthropic(api_key=key, base_url=address, max_retries=0)
            with asking, asking.messages.stream(**ASKED) as stream:
                return "".join(stream.text_stream)

        assert await asyncio.to_thread(asked) == "Hello."


async def test_a_whole_answer_and_the_beta_door(way: str, tmp_path: Path) -> None:
    async with (
        reached(way, [Say([text("Plain.")]), Say([text("Beta.")])], tmp_path) as (address, key, api),
        client(address, key) as asking,
    ):
        plain = await asking.messages.create(**ASKED)
        beta = await asking.beta.messages.create(**ASKED, betas=["interleaved-thinking-2025-05-14"])
        assert (plain.content[0].text, beta.content[0].text, plain.usage.output_tokens) == ("Plain.", "Beta.", 50)
        assert api.requests[1].headers["anthropic-beta"] == "interleaved-thinking-2025-05-14"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Fault(429, "rate_limit_error", retry_after="7"), anthropic.RateLimitError),
        (Fault(529, "overloaded_error"), anthropic.InternalServerError),
        (Fault(500, "api_error"), anthropic.InternalServerError),
        (Fault(400, "invalid_request_error"), anthropic.BadRequestError),
    ],
)
async def test_errors_keep_status_words_and_headers(
    way: str, answer: Fault, expected: type[anthropic.APIStatusError], tmp_path: Path
) -> None:
    async with reached(way, [answer], tmp_path) as (address, key, _), client(address, key) as asking:
        with pytest.raises(expected) as refused:
            await asking.messages.create(**ASKED)
    error = refused.value
    assert (error.status_code, error.response.headers.get("retry-after")) == (answer.status, answer.retry_after)
    assert error.body == {
        "type": "error",
        "error": {"type": answer.type, "message": "scripted fault"},
        "request_id": "req_test",
    }


async def test_a_stream_that_breaks_off_breaks_off_for_the_client(way: str, tmp_path: Path) -> None:
    async with (
        reached(way, [Cut(Say([text("word " * 300)]), after=5)], tmp_path) as (address, key, _),
        client(address, key) as asking,
    ):
        with pytest.raises(Exception, match=r"incomplete chunked read|Connection error") as broken:
            async with asking.messages.stream(**ASKED) as stream:
                await stream.get_final_message()
    assert "incomplete chunked read" in str(broken.value) + str(broken.value.__cause__)


async def test_an_error_within_a_stream_is_told_as_it_is(way: str, tmp_path: Path) -> None:
    async with reached(way, [ErrorInStream()], tmp_path) as (address, key, _), client(address, key) as asking:
        with pytest.raises(anthropic.APIStatusError) as refused:
            async with asking.messages.stream(**ASKED) as stream:
                await stream.get_final_message()
    assert refused.value.type == "overloaded_error"


@pytest.mark.parametrize("answer", [Say([text("Wörter. " * 200), use("look", "toolu_1", a="b")]), Garbage()])
async def test_the_very_bytes_come_back(answer: Answer, tmp_path: Path) -> None:
    got = []
    for way in ("direct", "gateway"):
        folder = tmp_path / way
        folder.mkdir()
        async with reached(way, [answer], folder) as (address, key, _), httpx.AsyncClient() as http:
            headers = {"x-api-key": key, "anthropic-version": "2023-06-01"}
            got.append((await http.post(f"{address}/v1/messages", headers=headers, json=body(tools=[TOOL]))).content)
    assert got[0] == got[1] != b""


async def test_the_service_hears_its_own_key_and_whose_call_it_is_and_never_the_token(tmp_path: Path) -> None:
    async with reached("gateway", [Say([text("Hello.")])], tmp_path) as (address, key, api):
        async with httpx.AsyncClient() as http:
            headers = {
                "authorization": f"Bearer {key}",
                "anthropic-version": "2023-06-01",
                "x-slipway-role": "tester",
                "cookie": "c",
            }
            answer = await http.post(f"{address}/v1/messages?beta=true", headers=headers, json=body())
        (asked,) = api.requests
    assert answer.status_code == 200
    assert asked.headers["x-api-key"] == REAL_KEY
    assert key not in str(asked.headers)
    assert {"authorization", "cookie"}.isdisjoint(asked.headers)
    assert (asked.role, asked.headers["x-slipway-run"]) == ("developer", RUN)
    assert REAL_KEY not in str(answer.headers) + answer.text
