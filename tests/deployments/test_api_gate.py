"""The gate of the API: closed by default, to every route and every kind of wrong key; and what each answer has."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from deployments.api.doors import OPEN, SIGNED, SIGNING_IN, is_open
from deployments.api.gate import BODY_LIMIT
from domain.errors import ServiceUnreachable
from domain.keys import USED_EVERY, ApiKey, id_in
from domain.limits import GUESSES, WINDOW, Knock
from tests.deployments.api_bench import ANN, NOON, OPERATOR, READ, WRITE, Api, all_routes, api_in, api_routes

SOME = {"{project}": "notes", "{run}": "r-notes000000", "{number}": "1", "{name}": "TOKEN", "{host}": "a.example.org"}


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    async with api_in(tmp_path) as bench:
        yield bench


def filled(path: str) -> str:
    for name, value in SOME.items():
        path = path.replace(name, value)
    return path


async def test_every_route_but_the_open_ones_asks_for_a_key(api: Api) -> None:
    await api.project("notes")
    found = all_routes()
    assert len(found) > 10
    assert {path for _, path in found} >= OPEN | SIGNING_IN
    for method, path in found:
        answered = await api.client.request(method, filled(path))
        assert (answered.status_code == 401) is (path in SIGNED or not is_open(method, path)), (method, path)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1",
        "/v1/nothing",
        "/health/",
        "//health",
        "/HEALTH",
        "/health/../v1/projects",
        "/openapi.json/x",
        "/docs",
        "/redoc",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "TRACE", "PROPFIND"])
async def test_what_is_no_route_asks_for_a_key_too(api: Api, method: str, path: str) -> None:
    assert (await api.client.request(method, path)).status_code == 401


@pytest.mark.parametrize("path", sorted(OPEN))
async def test_open_routes_take_nothing_in(api: Api, path: str) -> None:
    assert (await api.client.get(path)).status_code == 200
    assert (await api.client.post(path, content=b"{}")).status_code == 401


async def test_key_that_is_not_right_or_not_one_opens_nothing(api: Api) -> None:
    right = await api.key()
    id = id_in(right)
    wrong = ["", "Bearer", f"Basic {right}", right, f"Bearer slipway_{id}_{'a' * 43}", f"Bearer {right}x", "Bearer ключ"]
    for sent in wrong:
        answered = await api.client.get("/v1/me", headers={"Authorization": sent.encode()})
        assert answered.status_code == 401, sent
        assert answered.headers["WWW-Authenticate"] == "Bearer"
    two = await api.client.get("/v1/me", headers=[("Authorization", f"Bearer {right}"), ("Authorization", f"Bearer {right}")])
    assert two.status_code == 401
    assert (await api.client.get(f"/v1/me?key={right}")).status_code == 401
    assert (await api.get("/v1/me", right)).status_code == 200


async def test_expired_and_revoked_keys_open_nothing(api: Api) -> None:
    lasting, ending = await api.key(), await api.key(ANN, READ, days=1)
    assert (await api.get("/v1/me", ending)).json()["expires"].startswith("2026-11-29T12:00")
    api.now += timedelta(days=1)
    assert (await api.get("/v1/me", ending)).status_code == 401
    assert (await api.get("/v1/me", lasting)).status_code == 200
    assert await api.registry.revoke_key(id_in(lasting) or "", api.now)
    assert (await api.get("/v1/me", lasting)).status_code == 401


async def test_last_use_is_written_now_and_then(api: Api) -> None:
    shown = await api.key()
    id, seen = id_in(shown) or "", []
    for minutes in (0, 1, 4, 1):
        api.now += timedelta(minutes=minutes)
        await api.get("/v1/me", shown)
        key = await api.registry.key(id)
        assert key is not None
        seen.append(key.used)
    assert seen == [NOON, NOON, NOON + USED_EVERY, NOON + USED_EVERY]


async def test_scope_decides_what_is_done(api: Api) -> None:
    await api.project("notes")
    for scopes, status in (((READ,), 403), ((OPERATOR,), 403), ((WRITE,), 404), ((WRITE, OPERATOR), 404)):
        key = await api.key(ANN, *scopes)
        assert (await api.get("/v1/projects/notes", key)).status_code == 200
        assert (await api.ask("POST", "/v1/no-such-route", key)).status_code == status, scopes


async def test_thousand_wrong_keys_at_once_are_refused_unread_and_known_keys_go_on(api: Api) -> None:
    known, new, looked_at = await api.key(), await api.key(ANN, READ), list[str]()
    assert (await api.get("/v1/me", known)).status_code == 200
    look = api.registry.key

    async def counted(id: str) -> ApiKey | None:
        looked_at.append(id)
        return await look(id)

    object.__setattr__(api.registry, "key", counted)
    burst = [api.get("/v1/me", f"slipway_{number:012x}_{'a' * 43}") for number in range(1000)]
    answered = [each.status_code for each in await asyncio.gather(*burst, *(api.get("/v1/me", known) for _ in range(50)))]
    assert sorted(answered[:1000]) == [401] * GUESSES + [429] * (1000 - GUESSES)
    assert answered[1000:] == [200] * 50
    assert len(looked_at) == GUESSES + 50
    waits = await api.get("/v1/me", new)  # never seen here: it waits like all that are unknown
    assert (waits.status_code, waits.headers["Retry-After"]) == (429, str(WINDOW))
    api.counters.now += WINDOW
    assert (await api.get("/v1/me", new)).status_code == 200


async def test_right_key_that_comes_often_at_once_for_the_first_time_is_no_guess(api: Api) -> None:
    key = await api.key()
    answered = await asyncio.gather(*(api.get("/v1/me", key) for _ in range(2 * GUESSES)))
    assert {each.status_code for each in answered} == {200}


async def test_wrong_secrets_of_a_known_key_are_not_believed_for_its_prefix(api: Api) -> None:
    known = await api.key()
    await api.get("/v1/me", known)
    forged = [f"slipway_{id_in(known)}_{number:043}" for number in range(GUESSES + 1)]
    answered = [(await api.get("/v1/me", each)).status_code for each in forged]
    assert answered == [401] * GUESSES + [429]
    assert (await api.get("/v1/me", known)).status_code == 200


@pytest.mark.parametrize("is_revoked", [True, False])
async def test_key_that_opens_nothing_keeps_others_out_of_nothing_and_has_the_limit_of_all(
    tmp_path: Path, is_revoked: bool
) -> None:
    async with api_in(tmp_path, rate=2 * GUESSES) as api:
        shown, other = await api.key(ANN, READ), await api.key()
        if is_revoked:
            assert (await api.get("/v1/me", shown)).status_code == 200
            await api.registry.revoke_key(id_in(shown) or "", api.now)
        else:
            shown = f"slipway_{'0' * 12}_{'a' * 43}"
        answered = [(await api.get("/v1/me", shown)).status_code for _ in range(2 * GUESSES)]
        assert answered == [401] * len(answered) if not is_revoked else [401] * (len(answered) - 1) + [429]
        assert (await api.get("/v1/me", shown)).status_code == 429
        api.counters.now += WINDOW
        assert (await api.get("/v1/me", other)).status_code == 200


async def test_key_that_asks_too_often_waits_and_others_do_not(tmp_path: Path) -> None:
    async with api_in(tmp_path, rate=3) as api:
        first, second = await api.key(), await api.key(ANN, READ)
        await api.get("/v1/me", first)  # the first time it is not known yet, and counts for its address
        answered = [await api.get("/v1/me", first) for _ in range(4)]
        assert [each.status_code for each in answered] == [200, 200, 200, 429]
        assert answered[-1].headers["Retry-After"] == str(WINDOW)
        assert (await api.get("/v1/me", second)).status_code == 200
        api.counters.now += WINDOW
        assert (await api.get("/v1/me", first)).status_code == 200


async def test_every_answer_has_an_id_and_the_headers_and_no_other_origin_is_let_in(api: Api) -> None:
    origin = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    answers = [
        await api.client.get("/health", headers=origin),
        await api.client.options("/v1/projects", headers=origin),
        await api.get("/v1/me", headers=origin),
        await api.get("/v1/projects/ghost"),
    ]
    assert len({each.headers["X-Request-Id"] for each in answers}) == 4
    for each in answers:
        assert each.headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in each.headers["Content-Security-Policy"]
        assert each.headers["Cache-Control"] == "no-store"
        assert not [name for name in each.headers if name.startswith("access-control")]


async def test_problem_is_a_document_with_the_id_of_its_answer(api: Api) -> None:
    answered = await api.get("/v1/projects/ghost")
    assert answered.headers["Content-Type"] == "application/problem+json"
    assert answered.json() == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "there is no such thing",
        "request": answered.headers["X-Request-Id"],
    }


async def test_large_body_is_refused_whatever_its_length_is_said_to_be(api: Api) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b"x" * (BODY_LIMIT // 4)

    path = "/v1/projects"
    assert (await api.ask("POST", path, content=b"x" * (BODY_LIMIT + 1))).status_code == 413
    for length in ("-1", "99999999999999", "1e3", "٣"):
        sent = await api.ask("POST", path, headers={"Content-Length": length.encode()}, content=b"{}")
        assert sent.status_code == 413, length
    key = await api.key()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    assert (await api.client.post(path, content=chunks(), headers=headers)).status_code == 413


async def test_fault_within_tells_nothing_of_it(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    for error, status in ((ServiceUnreachable("redis", "/secret/path"), 503), (RuntimeError("at /secret/path"), 500)):

        async def broken(address: str, digest: str, rate: int, error: Exception = error) -> Knock:
            raise error

        api.counters.knock = broken  # type: ignore[method-assign]
        answered = await api.get("/v1/me")
        assert answered.status_code == status
        assert "secret" not in answered.text
        assert answered.json()["request"] in caplog.text
        assert "/secret/path" in caplog.text


async def test_ready_says_when_a_service_does_not_answer(api: Api) -> None:
    async def gone() -> None:
        raise ServiceUnreachable("Redis", "reading", "/tmp/redis.sock")

    assert (await api.client.get("/ready")).status_code == 200
    api.counters.ping = gone  # type: ignore[method-assign]
    answered = await api.client.get("/ready")
    assert (answered.status_code, answered.headers["Retry-After"]) == (503, "5")
    assert "redis" not in answered.text.lower()


async def test_description_names_every_route_and_no_key(api: Api) -> None:
    document = (await api.client.get("/openapi.json")).json()
    described = {(method.upper(), path) for path, each in document["paths"].items() for method in each}
    hidden = {"HEAD", "OPTIONS"}
    assert described == {(method, path) for method, path in api_routes() if path != "/openapi.json" and method not in hidden}
    assert json.dumps(document).count("slipway_0123456789ab_") == 1


async def test_many_at_once_are_all_answered(api: Api) -> None:
    await api.project("notes")
    key = await api.key()
    answered: list[httpx.Response] = await asyncio.gather(*(api.get("/v1/projects/notes", key) for _ in range(50)))
    assert {each.status_code for each in answered} == {200}


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("OPTIONS", "/v1/projects", "GET, HEAD, POST"),
        ("DELETE", "/v1/projects/notes/domains", "GET, HEAD, POST"),
        ("POST", "/v1/me", "GET, HEAD"),
        ("DELETE", "/projects/notes/secrets", "POST"),
        ("PUT", "/", "GET, HEAD"),
        ("HEAD", "/v1/runs/r-notes000000/events", "GET"),
        ("HEAD", "/v1/runs/r-notes000000/cancel", "POST"),
    ],
)
async def test_method_that_a_path_has_not_is_told_those_that_it_has(api: Api, method: str, path: str, allowed: str) -> None:
    answered = await api.ask(method, path)
    assert (answered.status_code, answered.headers["Allow"]) == (405, allowed)
