"""Forms of the page: they do what the API does, once; what cannot be used says why and keeps what was typed."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from deployments.api.gate import BODY_LIMIT
from domain.errors import ServiceUnreachable
from domain.escalations import TEXT_LIMIT
from domain.names import REQUEST_LIMIT
from tests.deployments.api_bench import ANN, OPERATOR, READ, WRITE, Api, api_in
from tests.deployments.conftest import released
from tests.deployments.web_bench import previewed, send, signed_in, token_in

RUN = "r-notes000000"
NASTY = '"><script>alert(1)</script>'


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    async with api_in(tmp_path) as bench:
        await bench.project("notes")
        await released(bench.desk, "notes", 3)
        yield bench


@pytest.fixture
async def ann(api: Api) -> httpx.AsyncClient:
    return await signed_in(api)


async def test_request_that_is_sent_twice_is_one_run(api: Api, ann: httpx.AsyncClient) -> None:
    first, second = [await send(ann, "/projects", text="A list of teas", name="teas") for _ in range(2)]
    assert first.status_code == 303
    assert first.headers["Location"] == second.headers["Location"]
    assert len(api.desk.proposed) == 1
    other = await send(ann, "/projects", once="2", text="A list of cups")
    assert other.headers["Location"] not in (first.headers["Location"], "")
    assert [each.owner for each in await api.registry.projects()] == [ANN] * 3


async def test_change_says_whether_it_is_to_be_seen_first(api: Api, ann: httpx.AsyncClient) -> None:
    await send(ann, "/projects/notes/changes", text="colours", preview="on")
    await send(ann, "/projects/notes/changes", once="2", text="letters")
    assert [wish["preview"] for wish in api.desk.wishes] == [True, None]


async def test_rollback_is_confirmed_first_and_sent_twice_goes_back_once(api: Api, ann: httpx.AsyncClient) -> None:
    asked = await ann.get("/projects/notes/rollback?to=2")
    assert "Now release 3 is online. Release 2 comes back" in asked.text
    assert api.desk.rolled_back == []
    for _ in range(2):
        answered = await send(ann, "/projects/notes/rollback", version="2", data="keep")
        assert answered.headers["Location"] == "/projects/notes?done=rollback"
    assert (api.desk.rolled_back, api.desk.went_to) == ([("notes", ANN)], [(2, "keep")])
    for to in ("9", "3"):
        assert "nothing that this could go back to" in (await ann.get(f"/projects/notes/rollback?to={to}")).text
    for to in ("0", "-1", "x", "1e3", "9" * 40, "٣"):
        assert (await ann.get(f"/projects/notes/rollback?to={to}")).status_code == 422, to
        assert (await send(ann, "/projects/notes/rollback", once=to and "3", version=to)).status_code == 422, to
    assert len(api.desk.rolled_back) == 1


async def test_secret_is_stored_and_in_no_answer(api: Api, ann: httpx.AsyncClient) -> None:
    value = "hush-hush-hush\r\nsecond line"
    answered = await send(ann, "/projects/notes/secrets", name="WORD", value=value)
    assert answered.headers["Location"] == "/projects/notes?done=secret#secrets"
    assert api.desk.vault.held("notes") == {"WORD": "hush-hush-hush\nsecond line"}
    for name, given in (
        ("no name", value),
        ("", value),
        ("TG_TOKEN", "hush-is-no-token"),
        ("WORD", "  "),
        ("WORD", ""),
    ):
        refused = await send(ann, "/projects/notes/secrets", name=name, value=given)
        assert refused.status_code in (409, 422), name
        assert "hush" not in refused.text
    assert api.desk.vault.held("notes") == {"WORD": "hush-hush-hush\nsecond line"}
    shown = (await ann.get("/projects/notes")).text
    assert ("WORD" in shown, "hush" in shown) == (True, False)


async def test_secret_is_deleted_but_not_while_something_runs_with_it(api: Api, ann: httpx.AsyncClient) -> None:
    for name in ("WORD", "NEEDED"):
        await send(ann, "/projects/notes/secrets", name=name, value="hush-hush-hush")
    [needed] = [info.reference for info in await api.desk.vault.listed("notes") if info.key == "NEEDED"]
    await api.registry.add_environment("notes", {"NEEDED": needed}, {})
    gone = await send(ann, "/projects/notes/secrets/delete", name="WORD")
    assert gone.headers["Location"] == "/projects/notes?done=secret_gone#secrets"
    refused = await send(ann, "/projects/notes/secrets/delete", name="NEEDED")
    assert (refused.status_code, "is live with it" in refused.text) == (409, True)
    assert (await send(ann, "/projects/notes/secrets/delete", name="WORD")).status_code == 409
    assert list(api.desk.vault.held("notes")) == ["NEEDED"]


async def test_preview_goes_online_or_away_once(api: Api, ann: httpx.AsyncClient) -> None:
    for run in (RUN, await api.run("notes")):
        await previewed(api, "notes", run)
    shown = (await ann.get("/projects/notes")).text
    assert [f'name="preview" value="{number}"' in shown for number in (1, 2, 3)] == [True, True, False]
    first, second = [await send(ann, "/projects/notes/previews/confirm", preview="1") for _ in range(2)]
    assert first.headers["Location"] == second.headers["Location"]
    assert first.headers["Location"].startswith("/runs/r-")
    assert api.desk.confirmed == [("notes", 1)]
    dropped = await send(ann, "/projects/notes/previews/drop", preview="2")
    assert dropped.headers["Location"] == "/projects/notes?done=preview_gone#previews"
    assert [each.state.value for each in await api.registry.previews("notes")] == ["removed", "up"]
    for number, status in (("2", 409), ("9", 409), ("", 422), ("x", 422)):
        answered = await send(ann, "/projects/notes/previews/confirm", once=f"n{number}", preview=number)
        assert answered.status_code == status, number


async def test_run_is_stopped(api: Api, ann: httpx.AsyncClient) -> None:
    assert 'action="/runs/r-notes000000/cancel"' in (await ann.get(f"/runs/{RUN}")).text
    assert (await send(ann, f"/runs/{RUN}/cancel")).headers["Location"] == f"/runs/{RUN}?done=cancel"
    shown = (await ann.get(f"/runs/{RUN}")).text
    assert ("/cancel" in shown, 'href="/projects/notes#change"' in shown) == (False, True)


async def test_domain_comes_and_goes_and_a_wrong_one_is_kept_in_its_field(api: Api, ann: httpx.AsyncClient) -> None:
    await send(ann, "/projects/notes/domains", host=" Notes.example.org ")
    shown = (await ann.get("/projects/notes")).text
    assert "notes.example.org" in shown
    assert "It does not run at the moment." in shown
    refused = await send(ann, "/projects/notes/domains", once="2", host=NASTY)
    assert refused.status_code == 409
    assert "&#34;&gt;&lt;script&gt;" in refused.text
    assert NASTY not in refused.text
    await send(ann, "/projects/notes/domains/remove", host="notes.example.org")
    assert "notes.example.org" not in (await ann.get("/projects/notes")).text
    assert (await send(ann, "/projects/notes/domains/remove", host="ghost.example.org")).status_code == 409


async def test_answer_counts_once_and_words_that_cannot_be_used_are_kept(api: Api, ann: httpx.AsyncClient) -> None:
    await api.desk.ask(RUN)
    path = f"/runs/{RUN}/answer"
    empty = await send(ann, path, choice="guidance", text="", number="1")
    assert (empty.status_code, 'role="alert"' in empty.text) == (409, True)
    long = await send(ann, path, once="2", choice="guidance", text="ы" * (TEXT_LIMIT + 1), number="1")
    assert (long.status_code, "ы" * 100 in long.text) == (409, True)
    odd = await send(ann, path, once="3", choice=NASTY, text="mine", number="1")
    assert (odd.status_code, ">mine</textarea>" in odd.text, NASTY in odd.text) == (409, True, False)
    counts = await send(ann, path, once="4", choice="guidance", text="use a list", number="1")
    assert counts.headers["Location"] == f"/runs/{RUN}?done=answer"
    late = await send(ann, path, once="5", choice="stop", text="", number="1")
    assert late.status_code == 409
    [question] = await api.registry.escalations(RUN)
    assert question.answer is not None
    assert question.answer.text == "use a list"


async def test_money_is_offered_to_whom_it_is_to_give(api: Api) -> None:
    await api.project("shop", "telegram:1001")
    run = "r-shop000000"
    await api.desk.ask(run, "budget")
    owner, operator = await signed_in(api, "telegram:1001"), await signed_in(api, "local:op", (READ, WRITE, OPERATOR))
    assert 'value="more_budget"' not in (await owner.get(f"/runs/{run}")).text
    refused = await send(owner, f"/runs/{run}/answer", choice="more_budget", text="5", number="1")
    direct = await owner.post(f"/v1/runs/{run}/answer", json={"choice": "more_budget", "text": "5"})
    assert (refused.status_code, direct.status_code) == (403, 403)
    assert 'value="more_budget"' in (await operator.get(f"/runs/{run}")).text
    given = await send(operator, f"/runs/{run}/answer", choice="more_budget", text="5", number="1")
    assert given.status_code == 303


@pytest.mark.parametrize("text", ["", " ", "\x00 nul", "a" * (REQUEST_LIMIT + 1)])
async def test_request_that_cannot_be_used_is_shown_again_with_its_words(api: Api, ann: httpx.AsyncClient, text: str) -> None:
    for path in ("/projects", "/projects/notes/changes"):
        refused = await send(ann, path, text=text)
        assert refused.status_code in (409, 422), path
        assert 'role="alert"' in refused.text
        assert f">{text[:100]}" in refused.text
    assert api.desk.proposed == []


async def test_service_that_does_not_answer_is_one_sentence(api: Api, ann: httpx.AsyncClient) -> None:
    api.desk.errors.append(ServiceUnreachable("Anthropic", "asking", "/secret/path"))
    failed = await send(ann, "/projects", text="A list of teas")
    assert failed.status_code == 503
    assert "does not answer" in failed.text
    assert "secret" not in failed.text


async def test_huge_form_is_refused(api: Api, ann: httpx.AsyncClient) -> None:
    form = await token_in(ann)
    assert (await ann.post("/projects", data={"form": form, "text": "x" * BODY_LIMIT})).status_code == 413


async def test_what_an_address_says_is_not_shown(api: Api, ann: httpx.AsyncClient) -> None:
    for path in (f"/?done={NASTY}", f"/projects/notes?done={NASTY}", f"/login?code={NASTY}", f"/login?hash={NASTY}"):
        shown = await ann.get(path)
        assert (shown.status_code, NASTY in shown.text) == (200, False), path
    assert (await ann.get("/?cursor=%00")).status_code == 422


async def test_what_is_not_there_is_a_page_for_people_and_a_problem_for_programs(api: Api, ann: httpx.AsyncClient) -> None:
    for path in ("/projects/ghost", "/runs/r-ghost00000", "/nothing", "/projects/%00"):
        shown = await ann.get(path)
        assert shown.status_code in (404, 422), path
        assert shown.headers["Content-Type"].startswith("text/html")
    assert (await ann.get("/v1/projects/ghost")).headers["Content-Type"] == "application/problem+json"
    answered = await ann.get("/nothing", headers={"Accept": "application/json"})
    assert answered.headers["Content-Type"] == "application/problem+json"


async def test_page_lets_nothing_foreign_in(api: Api, ann: httpx.AsyncClient) -> None:
    for path in ("/", "/projects/notes", f"/runs/{RUN}", "/projects/ghost"):
        headers = (await ann.get(path)).headers
        policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
        assert policy["default-src"] == policy["base-uri"] == "'none'"
        assert policy["frame-ancestors"] == "https://web.telegram.org"
        assert policy["script-src"] == policy["style-src"] == policy["form-action"] == "'self'"
        assert (headers["X-Frame-Options"], headers["Cache-Control"]) == ("DENY", "no-store")
        assert headers["Referrer-Policy"] == "same-origin"
