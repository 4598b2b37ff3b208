"""What the API does besides projects and runs: remarks, the end of a project, keys, bots; and what a burst cannot pass."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deployments.api.wishes import FIELDS
from deployments.desk.membership import blocked
from domain.keys import KeyState, id_in
from domain.runs import RunState
from tests.deployments.api_bench import ANN, BOB, NOON, OPERATOR, READ, WRITE, Api, api_in
from tests.deployments.test_api_service import served
from tests.fakes.desk import a_brief

RUN = "r-notes000000"
TOKEN = "123456789:AAF_" + "x" * 31


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    async with api_in(tmp_path) as bench:
        await bench.project("notes")
        yield bench


async def test_run_is_told_something(api: Api) -> None:
    told = await api.ask("POST", f"/v1/runs/{RUN}/tell", json={"text": "for our team only"})
    assert (told.status_code, told.json()["message"]) == (200, f"{RUN} hears it at its agent's next step"), told.text
    assert [(each.person, each.text) for each in await api.registry.remarks(RUN)] == [(ANN, "for our team only")]
    await api.desk.end(RUN, RunState.FAILED)
    assert (await api.ask("POST", f"/v1/runs/{RUN}/tell", json={"text": "more"})).status_code == 409


async def test_project_is_taken_down_by_who_owns_it(api: Api) -> None:
    other = await api.key(BOB, READ, WRITE)
    assert (await api.ask("DELETE", "/v1/projects/notes", other)).status_code == 404
    assert (await api.ask("DELETE", "/v1/projects/notes")).status_code == 200
    assert api.desk.taken_down == [("notes", ANN)]


async def test_key_makes_keys_of_its_own_that_may_no_more(api: Api) -> None:
    mine = await api.key(ANN, READ, WRITE)
    made = await api.ask("POST", "/v1/keys", mine, json={"name": "ci", "scopes": ["read"], "days": 2})
    assert made.status_code == 201, made.text
    key, id = made.json()["key"], made.json()["id"]
    assert (await api.get("/v1/me", key)).json()["scopes"] == ["read"]
    assert key not in (await api.get("/v1/keys")).text
    assert (await api.ask("POST", "/v1/keys", mine, json={"name": "up", "scopes": ["operator"]})).status_code == 403
    assert (await api.ask("DELETE", f"/v1/keys/{id}", await api.key(BOB, READ, WRITE))).status_code == 404
    assert (await api.ask("DELETE", f"/v1/keys/{id}", mine)).json()["state"] == KeyState.REVOKED.value
    assert (await api.get("/v1/me", key)).status_code == 401
    assert {each["owner"] for each in (await api.get("/v1/keys")).json()} == {ANN}


async def test_key_that_is_revoked_takes_with_it_what_it_made_and_says_so(api: Api) -> None:
    mine, other, shown = await api.key(ANN, READ, WRITE), await api.key(ANN, WRITE), [""]
    for maker in (mine, *["made"] * 2):  # a key makes one, that one another
        made = (await api.ask("POST", "/v1/keys", shown[-1] if maker == "made" else maker, json={"name": "more"})).json()
        assert made["maker"] == id_in(shown[-1] or mine)
        shown.append(made["key"])
    gone = (await api.ask("DELETE", f"/v1/keys/{id_in(mine)}", other)).json()
    assert (gone["id"], [each["id"] for each in gone["made"]]) == (id_in(mine), [id_in(key) for key in shown[1:]])
    answered = [(await api.get("/v1/me", key)).status_code for key in (mine, *shown[1:], other)]
    assert answered == [401] * 4 + [200]


async def test_key_that_ends_makes_none_that_outlives_it(api: Api) -> None:
    api.now = datetime.now(UTC)
    mine = await api.key(ANN, READ, WRITE, days=1)
    for days in (None, 400):
        made = (await api.ask("POST", "/v1/keys", mine, json={"name": "child", "days": days})).json()
        assert datetime.fromisoformat(made["expires"]) <= api.now + timedelta(days=1, seconds=1)


async def test_bots_are_operators_and_their_tokens_are_not_shown(api: Api) -> None:
    operator = await api.key("local:op", OPERATOR, WRITE)
    api.desk.blocks.accounts.names[TOKEN] = "shop_bot"
    added = await api.ask("POST", "/v1/bots", operator, json={"token": TOKEN})
    assert (added.status_code, added.json()["username"]) == (201, "shop_bot"), added.text
    listed = await api.get("/v1/bots", operator)
    assert [each["username"] for each in listed.json()] == ["shop_bot"]
    assert TOKEN not in added.text + listed.text
    unknown = await api.ask("POST", "/v1/bots", operator, json={"token": TOKEN.replace("x", "y")})
    assert (unknown.status_code, unknown.json()["detail"]) == (422, "Telegram knows no bot by this token")
    assert (await api.ask("POST", "/v1/bots", json={"token": TOKEN})).status_code == 403
    gone = await api.ask("DELETE", "/v1/bots/shop_bot", operator)
    assert gone.json() == {"message": "@shop_bot is retired, and its token forgotten", "username": "shop_bot"}


async def test_fields_that_nobody_knows_are_refused_without_being_looked_at_one_by_one(api: Api) -> None:
    body = {f"f{number}": 1 for number in range(20_000)}
    answered = await api.ask("POST", "/v1/projects", json=body)
    assert (answered.status_code, len(answered.json()["errors"])) == (422, 1)
    assert f"at most {FIELDS} fields" in answered.text


async def test_project_that_is_anothers_by_the_time_the_brief_is_written_is_not_changed(api: Api) -> None:
    async def remade() -> None:
        await api.registry.remove_project("notes")
        await api.registry.add_project(a_brief("notes", "notes"), BOB, "notes.localhost", NOON)

    api.desk.meanwhile = remade
    before = len(await api.registry.runs())
    answered = await api.ask("POST", "/v1/projects/notes/changes", json={"text": "colours"})
    assert (answered.status_code, "was removed while" in answered.text) == (409, True)
    assert len(await api.registry.runs()) == before


async def test_offer_counts_as_it_was_made_for_its_person_and_its_project_alone(api: Api) -> None:
    offered = await api.ask("POST", "/v1/proposals", json={"text": "colours", "project": "notes"})
    offer, before = offered.json()["offer"], len(await api.registry.runs())
    other = f"{'A' if offer[40] != 'A' else 'B'}".join((offer[:40], offer[41:]))
    for key, shown in ((await api.key(BOB), offer), (await api.key(), other), (await api.key(), f"{offer[:-64]}{'0' * 64}")):
        answered = await api.ask("POST", "/v1/proposals/accept", key, json={"offer": shown})
        assert (answered.status_code, "no offer to you" in answered.text) == (422, True)
    await api.registry.remove_project("notes")
    await api.registry.add_project(a_brief("notes", "notes"), BOB, "notes.localhost", NOON)
    for days, status in ((7, 422), (6.9, None)):
        api.now = NOON + timedelta(days=days)
        answered = await api.ask("POST", "/v1/proposals/accept", json={"offer": offer})
        assert status in (None, answered.status_code)
    assert (answered.status_code, "was removed since" in answered.text) == (409, True)
    assert len(await api.registry.runs()) == before


async def test_streams_that_come_at_the_same_moment_are_all_counted(api: Api) -> None:
    headers = {"Authorization": f"Bearer {await api.key()}"}
    api.house.broadcasts.most = 10
    async with asyncio.timeout(120), served(api) as client, AsyncExitStack() as open_streams:

        async def follow() -> int:
            stream = client.stream("GET", f"/v1/runs/{RUN}/events", headers=headers)
            return (await open_streams.enter_async_context(stream)).status_code

        answered = await asyncio.gather(*(follow() for _ in range(10)))
        assert sorted(answered) == [200] * 5 + [503] * 5
        await api.desk.end(RUN, RunState.FAILED)
    assert api.house.broadcasts.streams == []


async def test_who_is_blocked_has_no_key_any_more(api: Api) -> None:
    theirs, others = await api.key("telegram:1001"), await api.key()
    said = await blocked("1001", "local:op", api.registry)
    assert "1 API keys of theirs open nothing any more" in said
    assert [(await api.get("/v1/me", key)).status_code for key in (theirs, others)] == [401, 200]
    assert id_in(theirs) in {key.id for key in await api.registry.api_keys() if key.revoked}
