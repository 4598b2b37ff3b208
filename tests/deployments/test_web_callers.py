"""Who may see and do what on the page: each of its routes by each kind of browser."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from deployments.api.doors import ABOUT_ONESELF, OPEN, SIGNING_IN
from domain.runs import RunState
from tests.deployments.api_bench import ANN, BOB, OPERATOR, READ, WRITE, Api, all_routes, api_in, api_routes
from tests.deployments.conftest import released
from tests.deployments.web_bench import browser, signed_in, token_in

RUN = "r-notes000000"
IN_PATH = {"project": "notes", "run": RUN}
NOBODYS = {"/", "/projects"}
FORMS: dict[str, dict[str, str]] = {
    "/projects": {"text": "something of my own"},
    "/projects/{project}/changes": {"text": "colours"},
    "/projects/{project}/rollback": {"version": "1"},
    "/projects/{project}/secrets": {"name": "WORD", "value": "hush-hush-hush"},
    "/projects/{project}/secrets/delete": {"name": "WORD"},
    "/projects/{project}/previews/confirm": {"preview": "1"},
    "/projects/{project}/previews/drop": {"preview": "1"},
    "/projects/{project}/domains": {"host": "other.example.org"},
    "/projects/{project}/domains/remove": {"host": "notes.example.org"},
    "/runs/{run}/answer": {"choice": "guidance", "text": "use a list"},
    "/runs/{run}/tell": {"remark": "use a list"},
    "/runs/{run}/cancel": {},
    "/language": {"language": "en"},
}


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    async with api_in(tmp_path) as bench:
        await bench.project("notes")
        await released(bench.desk, "notes", 2)
        await bench.desk.look.add_host("notes", "notes.example.org", ANN)
        await bench.desk.ask(RUN)
        yield bench


def page_routes() -> list[tuple[str, str]]:
    """Return those of the page behind its door; signing out, which ends what asks, is tried elsewhere."""
    known, of_api = {*OPEN, *SIGNING_IN, *(ABOUT_ONESELF - {"/language"})}, {*api_routes()}
    return [pair for pair in all_routes() if pair not in of_api and pair[1] not in known]


async def asked(visitor: httpx.AsyncClient, method: str, path: str) -> httpx.Response:
    if method != "POST":
        return await visitor.request(method, path.format(**IN_PATH))
    more = {"form": await token_in(visitor, "/nothing"), "once": str(list(FORMS).index(path))}
    return await visitor.post(path.format(**IN_PATH), data={**FORMS[path], **more})


def test_every_form_is_tried() -> None:
    routes = page_routes()
    assert {path for method, path in routes if method == "POST"} == {*FORMS}
    assert len(routes) > 12


async def test_each_route_lets_through_whom_it_should_and_nobody_else(api: Api) -> None:
    visitors = {
        "other": await signed_in(api, BOB),
        "reader": await signed_in(api, ANN, (READ,)),
        "watcher": await signed_in(api, "local:op", (READ, OPERATOR)),
        "operator": await signed_in(api, "local:op", (READ, WRITE, OPERATOR)),
        "owner": await signed_in(api),
    }
    for method, path in page_routes():
        for who, visitor in visitors.items():
            answered = await asked(visitor, method, path)
            if method == "POST" and path not in ABOUT_ONESELF and who in ("reader", "watcher"):
                wanted = {403}
            elif who == "other" and path not in NOBODYS | ABOUT_ONESELF:
                wanted = {404}
            else:
                wanted = {200, 303, 409}
            assert answered.status_code in wanted, (method, path, who, answered.text)
    assert [who for _, who in api.desk.rolled_back] == ["local:op", ANN]


async def test_nobody_unknown_sees_or_does_anything(api: Api) -> None:
    stranger, forger = browser(api), browser(api)
    forger.cookies.set("__Host-slipway", "a" * 43)
    for visitor in (stranger, forger):
        for method, path in page_routes():
            api.counters.now += 60
            data = {"form": "0" * 64} if method == "POST" else None
            answered = await visitor.request(method, path.format(**IN_PATH), data=data)
            assert (answered.status_code, answered.headers.get("Location")) == (303, "/login"), (method, path)
    found = await api.registry.run(RUN)
    assert found is not None
    assert (found.state, api.desk.rolled_back, api.desk.proposed) == (RunState.WAITING, [], [])


async def test_key_of_the_api_looks_at_the_page_and_sends_no_form(api: Api) -> None:
    looked = await api.get("/projects/notes")
    assert (looked.status_code, 'name="form" value=""' in looked.text) == (200, True)
    for sent in ({}, {"Sec-Fetch-Site": "same-origin"}):
        answered = await api.ask("POST", "/projects/notes/rollback", headers=sent, data={"form": "", "once": "1"})
        assert answered.status_code == 403
    assert api.desk.rolled_back == []
