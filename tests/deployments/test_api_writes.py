"""What can be changed through the API: by the same desk as at the command line, and once for one Idempotency-Key."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from domain.allowances import OwnLimits
from domain.errors import BudgetSpent, ModelKeyMissing, NoBrief, NothingToRollBackTo, ServiceUnreachable
from domain.runs import RunState
from tests.deployments.api_bench import ANN, BOB, WRITE, Api, api_in
from tests.deployments.conftest import released


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    async with api_in(tmp_path) as bench:
        yield bench


ONCE = {"Idempotency-Key": "order-1"}


async def test_project_begins_with_a_run_of_its_owners(api: Api) -> None:
    made = await api.ask("POST", "/v1/projects", json={"text": "notes", "name": "notes", "kind": "web-service"})
    assert made.status_code == 201
    run = made.json()["run"]
    assert made.headers["Location"] == f"/v1/runs/{run}"
    found, project = await api.registry.run(run), await api.registry.project("notes")
    assert found is not None
    assert project is not None
    assert (found.origin.channel, found.origin.person, project.owner) == ("api", ANN, ANN)
    assert (api.desk.proposed, api.desk.wishes) == (["notes"], [{"name": "notes", "kind": "web-service"}])


async def test_same_call_gets_the_same_answer_and_another_under_its_key_is_refused(api: Api) -> None:
    first = await api.ask("POST", "/v1/projects", json={"text": "notes"}, headers=ONCE)
    again = await api.ask("POST", "/v1/projects", json={"text": "notes"}, headers=ONCE)
    assert (again.status_code, again.json(), again.headers["Idempotency-Replayed"]) == (201, first.json(), "true")
    for path, body in (("/v1/projects", {"text": "others"}), ("/v1/projects/notes/changes", {"text": "notes"})):
        assert (await api.ask("POST", path, json=body, headers=ONCE)).status_code == 422
    assert api.desk.proposed == ["notes"]
    theirs = await api.ask("POST", "/v1/projects", await api.key(BOB), json={"text": "timer"}, headers=ONCE)
    assert (theirs.status_code, theirs.json()["project"]) == (201, "timer")


async def test_call_that_is_being_worked_on_is_not_done_beside_itself(api: Api) -> None:
    api.desk.free.clear()
    first = asyncio.create_task(api.ask("POST", "/v1/projects", json={"text": "notes"}, headers=ONCE))
    async with asyncio.timeout(60):
        while not api.desk.proposed:  # noqa: ASYNC110  (the desk has no event for it)
            await asyncio.sleep(0.01)
    beside = await api.ask("POST", "/v1/projects", json={"text": "notes"}, headers=ONCE)
    assert (beside.status_code, beside.headers["Retry-After"]) == (409, "2")
    api.desk.free.set()
    assert (await first).status_code == 201
    assert api.desk.proposed == ["notes"]


async def test_call_whose_process_was_killed_is_done_to_its_end_as_the_same_run(api: Api) -> None:
    first = await api.ask("POST", "/v1/projects", json={"text": "notes"}, headers=ONCE)
    async with api.registry.writing("test") as db:
        await db.exec_driver_sql("UPDATE api_requests SET status = NULL, answer = NULL")
    again = await api.ask("POST", "/v1/projects", json={"text": "notes"}, headers=ONCE)
    assert (again.status_code, again.json()["run"]) == (201, first.json()["run"])
    assert "Idempotency-Replayed" not in again.headers
    assert api.desk.proposed == ["notes"]
    assert len(await api.registry.runs()) == 1


async def test_key_that_was_forgotten_begins_something_new(api: Api) -> None:
    first = await api.ask("POST", "/v1/projects", json={"text": "notes"}, headers=ONCE)
    async with api.registry.writing("test") as db:
        await db.exec_driver_sql("UPDATE api_requests SET at = '2026-01-01 00:00:00.000000'")
    other = await api.ask("POST", "/v1/projects", json={"text": "timer"}, headers=ONCE)
    assert (other.status_code, other.json()["project"]) == (201, "timer")
    assert other.json()["run"] != first.json()["run"]


async def test_call_that_came_to_nothing_may_be_tried_again_under_its_key(api: Api) -> None:
    api.desk.errors.append(ServiceUnreachable("Prefect", "x"))
    assert (await api.ask("POST", "/v1/projects", json={"text": "notes"}, headers=ONCE)).status_code == 503
    assert (await api.ask("POST", "/v1/projects", json={"text": "notes"}, headers=ONCE)).status_code == 201


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ModelKeyMissing(), 503),
        (BudgetSpent("notes", 5.0, 5.0), 402),
        (NoBrief("x", "y"), 422),
        (RuntimeError("inside"), 500),
        (httpx.ConnectError("inside"), 503),
        (RuntimeError("Failed to reach API at inside"), 503),
    ],
)
async def test_what_cannot_be_begun_says_who_must_act(api: Api, error: Exception, status: int) -> None:
    api.desk.errors.append(error)
    answered = await api.ask("POST", "/v1/projects", json={"text": "notes"})
    assert answered.status_code == status
    assert "inside" not in answered.text
    assert await api.registry.projects() == ()


async def test_change_is_of_the_owners_project_and_may_be_a_preview(api: Api) -> None:
    await api.project("notes")
    made = await api.ask("POST", "/v1/projects/notes/changes", json={"text": "colours", "preview": True})
    assert (made.status_code, made.json()["project"]) == (201, "notes")
    assert api.desk.wishes == [{"preview": True, "scratch": False}]
    refused = await api.ask("POST", "/v1/projects/notes/changes", await api.key(BOB), json={"text": "mine"})
    assert (refused.status_code, api.desk.proposed) == (404, ["colours"])


async def test_run_is_stopped_by_its_owner_and_stays_so(api: Api) -> None:
    run = await api.project("notes")
    assert (await api.ask("POST", f"/v1/runs/{run}/cancel", await api.key(BOB))).status_code == 404
    for _ in range(2):
        stopped = (await api.ask("POST", f"/v1/runs/{run}/cancel")).json()
        assert (stopped["state"], stopped["message"]) == ("cancelled", f"stopped by {ANN}")


async def test_rollback_is_begun_once_for_one_key(api: Api) -> None:
    await api.project("notes")
    await released(api.desk, "notes", 2)
    for _ in range(2):
        begun = await api.ask("POST", "/v1/projects/notes/rollback", json={"version": 1, "data": "keep"}, headers=ONCE)
        assert begun.status_code == 202
    assert (api.desk.rolled_back, api.desk.went_to) == ([("notes", ANN)], [(1, "keep")])
    api.desk.errors.append(NothingToRollBackTo("notes"))
    refused = await api.ask("POST", "/v1/projects/notes/rollback", json={})
    assert (refused.status_code, "no earlier good release" in refused.json()["detail"]) == (409, True)


async def test_secret_goes_in_and_never_comes_out(api: Api, caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    await api.project("notes")
    value = "hush-hush-hush"
    put = await api.ask("PUT", "/v1/projects/notes/secrets/WORD", json={"value": value}, headers=ONCE)
    assert put.json() == {"message": "WORD of notes is stored"}
    [info] = await api.desk.vault.listed("notes")
    assert await api.desk.vault.get(info.reference) == value
    for method, path in (("GET", ""), ("GET", "/secrets"), ("GET", "/history"), ("PUT", "/secrets/WORD")):
        answered = await api.ask(method, f"/v1/projects/notes{path}", json={"value": {"wrong": value}})
        assert value not in answered.text
    assert value not in caplog.text
    for path in await asyncio.to_thread(lambda: list(tmp_path.glob("registry.db*"))):
        assert value.encode() not in await asyncio.to_thread(path.read_bytes)
    assert (await api.ask("PUT", "/v1/projects/notes/secrets/NONE", json={"value": " "})).status_code == 422


async def test_domain_comes_and_goes(api: Api) -> None:
    await api.project("notes")
    path = "/v1/projects/notes/domains"
    added = await api.ask("POST", path, json={"host": "Mine.Notes.LocalHost"}, headers=ONCE)
    led = {"message": "http://mine.notes.localhost:8080 leads to notes once that is online", "warning": ""}
    assert (added.status_code, added.json()) == (201, led)
    assert (await api.get(path)).json() == ["notes.localhost", "mine.notes.localhost"]
    assert (await api.ask("POST", path, json={"host": "no host"})).status_code == 409
    assert (await api.ask("DELETE", f"{path}/mine.notes.localhost", await api.key(BOB))).status_code == 404
    assert (await api.ask("DELETE", f"{path}/mine.notes.localhost")).json()["host"] == "mine.notes.localhost"
    assert (await api.ask("DELETE", f"{path}/notes.localhost")).status_code == 409
    assert (await api.get(path)).json() == ["notes.localhost"]


async def test_first_answer_counts_and_the_run_goes_on(api: Api) -> None:
    run = await api.project("notes")
    await api.registry.update_run(run, flow_run="flow-1")
    await api.desk.ask(run)
    path, reply = f"/v1/runs/{run}/answer", {"choice": "guidance", "text": "use a list"}
    assert (await api.ask("POST", path, await api.key(BOB), json=reply)).status_code == 404
    assert (await api.ask("POST", path, json={**reply, "choice": "burn"})).status_code == 409
    answered = (await api.ask("POST", path, json=reply)).json()
    assert (answered["answer"]["by"], answered["answer"]["door"]) == (ANN, "api")
    late = await api.ask("POST", path, json={"choice": "stop"})
    assert (late.status_code, "answered already" in late.json()["detail"]) == (409, True)


async def test_run_is_followed_from_where_its_caller_was_to_its_end(api: Api) -> None:
    run = await api.project("notes")
    for step in ("plan", "develop"):
        await api.desk.go_on(run, step)
    following = asyncio.create_task(api.get(f"/v1/runs/{run}/events", headers={"Last-Event-ID": "1"}))
    async with asyncio.timeout(60):
        while not api.house.broadcasts.streams:  # noqa: ASYNC110  (a list has no event)
            await asyncio.sleep(0.01)
    await api.desk.go_on(run, "test")
    await api.desk.end(run, RunState.DELIVERED, "it is online")
    followed = await following
    assert followed.headers["Content-Type"].startswith("text/event-stream")
    events = [
        dict(line.split(": ", 1) for line in each.splitlines())
        for each in followed.text.strip().split("\n\n")
        if each[0] != ":"
    ]
    assert [(each["id"], each["event"]) for each in events[:2]] == [("2", "step"), ("3", "step")]
    assert events[-1]["event"] == "ended"
    assert json.loads(events[-1]["data"])["state"] == "delivered"
    assert not api.house.broadcasts.streams
    assert (await api.get(f"/v1/runs/{run}/events", headers={"Last-Event-ID": "9"})).status_code == 204
    assert (await api.get(f"/v1/runs/{run}/events", await api.key(BOB))).status_code == 404


async def test_one_owner_cannot_have_all_streams_and_there_are_not_more_than_can_be_served(api: Api) -> None:
    run, bobs = await api.project("notes"), await api.project("shop", BOB)
    for each in (run, bobs):
        await api.desk.end(each, RunState.FAILED)  # so that a stream of it ends
    broadcasts = api.house.broadcasts
    broadcasts.streams.extend([ANN] * (broadcasts.most // 2))
    refused = await api.get(f"/v1/runs/{run}/events", await api.key(ANN, WRITE))
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "10")
    theirs = await api.get(f"/v1/runs/{bobs}/events", await api.key(BOB))
    assert (theirs.status_code, set(broadcasts.streams)) == (200, {ANN})
    broadcasts.streams.extend(f"local:{number}" for number in range(broadcasts.most // 2))
    assert (await api.get(f"/v1/runs/{bobs}/events", await api.key(BOB))).status_code == 503


@pytest.mark.parametrize("key", ["", "a b", "x" * 201, "ключ"])
async def test_idempotency_key_that_is_none_is_refused(api: Api, key: str) -> None:
    answered = await api.ask("POST", "/v1/projects", json={"text": "notes"}, headers={"Idempotency-Key": key.encode()})
    assert (answered.status_code, api.desk.proposed) == (422, [])


async def test_limits_of_a_person_hold_at_this_door_too(api: Api) -> None:
    await api.registry.limit_member(ANN, OwnLimits(runs=1))
    for key in (await api.key(), await api.key(ANN, WRITE)):
        await api.ask("POST", "/v1/projects", key, json={"text": "notes"})
    assert api.desk.proposed == ["notes"]  # of what may not begin, no model is asked
    refused = await api.ask("POST", "/v1/projects/notes/changes", json={"text": "colours"})
    assert (refused.status_code, "may have no more" in refused.json()["detail"]) == (429, True)
    assert (await api.ask("POST", "/v1/projects", await api.key(BOB), json={"text": "timer"})).status_code == 201
