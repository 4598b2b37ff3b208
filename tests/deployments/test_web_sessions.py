"""Signing in to the page, and what a browser's session opens: by link, key and Telegram's word, until it ends."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from domain.admission import Rules, Standing
from domain.errors import ServiceUnreachable
from domain.keys import id_in
from domain.limits import GUESSES, WINDOW
from domain.telegram_identity import AGE, Word
from domain.visits import LASTS, LINK_LASTS
from tasks.visits import PERSONAL, make_link
from tests.deployments.api_bench import ANN, BOB, NOON, OPERATOR, PEPPER, READ, WRITE, Api, api_in
from tests.deployments.web_bench import browser, init_data, signed_in, token_in

SOMEBODY = "telegram:1001"


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    async with api_in(tmp_path) as bench:
        yield bench


async def owner_of(visitor: httpx.AsyncClient) -> str:
    answered = await visitor.get("/v1/me")
    return str(answered.json()["owner"]) if answered.status_code == 200 else str(answered.status_code)


def kept_of(api: Api) -> bytes:
    """Return all that the registry holds."""
    return Path(str(api.registry.engine().url.database)).read_bytes()


async def test_link_signs_its_person_in_once_and_looking_at_it_uses_nothing_up(api: Api) -> None:
    code = await make_link(ANN, PERSONAL, PEPPER, api.registry, api.now)
    visitor, other = browser(api), browser(api)
    for _ in range(2):
        looked = await visitor.get(f"/login?code={code}")
        assert f"You sign in as {ANN}." in looked.text
        assert not visitor.cookies
    answered = await visitor.post("/login/link", data={"code": code})
    [framed, cookie] = answered.headers.get_list("set-cookie")
    assert framed == "__Host-slipway=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=None; Partitioned"
    assert cookie.startswith("__Host-slipway=")
    assert {part.strip().lower() for part in cookie.split(";")[1:]} == {
        "httponly", "secure", "samesite=lax", "path=/", f"max-age={int(LASTS.total_seconds())}",
    }  # fmt: skip
    assert await owner_of(visitor) == ANN
    assert (await other.post("/login/link", data={"code": code})).status_code == 403
    assert "This link was used" in (await other.get(f"/login?code={code}")).text
    assert await owner_of(other) == "401"


async def test_link_counts_for_minutes_and_wrong_ones_never(api: Api) -> None:
    code = await make_link(ANN, PERSONAL, PEPPER, api.registry, api.now)
    for wrong in ("", "x", code[:-1], code + "x", "\x00", "ключ"):
        assert (await browser(api).post("/login/link", data={"code": wrong})).status_code == 403, wrong
    api.now += LINK_LASTS
    assert (await browser(api).post("/login/link", data={"code": code})).status_code == 403


async def test_registry_holds_nothing_that_opens(api: Api) -> None:
    code = await make_link(ANN, PERSONAL, PEPPER, api.registry, api.now)
    visitor = browser(api)
    await visitor.post("/login/link", data={"code": code})
    token = next(iter(visitor.cookies.values()))
    stored = kept_of(api)
    assert code.encode() not in stored
    assert token.encode() not in stored
    [visit] = await api.registry.visits(ANN)
    thief = browser(api)
    thief.cookies.set("__Host-slipway", visit.digest[:43])
    assert await owner_of(thief) == "401"


async def test_session_ends_by_time_by_signing_out_and_everywhere(api: Api) -> None:
    first, second, third, other = [await signed_in(api, owner) for owner in (ANN, ANN, ANN, BOB)]
    assert (await first.post("/logout", data={"form": await token_in(first)})).headers["Location"] == "/login"
    assert [await owner_of(each) for each in (first, second)] == ["401", ANN]
    link = await make_link(ANN, PERSONAL, PEPPER, api.registry, api.now)
    await second.post("/logout/everywhere", data={"form": await token_in(second)})
    assert [await owner_of(each) for each in (second, third, other)] == ["401", "401", BOB]
    assert (await browser(api).post("/login/link", data={"code": link})).status_code == 403
    api.now += LASTS
    assert await owner_of(other) == "401"


async def test_key_that_is_typed_in_opens_what_it_opens_until_it_is_revoked(api: Api) -> None:
    key = await api.key(ANN, READ)
    visitor = browser(api)
    assert (await visitor.post("/login/key", data={"key": f" {key}\n"})).status_code == 303
    assert (await visitor.get("/v1/me")).json()["scopes"] == ["read"]
    await api.project("notes")
    assert (await visitor.post("/v1/projects/notes/rollback", json={})).status_code == 403
    await api.registry.revoke_key(id_in(key) or "", api.now)
    assert await owner_of(visitor) == "401"
    assert (await visitor.post("/login/key", data={"key": key})).status_code == 403


async def test_session_lasts_no_longer_than_its_key_and_its_reader_can_sign_out(api: Api) -> None:
    key = await api.key(ANN, READ, days=0.5)
    visitor = browser(api)
    await visitor.post("/login/key", data={"key": key})
    api.now += timedelta(hours=11)
    assert await owner_of(visitor) == ANN
    assert (await visitor.post("/logout", data={"form": await token_in(visitor)})).status_code == 303
    again = browser(api)
    await again.post("/login/key", data={"key": key})
    api.now += timedelta(hours=1)
    assert await owner_of(again) == "401"


@pytest.mark.parametrize("word", Word)
async def test_telegram_names_a_person_once(api: Api, word: Word) -> None:
    field = "init" if word is Word.MINI_APP else "widget"
    said = init_data(api, 1001, word)
    visitor, thief = browser(api), browser(api)
    answered = await visitor.post("/login/telegram", data={field: said})
    assert answered.status_code == 303
    assert await owner_of(visitor) == SOMEBODY
    assert (await visitor.get("/v1/me")).json()["scopes"] == ["read", "write"]
    assert ("Partitioned" in answered.headers.get_list("set-cookie")[-1]) is (word is Word.MINI_APP)
    replayed = await thief.post("/login/telegram", data={field: said})
    assert (replayed.status_code, await owner_of(thief)) == (403, "401")
    assert "was used already" in replayed.text
    other = "widget" if field == "init" else "init"
    assert (await thief.post("/login/telegram", data={other: init_data(api, 1001, word, 1)})).status_code == 403
    old = init_data(api, 1001, word, int(AGE.total_seconds()) + 1)
    assert (await thief.post("/login/telegram", data={field: old})).status_code == 403
    assert (await thief.post("/login/telegram", data={field: said.replace("1001", "1002")})).status_code == 403


async def test_mini_app_shows_its_init_data_with_each_request_for_minutes(api: Api) -> None:
    async def ask(said: str, method: str = "GET", path: str = "/v1/me", scheme: str = "tma") -> httpx.Response:
        return await api.client.request(method, path, headers={"Authorization": f"{scheme} {said}".encode()})

    said = init_data(api, 1001)
    first, second = await asyncio.gather(ask(said), ask(said, scheme="TMA"))
    assert first.json() == second.json()
    assert (first.json()["owner"], first.json()["scopes"]) == (SOMEBODY, ["read", "write"])
    assert said.encode() not in kept_of(api)
    for wrong in (
        init_data(api, 1001, Word.WIDGET), f"{said}&user=%7B%7D", said.upper(), said[:-1], "query_id=1", "", "ключ"
    ):  # fmt: skip
        assert (await ask(wrong)).status_code == 401, wrong
    assert (await ask(said, scheme="Bearer")).status_code == 401
    assert (await browser(api).post("/login/telegram", data={"init": said})).status_code == 403  # one word, one session
    signed = init_data(api, 1001, seconds=1)
    visitor = browser(api)
    await visitor.post("/login/telegram", data={"init": signed})
    assert (await ask(signed)).status_code == 401
    await visitor.post("/logout/everywhere", data={"form": await token_in(visitor)})
    assert (await ask(said)).status_code == 401
    api.now += AGE
    late = init_data(api, 1002, seconds=int(AGE.total_seconds()))
    assert (await ask(late)).status_code == 200
    api.now += timedelta(seconds=1)
    assert (await ask(late)).status_code == 401
    await api.registry.decide_standing(SOMEBODY, Standing.BLOCKED, "op", datetime.now(UTC))
    assert (await ask(init_data(api, 1001))).status_code == 401


async def test_only_who_is_let_in_comes_in_and_who_is_blocked_goes_at_once(tmp_path: Path) -> None:
    async with api_in(tmp_path, rules=Rules(access="list", named=frozenset({1001}))) as api:
        stranger, named = browser(api), browser(api)
        refused = await stranger.post("/login/telegram", data={"init": init_data(api, 1002)})
        assert (refused.status_code, await owner_of(stranger)) == (403, "401")
        assert "does not let you in" in refused.text
        await named.post("/login/telegram", data={"init": init_data(api, 1001)})
        assert await owner_of(named) == SOMEBODY
        await api.registry.decide_standing(SOMEBODY, Standing.BLOCKED, "op", datetime.now(UTC))
        assert await owner_of(named) == "401"
        assert (await named.post("/login/telegram", data={"init": init_data(api, 1001, seconds=1)})).status_code == 403
        key = await api.key(SOMEBODY, READ)
        assert (await browser(api).post("/login/key", data={"key": key})).status_code == 403
        link = await make_link(SOMEBODY, PERSONAL, PEPPER, api.registry, api.now)
        late = browser(api)
        await late.post("/login/link", data={"code": link})
        assert await owner_of(late) == "401"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 201),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "https://page.example.org"}, 403),
        ({"Origin": "https://page.example.org"}, 201),
        ({"Origin": "http://page.example.org"}, 403),
        ({"Origin": "https://page.example.org.evil"}, 403),
        ({"Origin": "null"}, 403),
        ({}, 403),
    ],
)
async def test_session_changes_something_only_by_our_own_page(api: Api, sent: dict[str, str], status: int) -> None:
    await api.project("notes")
    visitor = await signed_in(api)
    del visitor.headers["Sec-Fetch-Site"]
    answered = await visitor.post("/v1/projects/notes/domains", json={"host": "a.example.org"}, headers=sent)
    assert answered.status_code == status, answered.text


async def test_form_of_another_session_or_site_or_kind_does_nothing(api: Api) -> None:
    first, second = await signed_in(api), await signed_in(api)
    mine = await token_in(first)
    assert mine != await token_in(second)
    for data in ({"more": ""}, {"form": ""}, {"form": "ы"}, {"form": await token_in(second)}):
        assert (await first.post("/logout", data=data)).status_code == 403, data
    evil = {"Sec-Fetch-Site": "cross-site"}
    assert (await first.post("/logout", data={"form": mine}, headers=evil)).status_code == 403
    assert (await first.post("/logout", json={"form": mine})).status_code == 415
    twice = f"form={mine}&form={mine}"
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await first.post("/logout", content=twice, headers=kind)).status_code == 422
    assert (await first.post("/logout", content=b"form=%ff", headers=kind)).status_code == 422
    assert (await first.post("/logout", content="&".join(f"a{n}=1" for n in range(99)), headers=kind)).status_code == 422
    assert await owner_of(first) == ANN


async def test_signing_in_from_another_site_or_in_the_clear_is_refused(api: Api) -> None:
    code = await make_link(ANN, PERSONAL, PEPPER, api.registry, api.now)
    forced = browser(api)
    evil = {"Sec-Fetch-Site": "cross-site"}
    assert (await forced.post("/login/link", data={"code": code}, headers=evil)).status_code == 403
    clear = await browser(api, "http://page.example.org").post("/login/link", data={"code": code})
    assert (clear.status_code, "without TLS" in clear.text, clear.headers.get("set-cookie")) == (403, True, None)
    near = browser(api, "http://127.0.0.1:8090")
    answered = await near.post("/login/link", data={"code": code})
    assert answered.headers["set-cookie"].startswith("slipway-page=")
    assert "Secure" not in answered.headers["set-cookie"]
    assert await owner_of(near) == ANN


async def test_token_that_was_planted_is_not_taken_over(api: Api) -> None:
    visitor = browser(api)
    visitor.cookies.set("__Host-slipway", "a" * 43)
    code = await make_link(ANN, PERSONAL, PEPPER, api.registry, api.now)
    await visitor.post("/login/link", data={"code": code})
    shown = [cookie.value for cookie in visitor.cookies.jar if cookie.value != "a" * 43]
    assert len(shown) == 1
    thief = browser(api)
    thief.cookies.set("__Host-slipway", "a" * 43)
    assert await owner_of(thief) == "401"


async def test_signing_in_again_ends_the_session_before(api: Api) -> None:
    visitor = await signed_in(api)
    before = next(iter(visitor.cookies.values()))
    code = await make_link(BOB, PERSONAL, PEPPER, api.registry, api.now)
    await visitor.post("/login/link", data={"code": code})
    assert await owner_of(visitor) == BOB
    old = browser(api)
    old.cookies.set("__Host-slipway", before)
    assert await owner_of(old) == "401"


async def test_two_cookies_of_the_name_or_an_odd_one_are_none(api: Api) -> None:
    visitor = await signed_in(api)
    token = next(iter(visitor.cookies.values()))
    for line in (f"__Host-slipway={token}; __Host-slipway={token}", f"slipway-page={token}", "__Host-slipway=" + "я" * 43):
        answered = await browser(api).get("/v1/me", headers={"Cookie": line.encode()})
        assert answered.status_code == 401, line


async def test_wrong_sign_ins_are_counted_with_wrong_keys(api: Api) -> None:
    tried = [(await browser(api).post("/login/link", data={"code": str(each)})).status_code for each in range(GUESSES + 1)]
    assert tried == [403] * GUESSES + [429]
    assert (await api.get("/v1/me")).status_code == 429


async def test_browser_whose_session_is_over_keeps_no_new_key_out_and_has_the_limit_of_all(tmp_path: Path) -> None:
    async with api_in(tmp_path, rate=2 * GUESSES) as api:
        late, out = await signed_in(api), await signed_in(api)
        await out.post("/logout/everywhere", data={"form": await token_in(out)})
        api.counters.now += WINDOW
        await owner_of(late)  # not known from here yet
        assert [await owner_of(late) for _ in range(2 * GUESSES + 1)] == ["401"] * 2 * GUESSES + ["429"]
        assert (await api.get("/v1/me")).status_code == 200


async def test_browser_makes_no_key_that_would_outlast_it(api: Api) -> None:
    visitor = await signed_in(api)
    assert (await visitor.post("/v1/keys", json={"name": "mine"})).status_code == 403
    assert await api.registry.api_keys() == ()


async def test_browser_that_is_not_signed_in_is_led_to_where_it_can(api: Api) -> None:
    visitor = browser(api)
    for path in ("/", "/projects/notes", "/nothing"):
        answered = await visitor.get(path)
        assert (answered.status_code, answered.headers["Location"]) == (303, "/login"), path
    assert (await visitor.get("/v1/me")).status_code == 401


async def test_operator_by_link_sees_everybodys(api: Api) -> None:
    await api.project("notes", BOB)
    watching = await signed_in(api, "local:op", (READ, OPERATOR))
    assert (await watching.get("/v1/projects/notes")).status_code == 200
    assert (await (await signed_in(api)).get("/v1/projects/notes")).status_code == 404
    assert (await (await signed_in(api, BOB, (READ, WRITE))).get("/v1/projects/notes")).status_code == 200
    assert api.now == NOON


async def test_page_for_a_refusal_that_cannot_be_made_tells_nothing_of_the_inside(api: Api) -> None:
    visitor = await signed_in(api)

    async def gone(name: str) -> None:
        raise ServiceUnreachable("the registry", "reading", "/secret/path")

    api.registry.person = gone  # type: ignore[method-assign,assignment]
    answered = await visitor.get("/", headers={"Content-Length": "99999999"})
    assert answered.status_code == 503
    assert answered.json()["request"] == answered.headers["X-Request-Id"]
    assert "secret" not in answered.text
