"""A Russian browser reads Russian: on every screen, and in whatever it is refused."""

import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest

from domain.audit import SLIPWAY
from domain.complaints import Complaint
from domain.errors import LockTaken, ServiceUnreachable
from domain.names import REQUEST_LIMIT
from domain.releases import ReleaseState
from domain.remarks import REMARK_LIMIT
from domain.runs import RunState
from tasks.audit import record
from tests.deployments.api_bench import ANN, READ, Api, api_in
from tests.deployments.conftest import released
from tests.deployments.web_bench import browser, previewed, signed_in, token_in

SPOKEN = ("title", "aria-label", "alt", "placeholder", "data-live", "data-lost", "data-busy", "data-much")
"""Attributes that people read or hear."""
ENGLISH = re.compile(r"[A-Za-z][a-z']*(?:[\s,;:]+[A-Za-z'][a-z']*){2,}")
"""Three words in a row: no name of anything that the page speaks of has so many."""
GOING, ASKING, WAITING, FAILED, STOPPED, DONE = (f"r-notes{number:06}" for number in range(6))
SCREENS = (
    "/",
    "/projects/notes",
    "/projects/notes/talk",
    "/projects/notes/history",
    "/projects/notes/proof",
    "/projects/notes/output",
    "/projects/notes/rollback",
    "/projects/notes/rollback?to=2",
    "/projects/empty",
    "/projects/empty/talk",
    "/projects/empty/history",
    "/projects/empty/proof",
    "/projects/empty/output",
    "/projects/empty/rollback",
    *(f"/runs/{run}{live}" for run in (GOING, ASKING, WAITING, FAILED, STOPPED, DONE) for live in ("", "/live")),
)
NOT_THERE = (
    "/nothing",
    "/projects/ghost",
    "/runs/r-ghost00000",
    "/projects/%00",
    "/?cursor=%00",
    "/projects",
    "/projects/notes/rollback?to=x",
)
REFUSED: tuple[tuple[str, dict[str, str]], ...] = (
    ("/projects", {"text": ""}),
    ("/projects", {"text": "a" * (REQUEST_LIMIT + 1)}),
    ("/projects", {"text": "чай", "name": "NO NAME"}),
    ("/projects/notes/changes", {"text": " "}),
    ("/projects/notes/rollback", {"version": "x"}),
    ("/projects/notes/rollback", {"version": "2", "data": "odd"}),
    ("/projects/notes/previews/confirm", {"preview": "9"}),
    ("/projects/notes/previews/confirm", {"preview": ""}),
    ("/projects/notes/previews/drop", {"preview": "9"}),
    ("/projects/notes/secrets", {"name": "TG_TOKEN", "value": "hush-is-no-token"}),
    ("/projects/notes/secrets", {"name": "STRIPE_KEY", "value": "your-key-here"}),
    ("/projects/notes/secrets", {"name": "no name", "value": "x"}),
    ("/projects/notes/secrets", {"name": "WORD", "value": " "}),
    ("/projects/notes/secrets/delete", {"name": "NEEDED"}),
    ("/projects/notes/secrets/delete", {"name": "GHOST"}),
    ("/projects/notes/domains", {"host": "no host"}),
    ("/projects/notes/domains", {"host": "*.example.org"}),
    ("/projects/notes/domains", {"host": "localhost"}),
    ("/projects/notes/domains/remove", {"host": "ghost.example.org"}),
    ("/projects/notes/domains/remove", {"host": "notes.localhost"}),
    (f"/runs/{ASKING}/answer", {"choice": "guidance", "text": "", "number": "1"}),
    (f"/runs/{ASKING}/answer", {"choice": "guidance", "text": "x" * 5000, "number": "1"}),
    (f"/runs/{ASKING}/answer", {"choice": "more_rounds", "text": "many", "number": "1"}),
    (f"/runs/{ASKING}/answer", {"choice": "odd", "text": "", "number": "1"}),
    (f"/runs/{ASKING}/answer", {"choice": "guidance", "text": "x", "number": "7"}),
    (f"/runs/{GOING}/answer", {"choice": "guidance", "text": "x"}),
    (f"/runs/{DONE}/answer", {"choice": "guidance", "text": "x"}),
    (f"/runs/{GOING}/tell", {"remark": " "}),
    (f"/runs/{GOING}/tell", {"remark": "x" * (REMARK_LIMIT + 1)}),
    (f"/runs/{DONE}/tell", {"remark": "чай"}),
    ("/language", {"language": "xx"}),
)


class Reader(HTMLParser):
    """Reads what a page says by itself: not what is marked as written by others, nor what somebody typed."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self._open: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        others = known.get("lang") in ("", "en") or tag in ("script", "style", "textarea", "code")
        if not others and not self._hides:
            self.said += [value for name in SPOKEN if (value := known.get(name))]
        if tag not in ("meta", "link", "input", "br", "rect", "line"):
            self._open.append((tag, others))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not self._hides:
            self.said.append(re.sub("«[^»]*»", "", data))  # in quotation marks stands what others call something

    @property
    def _hides(self) -> bool:
        return any(others for _, others in self._open)


def english_in(page: str) -> list[str]:
    reader = Reader()
    reader.feed(page)
    return [found[0] for each in reader.said if (found := ENGLISH.search(each))]


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    async with api_in(tmp_path) as bench:
        await scene(bench)
        yield bench


async def scene(api: Api) -> None:
    """Let everything be there that a page can tell of, with what flows write in English."""
    desk, registry = api.desk, api.registry
    await api.project("empty")
    await api.project("notes")
    for _ in range(5):
        await api.run("notes")
    await released(desk, "notes", 3)
    fence = await registry.next_fence("notes")
    await registry.move_release("notes", 1, ReleaseState.FAILED, reason="/ answers 500 and not 200", fence=fence)
    for what, why in (
        ("release 3 is live", f"{DONE}: it"),
        ("rollback of release 3 to 2", "notes went back because / answers 500 since a while"),
        ("no rollback of release 3 to 2", "it could cost data"),
        ("domain notes.example.org added", ""),
        ("something that nobody foresaw", "for a reason in English"),
    ):
        await record("notes", SLIPWAY, what, registry, why=why)
    await desk.look.add_host("notes", "links.example.org", ANN)
    await desk.vault.put("notes", "NEEDED", "hush-hush-hush")
    token = await desk.vault.put("notes", "TG_TOKEN", "hush-is-no-token")
    [needed] = [info.reference for info in await desk.vault.listed("notes") if info.key == "NEEDED"]
    await registry.add_environment("notes", {"NEEDED": needed}, {})
    await desk.vault.complain(token, Complaint(kind="refused", what="Telegram bot token"))
    await desk.go_on(GOING, "develop", "round", "round 1 of 3", of=3, round=1)
    await registry.add_progress(
        GOING, "report", "1 of 2 tests fails", api.now, "test", {"outcome": "failed", "failed": 1, "passed": 1}
    )
    await desk.tell(GOING, "Use a list of teas", ANN)
    await desk.go_on(ASKING, "test")
    await desk.ask(ASKING)
    await registry.update_run(
        WAITING, state=RunState.WAITING, message="notes waits for a secret: say it", waits_for=("TG_TOKEN",)
    )
    wrong = Complaint(kind="shape", what="Telegram bot token", like="123:AAF…").model_dump_json()
    await registry.add_progress(
        WAITING, "waiting", "notes waits for a secret", api.now, "environment", {"wrong:TG_TOKEN": wrong}
    )
    await registry.update_run(FAILED, state=RunState.FAILED, message="three rounds did not make it pass", ended=api.now)
    await registry.add_progress(FAILED, "end", "three rounds did not make it pass", api.now, "", {"cause": "rounds_spent"})
    await desk.cancel(STOPPED, ANN)
    await desk.end(DONE, RunState.DELIVERED, "notes is online", "http://notes.localhost")
    await previewed(api, "notes", DONE)


async def russian(api: Api, **more: object) -> httpx.AsyncClient:
    visitor = await signed_in(api, **more)  # type: ignore[arg-type]
    visitor.headers["Accept-Language"] = "ru-RU,ru;q=0.9"
    return visitor


async def test_every_screen_is_russian_but_for_what_others_have_written(api: Api) -> None:
    ann = await russian(api)
    for path in SCREENS:
        shown = await ann.get(path)
        assert (shown.status_code, english_in(shown.text)) == (200, []), path


async def test_every_refusal_is_russian(api: Api) -> None:
    ann, reader, stranger = await russian(api), await russian(api, scopes=(READ,)), browser(api)
    stranger.headers["Accept-Language"] = "ru"
    form = await token_in(ann)
    for path in NOT_THERE:
        shown = await ann.get(path)
        assert (shown.status_code >= 400, english_in(shown.text)) == (True, []), path
    for number, (path, fields) in enumerate(REFUSED):
        refused = await ann.post(path, data={"form": form, "once": str(number), **fields})
        assert (refused.status_code >= 400, english_in(refused.text)) == (True, []), (path, fields, refused.status_code)
        assert 'role="alert"' in refused.text, path
    for error in (
        ServiceUnreachable("Anthropic", "asking for a Brief"),
        LockTaken("deploy notes", "r-1"),
        OSError("odd thing here"),
    ):
        api.desk.errors.append(error)
        refused = await ann.post("/projects", data={"form": form, "once": str(error), "text": "чай"})
        assert english_in(refused.text) == [], error
    for path in ("/projects", "/projects/notes/secrets"):
        mine = {"form": await token_in(reader), "once": "1", "text": "чай"}
        assert english_in((await reader.post(path, data=mine)).text) == []
        assert english_in((await ann.post(path, data={"form": "0" * 64})).text) == []
        assert english_in((await ann.post(path, data=mine, headers={"Sec-Fetch-Site": "cross-site"})).text) == []
        assert english_in((await ann.post(path, json={"form": form})).text) == []
        assert (
            english_in(
                (await ann.post(path, content=b"form=%ff", headers={"Content-Type": "application/x-www-form-urlencoded"})).text
            )
            == []
        )
    for path, fields in (
        ("/login/link", {"code": "x"}),
        ("/login/key", {"key": "slipway_x"}),
        ("/login/telegram", {"init": "x"}),
    ):
        assert english_in((await stranger.post(path, data=fields)).text) == [], path
    assert english_in((await stranger.get("/login?code=x")).text) == []


async def test_reader_of_this_test_finds_english() -> None:
    assert english_in('<p>готово <b aria-label="close this window">x</b> it waits for you</p>') == [
        "close this window",
        "it waits for you",
    ]
    assert english_in('<p>готово</p><p lang="">it waits for you</p><br><i lang="en">as it was</i>') == []
