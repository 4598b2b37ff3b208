"""What the page shows of a project's past: what was said, done and proved, what was printed, and how its databases are."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from blocks.installation import Installation
from domain.audit import SLIPWAY
from domain.releases import ReleaseState
from domain.resources import ResourceKind
from domain.runs import RunState
from domain.seen import Seen
from domain.workers import AppSpec
from tasks.audit import record
from tasks.proof import prove
from tests.deployments.api_bench import ANN, BOB, Api, api_in
from tests.deployments.conftest import released
from tests.deployments.web_bench import send, signed_in
from tests.tasks.conftest import request
from tests.tasks.test_proof import JUDGED

RUN = "r-notes000000"


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    async with api_in(tmp_path) as bench:
        await bench.project("notes")
        yield bench


@pytest.fixture
async def ann(api: Api) -> httpx.AsyncClient:
    return await signed_in(api)


def cursor_in(page: str) -> str:
    return page.partition('href="?cursor=')[2].partition('"')[0]


async def proved(api: Api, run: str) -> None:
    """Let the run have its proof, signed by this installation."""
    at = Installation(home=str(api.desk.home), engine="docker", model="m")
    await prove.fn(request(run=run), "c" * 40, JUDGED, Seen().flaky, at, api.registry)


async def test_talk_tells_what_was_agreed_asked_answered_and_said_and_lets_one_say_more(
    api: Api, ann: httpx.AsyncClient
) -> None:
    await api.desk.go_on(RUN, "develop")
    first = await send(ann, f"/runs/{RUN}/tell", remark="  use <b>Assam</b> ")
    again = await send(ann, f"/runs/{RUN}/tell", remark="  use <b>Assam</b> ")
    assert first.headers["Location"] == again.headers["Location"] == f"/runs/{RUN}?done=tell"
    [remark] = await api.registry.remarks(RUN)
    assert (remark.person, remark.text) == (ANN, "use <b>Assam</b>")
    await api.desk.ask(RUN)
    await send(ann, f"/runs/{RUN}/answer", once="3", choice="guidance", text="sort the list", number="1")
    for path in ("/projects/notes/talk", f"/runs/{RUN}"):
        shown = (await ann.get(path)).text
        said = [shown.index(words) for words in ("use &lt;b&gt;Assam", "the tests still fail", "sort the list")]
        assert said == sorted(said), path
        assert f'action="/runs/{RUN}/tell"' in shown
    assert "As a person I see it" in (await ann.get("/projects/notes/talk")).text
    await api.desk.end(RUN, RunState.FAILED, "three rounds did not make it pass")
    shown = (await ann.get("/projects/notes/talk")).text
    assert ("three rounds did not" in shown, "/tell" in shown) == (True, False)
    late = await send(ann, f"/runs/{RUN}/tell", once="2", remark="too late")
    assert (late.status_code, ">too late</textarea>" in late.text) == (409, False)
    for number in range(6):
        await api.run("notes", at=api.now + timedelta(hours=number))
    newest = (await ann.get("/projects/notes/talk")).text
    older = (await ann.get(f"/projects/notes/talk?cursor={cursor_in(newest)}")).text
    assert (newest.count("<article"), older.count("<article")) == (5, 2)


async def test_history_tells_the_newest_first_with_reasons_and_goes_on_to_its_beginning(
    api: Api, ann: httpx.AsyncClient
) -> None:
    assert "Nothing was done to it yet." in (await ann.get("/projects/notes/history")).text
    for number in range(1, 60):
        await record("notes", ANN, f"release {number} is live", api.registry)
    await record("notes", SLIPWAY, "rollback of release 59 to 58", api.registry, why="it went back, since / answers 500")
    shown = (await ann.get("/projects/notes/history")).text
    assert "Release 59 was taken back, release 58 is online again: / answered 500" in " ".join(shown.split())
    assert shown.index("Release 59 went online") < shown.index("Release 12 went online")
    assert "Release 1 went online" in (await ann.get(f"/projects/notes/history?cursor={cursor_in(shown)}")).text
    assert (await ann.get("/projects/notes/history?cursor=%00")).status_code == 422


async def test_proof_says_whether_it_is_genuine_and_can_be_taken_along(api: Api, ann: httpx.AsyncClient) -> None:
    assert "notes has no proof yet" in (await ann.get("/projects/notes/proof")).text
    await proved(api, RUN)
    shown = (await ann.get("/projects/notes/proof")).text
    assert "The signature holds." in shown
    file = await ann.get(f"/v1/projects/notes/proof?run={RUN}")
    assert (f'href="/v1/projects/notes/proof?run={RUN}"' in shown, file.json()["genuine"]) == (True, True)
    [signed] = await api.registry.proofs("notes")
    body = {**signed.body, "summary": "all was well"}
    await api.registry.add_proof("notes", "c" * 40, signed.model_copy(update={"body": body}))
    assert "THE SIGNATURE DOES NOT HOLD" in (await ann.get(f"/projects/notes/proof?run={RUN}")).text


async def test_releases_say_why_they_were_taken_back_and_lead_to_their_proof(api: Api, ann: httpx.AsyncClient) -> None:
    await released(api.desk, "notes", 2)
    fence = await api.registry.next_fence("notes")
    await api.registry.promote("notes", 1, "127.0.0.1:1", ReleaseState.ROLLED_BACK, "/ answers 500", api.now, fence=fence)
    shown = (await ann.get("/projects/notes")).text
    assert "/ answered 500" in shown
    assert 'href="/projects/notes/proof?run=r-note2"' in shown


async def test_databases_and_output_are_shown(api: Api, ann: httpx.AsyncClient) -> None:
    assert "Databases" not in (await ann.get("/projects/notes")).text
    await api.registry.add_resource("notes", ResourceKind.POSTGRES, "db.internal:5432", api.now)
    shown = (await ann.get("/projects/notes")).text
    assert [words in shown for words in ("Databases", "db.internal:5432", "not there")] == [True] * 3
    assert "Nothing is online that could print" in (await ann.get("/projects/notes/output")).text
    await released(api.desk, "notes", 1)
    await api.desk.engine.start(AppSpec(identity="notes-v1", project="notes", run=RUN, candidate="sha256:1"))
    api.desk.engine.app_logs["notes-v1"] = "\x1b[31mstarted</pre><script>"
    assert "started&lt;/pre&gt;&lt;script&gt;" in (await ann.get("/projects/notes/output")).text


async def test_past_of_somebody_else_is_not_there(api: Api) -> None:
    bob = await signed_in(api, BOB)
    for what in ("talk", "history", "proof", "output"):
        assert (await bob.get(f"/projects/notes/{what}")).status_code == 404
