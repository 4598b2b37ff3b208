"""Webhooks of GitHub by real HTTP: what is believed, what is not, and that each counts once."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from deployments.api.doors import WEBHOOK
from deployments.api.hook import Readers
from deployments.api.webhooks import HEARD
from domain.heard import Commented, Pushed
from domain.webhooks import BODY_LIMIT
from tests.deployments.api_bench import Api, api_in
from tests.deployments.test_api_service import served
from tests.fakes.github_webhooks import SECRET, THEN, command, headers, payload, signature


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    async with api_in(tmp_path) as bench:
        yield bench


@pytest.fixture
async def client(api: Api) -> AsyncIterator[httpx.AsyncClient]:
    async with served(api) as connected:
        yield connected


async def send(client: httpx.AsyncClient, name: str, body: bytes, id: str = "d-1", **changed: str) -> httpx.Response:
    return await client.post(WEBHOOK, content=body, headers=headers(name, body, id, **changed))


async def test_push_is_written_down_told_to_who_waits_and_answered(api: Api, client: httpx.AsyncClient) -> None:
    async with api.desk.wakeups.subscribe(HEARD) as hints:
        answered = await send(client, "push", payload("push"))
        assert (answered.status_code, answered.content) == (202, b"")
        async with asyncio.timeout(60):
            assert await anext(hints) == (HEARD, "d-1")
    [webhook] = await api.registry.unhandled()
    assert (webhook.id, webhook.at, webhook.handled) == ("d-1", THEN, None)
    assert isinstance(webhook.event, Pushed)


async def test_what_is_not_listened_to_is_answered_and_dropped(api: Api, client: httpx.AsyncClient) -> None:
    for name in ("ping", "star", "push_tag", "push_deleted", "labeled", "comment"):
        assert (await send(client, name, payload(name))).status_code == 204, name
    assert await api.registry.unhandled() == ()


async def test_delivery_counts_once_whatever_comes_again(api: Api, client: httpx.AsyncClient) -> None:
    body, other = payload("push"), command("/slipway status")
    ten = await asyncio.gather(*(send(client, "push", body) for _ in range(10)))
    replayed = [await send(client, "push", body, f"made-up-{number}") for number in range(3)]
    same_id = await send(client, "comment", other)
    assert {each.status_code for each in (*ten, *replayed, same_id)} == {202}
    assert [each.id for each in await api.registry.unhandled()] == ["d-1"]
    assert (await send(client, "comment", other, "d-2")).status_code == 202
    assert [type(each.event) for each in await api.registry.unhandled()] == [Pushed, Commented]


async def test_late_delivery_is_let_go(api: Api, client: httpx.AsyncClient) -> None:
    late = payload("push", repository__pushed_at=int(THEN.timestamp()) - 4 * 86400)
    assert (await send(client, "push", late)).status_code == 204
    assert await api.registry.unhandled() == ()


FORGED = {
    "no signature": {"X-Hub-Signature-256": ""},
    "only the old one": {"X-Hub-Signature-256": headers("push", b"")["X-Hub-Signature"]},
    "that of another body": {"X-Hub-Signature-256": signature(b"{}")},
    "by another secret": {"X-Hub-Signature-256": signature(payload("push"), b"guessed")},
    "by no secret": {"X-Hub-Signature-256": signature(payload("push"), b"")},
    "in capitals": {"X-Hub-Signature-256": signature(payload("push")).upper()},
    "cut": {"X-Hub-Signature-256": signature(payload("push"))[:-2]},
}


async def test_forged_delivery_is_refused_and_not_read(api: Api, client: httpx.AsyncClient) -> None:
    for how, changed in FORGED.items():
        answered = await send(client, "push", payload("push"), **changed)
        assert (answered.status_code, answered.headers["Content-Type"]) == (401, "application/problem+json"), how
        assert SECRET.decode() not in answered.text
    assert await api.registry.unhandled() == ()


async def test_two_signatures_are_none_and_a_key_is_no_signature(api: Api, client: httpx.AsyncClient) -> None:
    body = payload("push")
    sent = [*headers("push", body).items(), ("X-Hub-Signature-256", signature(body))]
    assert (await client.post(WEBHOOK, content=body, headers=sent)).status_code == 401
    bearer = {"Authorization": f"Bearer {await api.key()}", "X-Hub-Signature-256": ""}
    assert (await send(client, "push", body, **bearer)).status_code == 401
    for method in ("GET", "PUT", "OPTIONS", "DELETE"):
        assert (await client.request(method, WEBHOOK, headers=headers("push", b""))).status_code == 401
    for path in (f"{WEBHOOK}/", f"/{WEBHOOK}", WEBHOOK.upper(), f"{WEBHOOK}/../../v1/projects"):
        assert (await client.post(path, content=body, headers=headers("push", body))).status_code == 401
    assert await api.registry.unhandled() == ()


async def test_oversized_body_is_refused_by_its_length_and_by_what_comes(api: Api, client: httpx.AsyncClient) -> None:
    large = b" " * (BODY_LIMIT + 1)

    async def unsaid() -> AsyncIterator[bytes]:
        for start in range(0, len(large), 65536):
            yield large[start : start + 65536]

    assert (await send(client, "push", large)).status_code == 413
    sent = headers("push", large)
    assert (await client.post(WEBHOOK, content=unsaid(), headers=sent)).status_code == 413
    padded = payload("push") + b" " * 400_000  # more than other routes take
    assert (await send(client, "push", padded)).status_code == 202


async def unsent() -> AsyncIterator[bytes]:
    yield b"{"
    await asyncio.Event().wait()


async def whole(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def test_whoever_sends_nothing_keeps_nobody_out(api: Api, client: httpx.AsyncClient) -> None:
    said = "".join(f"{name}: {value}\r\n" for name, value in headers("push", payload("push")).items())
    begun = f"POST {WEBHOOK} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999\r\n{said}\r\n{{".encode()
    slow = [await asyncio.open_connection(client.base_url.host, client.base_url.port) for _ in range(40)]
    for _, writer in slow:
        writer.write(begun)
        await writer.drain()
    assert (await send(client, "push", payload("push"))).status_code == 202
    for _, writer in slow:
        writer.close()


async def test_oldest_sender_gives_way_to_more_senders_and_to_more_bytes() -> None:
    for readers, body in ((Readers(senders=2), b"{}"), (Readers(room=16), b"x" * 15)):
        slow = [asyncio.create_task(readers.read(unsent())) for _ in range(2)]
        assert await readers.read(whole(body, b"")) == body
        with pytest.raises(TimeoutError):
            await slow[0]
        slow[1].cancel()
        await asyncio.wait(slow)


async def test_sender_whose_time_is_just_over_fails_nobody_else() -> None:
    readers = Readers(senders=1, seconds=0)

    async def a_turn_later() -> bytes:
        await asyncio.sleep(0)  # the other's time is over by then, and it has not been told yet
        return await readers.read(whole(b"{}"))

    slow, sent = await asyncio.gather(readers.read(unsent()), a_turn_later(), return_exceptions=True)
    assert (type(slow), sent) == (TimeoutError, b"{}")


NASTY = [
    b"",
    b"null",
    b"[]",
    b"{",
    b"\xff\xfe",
    b"[" * 200_000,
    b'{"a":' * 100_000,
    b"{}",
    json.dumps({"ref": "\ud800"}).encode(),
]


async def test_signed_body_that_is_not_githubs_says_so(api: Api, client: httpx.AsyncClient) -> None:
    for body in NASTY:
        answered = await send(client, "push", body)
        assert answered.status_code == 400, body[:20]
        assert "pydantic" not in answered.text
    assert await api.registry.unhandled() == ()


async def test_wrong_content_type_says_what_to_set(api: Api, client: httpx.AsyncClient) -> None:
    for kind in ("application/x-www-form-urlencoded", "text/plain", "", "application/jsonx", "*/*"):
        answered = await send(client, "push", payload("push"), **{"Content-Type": kind})
        assert (answered.status_code, "application/json" in answered.json()["detail"]) == (415, True), kind
    assert await api.registry.unhandled() == ()


async def test_delivery_without_id_or_event_is_refused(api: Api, client: httpx.AsyncClient) -> None:
    for changed in ({"X-GitHub-Delivery": ""}, {"X-GitHub-Delivery": "a b"}, {"X-GitHub-Event": "Push!"}):
        assert (await send(client, "push", payload("push"), **changed)).status_code == 400, changed
    assert await api.registry.unhandled() == ()


async def test_any_text_is_taken_as_text(api: Api, client: httpx.AsyncClient) -> None:
    said = "/slipway откат \u202e\x00 '; DROP TABLE webhooks; -- \ud83d"
    assert (await send(client, "comment", command(said))).status_code in (202, 400)
    fine = "/slipway tell '; DROP TABLE webhooks; -- 🙂 \x00\u202e"
    assert (await send(client, "comment", command(fine, 9), "d-2")).status_code == 202
    event = (await api.registry.unhandled())[-1].event
    assert isinstance(event, Commented)
    assert event.words == "tell '; DROP TABLE webhooks; -- 🙂 \u202e"
