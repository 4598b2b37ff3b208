"""What can be read through the API: the same facts as at the command line, each only by who has it."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event

from domain.audit import AuditLine
from domain.releases import ReleaseState
from domain.runs import RunState
from domain.usage import TokenUsage
from tests.deployments.api_bench import ANN, BOB, NOON, OPERATOR, READ, Api, api_in
from tests.deployments.conftest import released


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    async with api_in(tmp_path) as bench:
        yield bench


async def pages(api: Api, path: str, key: str) -> list[list[str]]:
    """Walk a list to its end, two at a time; return what names each thing."""
    found, cursor = [], ""
    while cursor is not None:
        answered = (
            await api.get(f"{path}{'&' if '?' in path else '?'}limit=2" + (f"&cursor={cursor}" if cursor else ""), key)
        ).json()
        found.append([str(each.get("run") or each.get("project")) for each in answered["items"]])
        cursor = answered["next"]
    return found


async def test_projects_are_their_owners_and_all_of_them_the_operators(api: Api) -> None:
    for days, (slug, owner) in enumerate([("notes", ANN), ("shop", BOB), ("chat", ANN), ("timer", ANN)]):
        await api.project(slug, owner, days=days)
    assert await pages(api, "/v1/projects", await api.key(ANN)) == [["timer", "chat"], ["notes"]]
    assert await pages(api, "/v1/projects", await api.key(BOB)) == [["shop"]]
    assert await pages(api, "/v1/projects", await api.key("local:eve")) == [[]]
    assert await pages(api, "/v1/projects", await api.key(BOB, READ, OPERATOR)) == [["timer", "chat"], ["shop", "notes"]]


async def test_list_says_how_each_project_stands_in_as_many_questions_for_many_as_for_one(api: Api) -> None:
    first, asked = await api.project("notes", days=1), list[str]()
    event.listen(api.registry.engine().sync_engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
    [line] = (await api.get("/v1/projects")).json()["items"]
    assert (line["state"], line["address"], line["waiting"]) == ("not online", "", [])
    assert (line["last_run"], line["cost_usd"]) == (f"{first} queued", 0)
    asked.clear()
    await api.get("/v1/projects")
    for_one = len(asked)
    await released(api.desk, "notes", 2)
    newest = await api.run("notes")
    await api.registry.update_run(newest, state=RunState.WAITING, message="it asks something")
    for number, money in enumerate((120_000, 30_000)):
        await api.registry.reserve(f"call-{number}", "notes", newest, "developer", "m", money)
        await api.registry.settle(f"call-{number}", TokenUsage(input=1, output=1), money)
    other = await api.project("shop")
    asked.clear()
    notes, shop = (await api.get("/v1/projects")).json()["items"]
    assert len(asked) == for_one
    assert (notes["state"], notes["address"].startswith("http://notes.localhost")) == ("release 2", True)
    assert (notes["waiting"], notes["last_run"]) == (["it asks something"], f"{newest} waiting")
    assert (notes["cost_usd"], shop["cost_usd"]) == (0.15, 0)
    assert (shop["state"], shop["last_run"]) == ("not online", f"{other} queued")


async def test_project_shows_what_belongs_to_it(api: Api) -> None:
    run = await api.project("notes")
    await released(api.desk, "notes", 2)
    await api.desk.vault.put("notes", "TOKEN", "hush-hush-hush")
    shown = (await api.get("/v1/projects/notes")).json()
    assert (shown["title"], shown["state"], shown["running"]) == ("notes", "release 2", False)
    assert shown["address"].startswith("http://notes.localhost")
    assert [(each["number"], each["state"]) for each in shown["releases"]] == [(2, "live"), (1, "kept")]
    assert (shown["domains"], shown["secrets"], shown["last_run"]) == (["notes.localhost"], ["TOKEN"], f"{run} queued")
    [secret] = (await api.get("/v1/projects/notes/secrets")).json()
    assert (secret["name"], secret["version"], secret["length"]) == ("TOKEN", 1, 14)
    for path in ("", "/secrets", "/releases", "/history", "/costs"):
        answered = await api.get(f"/v1/projects/notes{path}")
        assert answered.status_code == 200
        assert "hush" not in answered.text
        assert "127.0.0.1" not in answered.text  # where a copy listens is ours to know


async def test_runs_are_theirs_page_by_page_and_by_project(api: Api) -> None:
    runs = [await api.project("notes", ANN, days=9)]
    runs += [await api.run("notes", ANN, NOON - timedelta(days=days)) for days in (8, 7, 6)]
    other = await api.project("shop", BOB)
    key = await api.key()
    newest = list(reversed(runs))
    assert await pages(api, "/v1/runs", key) == [newest[:2], newest[2:]]
    assert await pages(api, "/v1/runs?project=shop", key) == [[]]
    assert await pages(api, "/v1/runs?project=shop", await api.key(ANN, READ, OPERATOR)) == [[other]]


async def test_run_of_somebody_elses_earlier_project_of_that_name_stays_unseen(api: Api) -> None:
    before = await api.project("notes", BOB, days=5)
    await api.registry.audit(AuditLine(project="notes", at=NOON - timedelta(days=5), actor=BOB, what="deployed"))
    await api.registry.remove_project("notes")
    now = await api.project("notes", ANN)
    await api.registry.audit(AuditLine(project="notes", at=NOON, actor=ANN, what="project made"))
    assert await pages(api, "/v1/runs", await api.key()) == [[now]]
    assert (await api.get(f"/v1/runs/{before}")).status_code == 404
    history = (await api.get("/v1/projects/notes/history")).json()
    assert [line["what"] for line in history["items"]] == ["project made"]
    assert (await api.get(f"/v1/runs/{before}", await api.key(BOB))).status_code == 200


async def test_run_shows_its_steps_its_question_and_its_cost(api: Api) -> None:
    run = await api.project("notes")
    await api.desk.go_on(run, "plan")
    await api.desk.go_on(run, "test", "report", "1 of 2 tests fails")
    await api.desk.ask(run)
    shown = (await api.get(f"/v1/runs/{run}")).json()
    assert (shown["state"], shown["step"], shown["reports"]) == ("waiting", "test", ["1 of 2 tests fails"])
    assert shown["question"]["diagnosis"]["choices"]
    assert (shown["cost_usd"], shown["calls"]) == (0.0, 0)
    assert shown["flow_run"] == ""  # Prefect's address is the machine's own
    lines = (await api.get(f"/v1/runs/{run}/progress")).json()
    assert [line["text"] for line in lines][:2] == ["plan begins", "1 of 2 tests fails"]
    after = (await api.get(f"/v1/runs/{run}/progress?after=1")).json()
    assert [line["sequence"] for line in after] == [line["sequence"] for line in lines][1:]
    [asked] = (await api.get("/v1/escalations")).json()
    assert asked["run"] == run
    assert [each["number"] for each in (await api.get(f"/v1/runs/{run}/escalations")).json()] == [1]
    assert (await api.get("/v1/escalations", await api.key(BOB))).json() == []


async def test_release_is_found_by_its_number(api: Api) -> None:
    await api.project("notes")
    await released(api.desk, "notes", 3)
    first = (await api.get("/v1/projects/notes/releases?limit=2")).json()
    assert [each["number"] for each in first["items"]] == [1, 2]
    rest = (await api.get(f"/v1/projects/notes/releases?limit=2&cursor={first['next']}")).json()
    assert ([each["number"] for each in rest["items"]], rest["next"]) == ([3], None)
    assert (await api.get("/v1/projects/notes/releases/3")).json()["state"] == ReleaseState.LIVE
    assert (await api.get("/v1/projects/notes/releases/4")).status_code == 404


async def test_who_has_seen_an_object_is_not_sent_it_again_until_it_changes(api: Api) -> None:
    run = await api.project("notes")
    path = f"/v1/runs/{run}"
    tag = (await api.get(path)).headers["ETag"]
    for known in (tag, f'"x", W/{tag}', "*"):
        seen = await api.get(path, headers={"If-None-Match": known})
        assert (seen.status_code, seen.content, seen.headers["ETag"]) == (304, b"", tag)
    await api.desk.go_on(run, "plan")
    changed = await api.get(path, headers={"If-None-Match": tag})
    assert (changed.status_code, changed.headers["ETag"] != tag) == (200, True)
    assert changed.headers["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize("cursor", ["x", "e30", "eyJwYXNzZWQiOi0xfQ", "%00", "ключ", "A" * 401])
async def test_cursor_that_is_none_of_ours_is_refused(api: Api, cursor: str) -> None:
    for path in ("/v1/projects", "/v1/runs"):
        assert (await api.get(f"{path}?cursor={cursor}")).status_code == 422


async def test_proof_that_is_not_there_is_not_found(api: Api) -> None:
    await api.project("notes")
    assert (await api.get("/v1/projects/notes/proof")).status_code == 404
