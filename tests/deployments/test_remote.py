"""The command line and an installation elsewhere: the same commands, by the real API over HTTP."""

import asyncio
import io
import json
import os
import stat
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from blocks.registry import SqlRegistry
from deployments.cli import is_elsewhere
from deployments.commands.sessions import Shared
from deployments.commands.table import run
from deployments.remote.client import connected
from deployments.remote.logins import checked_server, file_of, keep, kept
from deployments.terminal import BAD_INPUT, DONE, PERSON, UNREACHABLE, exit_code
from domain.errors import BadInput, ServiceUnreachable, SlipwayError
from domain.runs import RunState
from tests.deployments.api_bench import ANN, BOB, READ, Api, ApiDesk, api_in
from tests.deployments.conftest import released
from tests.deployments.test_api_service import served
from tests.deployments.test_cli import UP

pytestmark = pytest.mark.usefixtures("no_settings")


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


@dataclass
class Desk:
    """Somebody at a terminal, with an installation elsewhere and one here that hold the same."""

    api: Api
    url: str
    folder: Path

    async def elsewhere(self, *words: str) -> Said:
        return await asyncio.to_thread(said, words, Shared(server=self.url))

    async def here(self, *words: str) -> Said:
        return await asyncio.to_thread(said, words, Shared(here=self.session))

    @asynccontextmanager
    async def session(self) -> AsyncIterator[tuple[Any, Any]]:
        registry = SqlRegistry(url=SecretStr(f"sqlite+aiosqlite:///{self.folder}/registry.db"), budget_micro_usd=5_000_000)
        desk = ApiDesk(registry)
        desk.vault = self.api.desk.vault
        yield desk, UP
        await registry.close()


def said(words: Sequence[str], shared: Shared) -> Said:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code = run(words, shared)
        except SystemExit as left:
            code = int(left.code or 0)
    return Said(code, out.getvalue(), err.getvalue())


@pytest.fixture
async def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    async with api_in(tmp_path) as api:
        await api.project("notes")
        await released(api.desk, "notes", 2)
        await api.desk.end("r-notes000000", RunState.FAILED)
        await api.desk.vault.put("notes", "TOKEN", "hush-hush-hush")
        async with served(api) as client:
            url = str(client.base_url).rstrip("/")
            keep(url, await api.key())
            yield Desk(api, url, tmp_path)


async def test_what_is_looked_at_elsewhere_looks_as_it_does_here(desk: Desk) -> None:
    for said_so in (
        "status",
        "status notes",
        "runs",
        "logs notes",
        "history notes",
        "costs notes",
        "costs notes --json",
        "history notes --json",
        "secret list notes",
        "domain list notes",
    ):
        words = said_so.split()
        here, elsewhere = await desk.here(*words), await desk.elsewhere(*words)
        assert elsewhere.out.strip(), (words, elsewhere.err)
        assert (here.code, elsewhere.code) == (DONE, DONE), words
        assert without_ui(elsewhere.out) == without_ui(here.out), words


def without_ui(text: str) -> str:
    """Return it without the address of Prefect, which is the operator's to know, and without news."""
    return "\n".join(line for line in text.splitlines() if not line.startswith("Runs:")).strip()


async def test_what_changes_something_is_done_there(desk: Desk) -> None:
    added = await desk.elsewhere("domain", "add", "notes", "shop.example.org")
    assert (added.code, added.out) == (DONE, "shop.example.org leads to notes\n"), added.err
    assert (await desk.elsewhere("domain", "rm", "notes", "shop.example.org")).code == DONE
    back = await desk.elsewhere("rollback", "notes", "1")
    assert back.code == DONE, back.err
    assert desk.api.desk.rolled_back
    ended = await desk.elsewhere("cancel", "r-notes000000")
    assert (ended.code, ended.err) == (DONE, "r-notes000000 had ended before: nothing was changed\n")
    built = await desk.elsewhere("new", "a shop", "--yes", "--no-wait", "--json")
    assert built.code == DONE, built.err
    assert (await desk.api.registry.run(json.loads(built.out)["run"])).origin.person == ANN  # type: ignore[union-attr]


REFUSED = (
    (("status", "ghost"), "there is no such thing"),
    (("history", "../me"), ""),
    (("answer", "r-notes000000"), "asks nothing"),
    (("new", "a shop"), "add --yes"),
    (("new", "a shop", "--yes", "--attach", "/etc/hosts"), "on the machine itself alone"),
    (("domain", "add", "notes", "a.example.org", "--main"), "without --main"),
    (("keys", "list"), "this works on the machine of"),
    (("down", "notes", "--yes"), "this works on the machine of"),
)


async def test_what_cannot_be_done_is_told_in_one_sentence(desk: Desk) -> None:
    for words, told in REFUSED:
        answered = await desk.elsewhere(*words)
        assert (answered.code, answered.out) == (BAD_INPUT, ""), words
        assert told in answered.err
        assert answered.err.count("\n") == 1


async def test_login_keeps_a_key_that_opens_and_no_other(desk: Desk) -> None:
    async def login(key: str) -> tuple[int | None, str]:
        words = ("-c", "from deployments.cli import main; main()", "login")
        environment = {**os.environ, "SLIPWAY_SERVER": desk.url}
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            sys.executable, *words, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.STDOUT, env=environment
        )
        out, _ = await process.communicate(f"{key}\n".encode())
        return process.returncode, out.decode()

    file = file_of(desk.url)
    file.unlink()
    assert (await desk.elsewhere("runs")).code == PERSON
    code, told = await login(f"slipway_{'0' * 12}_{'a' * 43}")
    assert (code, file.exists()) == (PERSON, False), told
    key = await desk.api.key(BOB, READ)
    code, told = await login(key)
    assert code == DONE, told
    assert f"knows you as {BOB}, for read" in told
    assert key not in told
    assert (kept(desk.url), stat.S_IMODE(file.stat().st_mode)) == (key, 0o600)
    assert (await desk.elsewhere("status", "notes")).code == BAD_INPUT


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("https://API.example.org/", "https://api.example.org"),
        ("https://api.example.org:8443", "https://api.example.org:8443"),
        ("https://api.example.org:443", "https://api.example.org"),
        ("http://127.0.0.1:8090", "http://127.0.0.1:8090"),
        ("http://[::1]:8090", "http://[::1]:8090"),
        ("http://api.example.org", ""),
        ("http://127.0.0.1.example.org", ""),
        ("https://me:secret@api.example.org", ""),
        ("https://api.example.org/v1", ""),
        ("api.example.org", ""),
        ("https://", ""),
        ("https://[", ""),
        ("https://a:99999999", ""),
    ],
)
def test_a_server_is_named_by_an_address_that_keeps_the_key_private(text: str, address: str) -> None:
    if address:
        assert checked_server(text) == address
        return
    with pytest.raises(BadInput):
        checked_server(text)


def answering(*answers: httpx.Response) -> httpx.MockTransport:
    left = list(answers)
    return httpx.MockTransport(lambda _: left.pop(0))


@pytest.mark.parametrize(
    ("answer", "error", "code"),
    [
        (httpx.Response(401, json={"detail": "no"}), "NotLoggedIn", PERSON),
        (httpx.Response(403, json={"detail": "no"}), "Refused", PERSON),
        (httpx.Response(429, json={"detail": "no"}), "Later", UNREACHABLE),
        (httpx.Response(422, json={"detail": "no", "errors": [{"where": "a", "what": "b"}]}), "BadInput", BAD_INPUT),
        (httpx.Response(404, text="<html>"), "BadInput", BAD_INPUT),
        (httpx.Response(200, text="<html>"), "BadInput", BAD_INPUT),
        (httpx.Response(302, headers={"Location": "https://evil.example.org"}), "Broken", 70),
        (httpx.Response(500, json=["x"]), "Broken", 70),
    ],
)
async def test_refusals_keep_their_family(answer: httpx.Response, error: str, code: int) -> None:
    async with connected("https://api.example.org", "k", answering(answer)) as server:
        with pytest.raises(SlipwayError) as raised:
            await server.get("/v1/me")
    assert (type(raised.value).__name__, exit_code(raised.value)) == (error, code)


async def test_server_that_does_not_answer_is_named() -> None:
    def broken(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    async with connected("https://api.example.org", "k", httpx.MockTransport(broken)) as server:
        with pytest.raises(ServiceUnreachable, match=r"https://api\.example\.org"):
            await server.get("/v1/me")


async def test_all_pages_of_a_list_are_read() -> None:
    bodies = ({"items": [{"n": 1}], "next": "c"}, {"items": [], "next": None})
    pages = [httpx.Response(200, json=body) for body in bodies]
    async with connected("https://api.example.org", "k", answering(*pages)) as server:
        assert await server.every("/v1/projects") == [{"n": 1}]


@pytest.mark.parametrize(
    ("words", "is_so"), [(["--server", "https://a", "runs"], True), (["--server=https://a", "runs"], True), (["runs"], False)]
)
def test_command_for_elsewhere_is_not_given_to_this_machines_installation(words: list[str], *, is_so: bool) -> None:
    assert is_elsewhere(words) is is_so
