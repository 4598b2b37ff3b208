"""The model gateway: who is let in, what passes, what is booked, and what happens when either end goes away."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from blocks.egress_receipts import EgressReceipts
from deployments.gateway.guests import Allowance
from deployments.gateway.models import Models
from deployments.gateway.receipts import GatewayReceipts
from deployments.gateway.upstream import PLAYED, Upstream
from domain.gateway_requests import BODY_LIMIT, Asked, asked
from domain.prices import cost
from domain.receipts import MODELS
from domain.runs import RunState
from domain.usage import TokenUsage
from tests.deployments.gateway_bench import (
    MODEL,
    REAL_KEY,
    RUN,
    Place,
    Service,
    before,
    body,
    events,
    opened,
    pausing,
    saying,
    token,
    wire,
)  # fmt: skip
from tests.fakes.street import Street

HELLO = events("Hello ", "there.")


def error_of(answer: httpx.Response) -> tuple[int, str, str]:
    """Return status, type and words of an error, which has the Messages API's shape."""
    assert answer.json().keys() == {"type", "error"}
    assert answer.json()["type"] == "error"
    return answer.status_code, answer.json()["error"]["type"], answer.json()["error"]["message"]


async def posted(place: Place, content: Any = None, given: str | None = None, path: str = "/v1/messages") -> httpx.Response:
    async with place.http(given) as http:
        return await http.post(path, json=body() if content is None else content)


def worst_of_one() -> int:
    wanted = asked(httpx.Request("POST", "http://any", json=body()).content, MODEL, {})
    assert isinstance(wanted, Asked)
    return wanted.worst_case


async def booked(place: Place) -> TokenUsage:
    """Wait until the one call is settled, and return what was booked for it."""
    await asyncio.wait_for(place.proxy.idle(), 60)
    (line,) = await place.registry.usage("notes")
    assert (line.run, line.node, line.model) == (RUN, "developer", MODEL)
    assert line.micro_usd == cost(MODEL, line.tokens)
    return line.tokens


@pytest.mark.parametrize(
    "given", ["", "sk-ant-something", token(key="another installation's"), token(seconds=-1), token("r-999999"), token()[:-1]]
)
async def test_who_proves_no_run_that_goes_on_is_a_stranger(given: str, tmp_path: Path) -> None:
    service = Service(saying(*HELLO))
    async with before(service, tmp_path) as place:
        answer = await posted(place, given=given)
    assert error_of(answer)[:2] == (401, "authentication_error")
    assert answer.headers["x-should-retry"] == "false"
    assert service.asked == []


async def test_a_token_is_good_only_where_its_runs_worker_is(tmp_path: Path) -> None:
    service, street = Service(saying(*HELLO)), Street()
    street.runs["127.0.0.1"] = "r-000002"
    async with before(service, tmp_path, street=street) as place:
        stolen = await posted(place)
        await asyncio.wait_for(place.proxy.idle(), 60)
        [line] = await place.receipts.of_run("r-000002")
        assert (line.refused, await place.receipts.of_run(RUN)) == ("401 authentication error", ())
    assert error_of(stolen)[:2] == (401, "authentication_error")
    assert "this token is of another run" in error_of(stolen)[2]
    assert service.asked == []
    street.runs["127.0.0.1"] = RUN
    async with before(service, tmp_path, street=street) as place:
        assert (await posted(place)).status_code == 200


async def test_while_the_engine_does_not_say_whose_worker_asks_nobody_is_let_in(tmp_path: Path) -> None:
    service, street = Service(saying(*HELLO)), Street()
    street.reachable = False
    async with before(service, tmp_path, street=street) as place:
        answer = await posted(place)
    assert error_of(answer)[:2] == (529, "overloaded_error")
    assert (answer.headers["x-should-retry"], service.asked) == ("true", [])


async def test_a_token_ends_with_its_run(tmp_path: Path) -> None:
    async with before(Service(saying(*HELLO)), tmp_path) as place:
        assert (await posted(place)).status_code == 200
        await place.registry.update_run(RUN, state=RunState.FAILED, ended=datetime.now(UTC))
        async with asyncio.timeout(60):
            while (answer := await posted(place)).status_code == 200:
                continue
    assert error_of(answer) == (401, "authentication_error", f"the model gateway does not know you: {RUN} has ended, and its token with it")  # fmt: skip  # noqa: E501


async def test_the_product_owner_asks_before_its_run_is_written_down(tmp_path: Path) -> None:
    async with before(Service(saying(*HELLO)), tmp_path) as place:
        assert (await posted(place, given=token("r-999999", role="product_owner"))).status_code == 200
        (line,) = await place.registry.usage(run="r-999999")
        assert (line.project, line.node) == ("notes", "product_owner")


async def test_only_the_two_calls_pass(tmp_path: Path) -> None:
    service = Service(saying(*HELLO))
    async with before(service, tmp_path) as place, place.http() as http:
        for method, path in (
            ("GET", "/v1/models"), ("POST", "/v1/messages/batches"), ("POST", "/v1/files"), ("POST", "/v1/messages/../files"),
            ("POST", "/v1/messages?beta=true&x=1"), ("POST", "/v1//messages"), ("POST", "/v1/messages%3Fx"),
            ("HEAD", "/api/hello"),
        ):  # fmt: skip
            assert (await http.request(method, path, json=body())).status_code == 404, path
        assert (await http.get("/v1/messages")).status_code == 405
    assert service.asked == []


async def test_tokens_are_counted_for_nothing(tmp_path: Path) -> None:
    async def answer(service: Service, writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 19\r\n\r\n" + b'{"input_tokens": 9}'
        )

    service = Service(answer)
    question = {name: value for name, value in body().items() if name in ("model", "messages")}
    async with before(service, tmp_path) as place:
        assert (await posted(place, question, path="/v1/messages/count_tokens?beta=true")).json() == {"input_tokens": 9}
        assert await place.registry.usage("notes") == ()
    assert service.asked[0][0] == "POST /v1/messages/count_tokens?beta=true HTTP/1.1"


async def test_a_chunk_is_with_the_worker_before_the_next_is_made(tmp_path: Path) -> None:
    service = Service(pausing(HELLO, after=3))
    async with before(service, tmp_path) as place, place.http() as http:
        async with http.stream("POST", "/v1/messages", json=body()) as answer:
            coming = answer.aiter_raw()
            first = b""
            while first != wire(*HELLO[:3]):
                first += await asyncio.wait_for(anext(coming), 60)
            service.go_on.set()
            rest = b"".join([chunk async for chunk in coming])
        assert first + rest == wire(*HELLO)
        assert await booked(place) == TokenUsage(input=100, output=7)


async def test_what_was_used_is_settled_before_the_answer_ends(tmp_path: Path) -> None:
    async with before(Service(saying(*HELLO)), tmp_path) as place:
        assert (await posted(place)).content == wire(*HELLO)
        (line,) = await place.registry.usage("notes")
        assert (line.tokens, line.micro_usd) == (TokenUsage(input=100, output=7), 270)
        assert line.call.startswith(f"{RUN}/developer/gateway/")


async def test_a_worker_that_leaves_ends_the_request_and_pays_for_what_was_made(tmp_path: Path) -> None:
    service = Service(pausing(events("x" * 400), after=3))
    async with before(service, tmp_path) as place, place.http() as http:
        async with http.stream("POST", "/v1/messages", json=body()) as answer:
            await anext(answer.aiter_raw())
        await asyncio.wait_for(service.left.wait(), 60)
        assert await booked(place) == TokenUsage(input=100, output=200)  # two bytes a token: the service never said it


async def test_a_worker_that_leaves_before_the_first_word_pays_for_its_question(tmp_path: Path) -> None:
    service = Service(pausing(HELLO, after=0))
    async with before(service, tmp_path) as place, place.http() as http:
        async with http.stream("POST", "/v1/messages", json=body()):
            pass
        await asyncio.wait_for(service.left.wait(), 60)
        used = await booked(place)
    assert (used.output, used.input > 1000) == (0, True)


async def test_a_call_is_refused_when_its_worst_case_does_not_fit_the_budget(tmp_path: Path) -> None:
    service = Service(saying(*HELLO))
    async with before(service, tmp_path, budget=worst_of_one() + 269) as place:
        assert (await posted(place)).status_code == 200
        answer = await posted(place)
        assert (await place.registry.cost("notes")).micro_usd == 270
    assert len(service.asked) == 1
    assert answer.headers["x-should-retry"] == "false"
    status, kind, words = error_of(answer)
    assert (status, kind) == (402, "billing_error")
    assert words.startswith("the budget of notes is spent: 0.0003 of 0.01 USD; raise SLIPWAY_BUDGET_USD")


async def test_calls_at_once_cannot_pass_the_budget_together(tmp_path: Path) -> None:
    service = Service(pausing(HELLO, after=1))
    async with before(service, tmp_path, budget=worst_of_one() * 3 - 1) as place:
        calls = [asyncio.create_task(posted(place)) for _ in range(5)]
        refused = 0
        for call in asyncio.as_completed(calls):
            refused += (await call).status_code == 402
            if refused == 3:
                service.go_on.set()
        assert (refused, len(service.asked)) == (3, 2)


async def test_a_service_that_does_not_answer_costs_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path, Upstream(REAL_KEY, "http://127.0.0.1:9")) as place:
        answer = await posted(place)
        assert (await place.registry.cost("notes")).reserved_micro_usd == 0
    assert error_of(answer)[:2] == (502, "api_error")
    assert answer.headers["x-should-retry"] == "true"


async def test_a_silent_service_does_not_hold_the_worker(tmp_path: Path) -> None:
    async with before(Service(pausing(HELLO, after=0)), tmp_path, silence_seconds=0.2) as place:
        answer = await posted(place)
        assert answer.status_code == 200  # its head had come
        assert json.loads(answer.text.partition("data: ")[2])["error"]["type"] == "timeout_error"
        assert await place.registry.usage("notes") == ()


async def test_a_service_that_falls_silent_is_paid_for_what_it_made(tmp_path: Path) -> None:
    async with before(Service(pausing(HELLO, after=4)), tmp_path, silence_seconds=0.2) as place:
        answer = await posted(place)
        assert answer.content.startswith(wire(*HELLO[:4]) + b"event: error\n")
        assert await booked(place) == TokenUsage(input=100, output=6)


async def test_a_refused_operators_key_is_told_as_such(tmp_path: Path) -> None:
    async def answer(service: Service, writer: asyncio.StreamWriter) -> None:
        said = json.dumps({"type": "error", "error": {"type": "authentication_error", "message": REAL_KEY}}).encode()
        writer.write(f"HTTP/1.1 401 Unauthorized\r\ncontent-length: {len(said)}\r\n\r\n".encode() + said)

    async with before(Service(answer), tmp_path) as place:
        found = await posted(place)
    assert error_of(found)[:2] == (403, "permission_error")
    assert "set a valid ANTHROPIC_API_KEY" in found.text
    assert REAL_KEY not in found.text


async def test_an_echo_of_the_operators_key_is_hidden(tmp_path: Path) -> None:
    async def answer(service: Service, writer: asyncio.StreamWriter) -> None:
        said = f"you sent {service.asked[0][1]['x-api-key']}".encode()
        writer.write(f"HTTP/1.1 400 Bad\r\nset-cookie: a=b\r\ncontent-length: {len(said)}\r\n\r\n".encode() + said)

    async with before(Service(answer), tmp_path) as place:
        found = await posted(place)
    assert (found.status_code, found.text, "set-cookie" in found.headers) == (400, "you sent (key)", False)


@pytest.mark.parametrize(
    ("upstream", "words"), [(Upstream("", None), "set ANTHROPIC_API_KEY"), (Upstream("", None, PLAYED), PLAYED)]
)
async def test_without_a_key_it_says_what_is_missing(upstream: Upstream, words: str, tmp_path: Path) -> None:
    async with opened(tmp_path, upstream) as place:
        status, kind, said = error_of(await posted(place))
    assert (status, kind, words in said) == (403, "permission_error", True)


async def test_other_models_answer_only_where_the_operator_says_so(tmp_path: Path) -> None:
    service = Service(saying(*HELLO))
    models = Models("claude-opus-5-5", {"developer": MODEL}, {"claude-haiku-4-5": MODEL})
    async with before(service, tmp_path, models=models) as place:
        assert error_of(await posted(place, body(model="claude-opus-5-5")))[:2] == (404, "not_found_error")
        assert (await posted(place, body(model="claude-haiku-4-5-20251001"))).status_code == 200
    assert [json.loads(content)["model"] for _, _, content in service.asked] == [MODEL]


async def test_a_request_that_is_too_long_is_refused_unread(tmp_path: Path) -> None:
    service = Service(saying(*HELLO))
    async with before(service, tmp_path) as place, place.http() as http:
        answer = await http.post("/v1/messages", content=b" " * (BODY_LIMIT + 1))
    assert error_of(answer)[:2] == (413, "request_too_large")
    assert service.asked == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"model": 1}', b"[" * 5000, b'"' + b"\xff" * 9])
async def test_what_is_no_request_is_refused(content: bytes, tmp_path: Path) -> None:
    async with before(Service(saying(*HELLO)), tmp_path) as place, place.http() as http:
        assert error_of(await http.post("/v1/messages", content=content))[:2] == (400, "invalid_request_error")


async def test_calls_of_one_run_at_once_are_bounded(tmp_path: Path) -> None:
    service = Service(pausing(HELLO, after=1))
    async with before(service, tmp_path, allowance=Allowance(of_run=1)) as place, place.http() as http:
        async with http.stream("POST", "/v1/messages", json=body()) as answer:
            second = await posted(place)
            service.go_on.set()
            await answer.aread()
        assert (await posted(place)).status_code == 200
    assert error_of(second)[:2] == (429, "rate_limit_error")
    assert second.headers["retry-after"] == "1"


async def test_a_gateway_that_is_told_to_end_books_what_was_used(tmp_path: Path) -> None:
    service = Service(pausing(events("x" * 400), after=3))
    async with before(service, tmp_path) as place, place.http() as http:
        leaving = http.stream("POST", "/v1/messages", json=body())
        answer = await leaving.__aenter__()
        await anext(answer.aiter_raw())
        registry = place.registry
        # Leaving `before` now ends the gateway in the middle of the stream; it asserts that nothing stays reserved.
    (line,) = await registry.usage("notes")
    await registry.close()
    assert line.tokens == TokenUsage(input=100, output=200)


async def test_every_call_and_every_refusal_is_on_the_receipt_of_its_run(tmp_path: Path) -> None:
    async with before(Service(saying(*HELLO)), tmp_path) as place:
        good = await posted(place)
        await posted(place, path="/v1/files")
        await posted(place, body(mcp_servers=[{"url": "http://evil.example"}]))
        await posted(place, given=token("r-999999"))
        await posted(place, given="nobody's")
        await asyncio.wait_for(place.proxy.idle(), 60)
        ours, theirs, nobody = [await place.receipts.of_run(run) for run in (RUN, "r-999999", "unknown")]
    entered = {passage.refused: passage for passage in ours}  # an answer is entered when it has ended, maybe behind the next
    assert sorted(entered) == ["", "400 invalid request error", "404 not found error"]
    assert (len(ours), {passage.host for passage in ours}) == (3, {MODELS})
    assert (entered[""].up, entered[""].down) == (len(good.request.content), len(good.content))
    assert [passage.refused for passage in (*theirs, *nobody)] == ["401 authentication error"] * 2


async def test_what_was_broken_off_is_on_the_receipt_too(tmp_path: Path) -> None:
    service = Service(pausing(HELLO, after=3))
    async with before(service, tmp_path) as place:
        async with place.http() as http, http.stream("POST", "/v1/messages", json=body()) as answer:
            await anext(answer.aiter_bytes())
        await asyncio.wait_for(place.proxy.idle(), 60)
        (passage,) = await place.receipts.of_run(RUN)
    assert (passage.refused, passage.down > 0) == ("the worker has gone", True)


async def test_a_flood_of_refusals_fills_no_disk(tmp_path: Path) -> None:
    receipts = EgressReceipts(tmp_path, "models")
    many = GatewayReceipts(receipts, lines=3)
    for _ in range(2):
        await many.write_down(RUN, 1, 2, "404 not found error")
    again = GatewayReceipts(receipts, lines=3)
    for _ in range(9):
        await again.write_down(RUN, 1, 2, "404 not found error")
    await again.write_down(None, 0, 0, "401 authentication error")
    assert [len(await receipts.of_run(run)) for run in (RUN, "unknown")] == [3, 1]
