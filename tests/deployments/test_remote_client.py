"""The way to an installation elsewhere: keys for servers, what answers mean, and exchanges that break off."""

import asyncio
import os
import socket
import ssl
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from rich.console import Console

from deployments.place_values import Wish
from deployments.remote.client import TRIES, Server, connected
from deployments.remote.logins import checked_server, file_of, keep, kept, servers, usual_server
from deployments.remote.place import RemotePlace
from deployments.remote.unanswered import REMEMBERED, Unanswered
from deployments.terminal import BAD_INPUT, DONE, PERSON, UNREACHABLE, exit_code
from domain.errors import BadInput, ServiceUnreachable, SlipwayError
from tests.deployments.api_bench import ANN, BOB, READ, WRITE
from tests.deployments.cut_wires import Cut, cut_off_at
from tests.deployments.remote_bench import Desk, desk_in

pytestmark = pytest.mark.usefixtures("no_settings")


@pytest.fixture
async def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "user"))
    async with desk_in(tmp_path, "notes") as made:
        keep(made.url, await made.api.key())
        yield made


REFUSED = (
    (("status", "ghost"), "there is no project 'ghost': `slipway status` lists what there is"),
    (("history", "../me"), "there is no project '../me'"),
    (("answer", "r-notes000000"), "asks nothing"),
    (("new", "a shop"), "add --yes"),
    (("new", "a shop", "--yes", "--attach", "/nowhere"), "/nowhere cannot be read: No such file"),
    (("new", "a shop", "--yes", "--attach", sys.executable), "cannot be used: it is"),
    (("logs", "ghost"), "there is no project 'ghost'"),
    (("tell", "ghost", "words"), "there is no run or project 'ghost'"),
    (("tell", "r-ghost-town", "words"), "there is no run or project 'r-ghost-town'"),
    (("cancel", "r-ghost0000"), "there is no run 'r-ghost0000'"),
    (("preview", "open", "notes", "7"), "notes has no preview 7"),
    (("secret", "rm", "notes", "GHOST"), "has no secret 'GHOST'"),
    (("keys", "revoke", "ghost"), "there is no such key"),
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
    await desk.api.registry.revoke_key(key.split("_")[1], desk.api.now)
    refused = await desk.elsewhere("status")
    assert (refused.code, refused.err.count("\n")) == (PERSON, 1)
    assert "has expired or was revoked" in refused.err
    assert (await desk.elsewhere("logout")).out.startswith(f"the key for {desk.url} is forgotten here")
    assert (await desk.elsewhere("status")).code == PERSON
    assert (await desk.here("logout")).code == BAD_INPUT


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


def told(status: int, detail: str = "no", **more: object) -> httpx.Response:
    return httpx.Response(status, json={"detail": detail, "request": "0123", **more})


@pytest.mark.parametrize(
    ("answer", "error", "code", "says"),
    [
        (told(401), "KeyRefused", PERSON, "slipway --server https://api.example.org login"),
        (told(403), "Refused", PERSON, "no"),
        (told(404), "Missing", BAD_INPUT, "no"),
        (told(404, "Not Found"), "OtherVersion", PERSON, "another version of Slipway"),
        (told(405, "Method Not Allowed"), "OtherVersion", PERSON, "another version of Slipway"),
        (told(429), "Later", UNREACHABLE, "no"),
        (told(422, errors=[{"where": "body.a", "what": "b"}]), "BadInput", BAD_INPUT, "no: body.a: b"),
        (told(500), "Broken", 70, "https://api.example.org: no (0123)"),
        (httpx.Response(404, text="<html>"), "BadInput", BAD_INPUT, "is the address right?"),
        (httpx.Response(404, json={"message": "Not Found"}), "BadInput", BAD_INPUT, "is the address right?"),
        (httpx.Response(200, text="<html>"), "BadInput", BAD_INPUT, "that is not how a Slipway answers"),
        (httpx.Response(502, text="<html>"), "Later", UNREACHABLE, "answered 502"),
        (httpx.Response(302, headers={"Location": "https://evil.example.org"}), "BadInput", BAD_INPUT, "evil.example.org"),
    ],
)
async def test_what_is_refused_keeps_its_family_and_says_what_to_do(
    answer: httpx.Response, error: str, code: int, says: str
) -> None:
    async with connected("https://api.example.org", "k", answering(answer)) as server:
        with pytest.raises(SlipwayError) as raised:
            await server.get("/v1/me")
    assert (type(raised.value).__name__, exit_code(raised.value)) == (error, code)
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


def untrusted() -> Exception:
    """Return what Python raises of a certificate that nothing here vouches for."""
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = "self-signed certificate"
    return error


class Unreached(httpx.AsyncBaseTransport):
    """A network on which no server is found, for this reason."""

    def __init__(self, why: Exception) -> None:
        self.why = why

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no way") from self.why


@pytest.mark.parametrize(
    ("why", "says"),
    [
        (OSError("refused"), "https://api.example.org did not answer while being asked for /v1/me: no way"),
        (socket.gaierror(-2, "unknown"), "no machine is known by that name: is the address right?"),
        (untrusted(), "cannot show that it is that (self-signed certificate): if the address is right, name its authority"),
    ],
)
async def test_server_that_is_not_reached_is_named_with_the_reason(why: Exception, says: str) -> None:
    async with connected("https://api.example.org", "k", Unreached(why)) as server:
        with pytest.raises(SlipwayError, match=r"https://api\.example\.org") as raised:
            await server.get("/v1/me")
    assert says in str(raised.value)


async def test_project_that_is_called_as_runs_are_is_told_something_too(desk: Desk) -> None:
    run = await desk.api.project("r-us4you", days=1)
    there, here = await desk.elsewhere("tell", "r-us4you", "words"), await desk.here("tell", "r-us4you", "words")
    assert (there.code, there.out) == (DONE, here.out), there
    assert run in there.out


async def test_files_of_this_machine_go_with_the_request_and_are_their_persons_alone(desk: Desk, tmp_path: Path) -> None:
    files = [tmp_path / "prices.csv", tmp_path / "prices-2.csv"]
    for file in files:
        file.write_text(f"tea;3;{file.name}")
    words = ["new", "a shop", "--yes", "--no-wait", *(word for file in files for word in ("--attach", str(file)))]
    assert (await desk.elsewhere(*words)).code == DONE
    [sent] = desk.api.desk.given.values()
    assert {each.name: await desk.api.desk.attachments.content(each) for each in sent} == {
        file.name: f"tea;3;{file.name}".encode() for file in files
    }
    ann, bob = [await desk.api.key(who, READ, WRITE) for who in (ANN, BOB)]
    kept_file = await desk.api.ask("PUT", "/v1/files?name=a.txt", ann, content=b"mine")
    mark = kept_file.json()["file"]
    for whose, status in ((bob, 422), (ann, 201)):
        begun = await desk.api.ask("POST", "/v1/projects", whose, json={"text": "another shop", "files": [mark]})
        assert begun.status_code == status, begun.text
    offer = {"offer": mark}
    assert (await desk.api.ask("POST", "/v1/proposals/accept", ann, json=offer)).status_code == 422
    huge = await desk.api.ask("PUT", "/v1/files?name=a.txt", ann, content=b"a" * 10_400_000)
    assert (huge.status_code, "at most" in huge.json()["detail"]) == (413, True)


async def test_server_without_tls_is_told_from_one_that_does_not_answer(desk: Desk) -> None:
    desk.url = desk.url.replace("http://", "https://")
    refused = await desk.elsewhere("runs")
    assert (refused.code, refused.err.count("\n")) == (PERSON, 1)
    assert "it speaks no TLS there" in refused.err


async def test_all_pages_of_a_list_are_read() -> None:
    bodies = ({"items": [{"n": 1}], "next": "c"}, {"items": [], "next": None})
    pages = [httpx.Response(200, json=body) for body in bodies]
    async with connected("https://api.example.org", "k", answering(*pages)) as server:
        assert await server.every("/v1/projects") == [{"n": 1}]


def test_only_login_is_used_where_this_machine_has_no_installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "user"))
    assert usual_server(tmp_path / "none") == ""
    keep("https://api.example.org", "k")
    assert usual_server(tmp_path / "none") == "https://api.example.org"
    assert usual_server(tmp_path) == ""
    keep("http://127.0.0.1:8090", "k")
    assert servers() == ["http://127.0.0.1:8090", "https://api.example.org"]
    assert usual_server(tmp_path / "none") == ""


@asynccontextmanager
async def behind(desk: Desk, *cuts: Cut) -> AsyncIterator[None]:
    """Let the desk's way to the server be one that is cut there."""
    async with cut_off_at(desk.url, *cuts) as url:
        keep(url, kept(desk.url))
        desk.url = url
        yield


@pytest.mark.parametrize("path", ["POST /v1/proposals ", "POST /v1/proposals/accept "])
async def test_request_whose_answer_is_lost_is_begun_and_paid_for_once(desk: Desk, path: str) -> None:
    before = len(await desk.api.registry.runs())
    cut = Cut(path.encode())
    async with behind(desk, cut):
        begun = await desk.elsewhere("change", "notes", "colours", "--yes", "--no-wait")
    assert (begun.code, cut.was_made) == (DONE, True), begun.err
    assert len(await desk.api.registry.runs()) == before + 1
    assert desk.api.desk.proposed == ["colours"]


async def test_request_of_a_killed_command_is_the_same_when_it_is_asked_again(desk: Desk) -> None:
    async def asked(transport: httpx.AsyncBaseTransport | None = None) -> str:
        async with connected(desk.url, kept(desk.url), transport, pause=at_once) as server:
            place = RemotePlace(server)
            offer = await place.propose(Wish(text="colours", project="notes"), Console(quiet=True))
            return str((await place.accept(offer))["run"])

    before = len(await desk.api.registry.runs())
    with pytest.raises(ServiceUnreachable):
        await asked(Deaf("/v1/proposals/accept"))
    first = await asked()
    assert len(await desk.api.registry.runs()) == before + 1
    assert desk.api.desk.proposed == ["colours"]
    assert await asked() != first  # it was answered: now it is another wish


async def test_same_words_of_two_at_one_moment_are_two_requests(desk: Desk) -> None:
    wish, quiet = Wish(text="colours", project="notes"), Console(quiet=True)
    async with connected(desk.url, kept(desk.url)) as one, connected(desk.url, kept(desk.url)) as other:
        places = RemotePlace(one), RemotePlace(other)
        offers = [await place.propose(wish, quiet) for place in places]
        runs = [await place.accept(offer) for place, offer in zip(places, offers, strict=True)]
    assert runs[0]["run"] != runs[1]["run"]
    assert desk.api.desk.proposed == ["colours", "colours"]


@pytest.mark.parametrize(("old", "is_same"), [(0.0, True), (REMEMBERED, False)])
def test_request_is_taken_over_from_a_killed_command_and_not_from_one_that_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], old: float, is_same: bool
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    said = [sys.executable, "-c", "from deployments.remote.unanswered import Unanswered as U; u = U('a'); print(u.key)"]
    killed = subprocess.run([*said[:2], f"{said[2]}; import os; os.kill(os.getpid(), 9)"], capture_output=True, check=False)
    assert killed.returncode == -9
    [file] = (tmp_path / "slipway" / "unanswered").iterdir()
    os.utime(file, (file.stat().st_mtime - old,) * 2)
    again = Unanswered("a")
    assert (file.name.endswith(again.key), "was asked at" in capfd.readouterr().err) == (is_same, is_same)
    beside = subprocess.run(said, capture_output=True, text=True, check=True)
    assert again.key not in beside.stdout
    again.answered()
    later = Unanswered("a")
    assert later.key == beside.stdout.strip()  # which ended unanswered, while the other has its answer
    later.answered()


async def test_brief_that_can_be_built_no_more_is_not_met_again_by_the_same_words(desk: Desk) -> None:
    wish, quiet = Wish(text="colours", project="notes"), Console(quiet=True)
    async with connected(desk.url, kept(desk.url)) as server:
        place = RemotePlace(server)
        stale = await place.propose(wish, quiet)
        await desk.api.registry.remove_project("notes")
        await desk.api.project("notes", days=1)
        with pytest.raises(BadInput, match="was removed"):
            await place.accept(stale)
        assert (await place.accept(await place.propose(wish, quiet)))["project"] == "notes"


async def at_once(_: float) -> None:
    """Wait for nothing."""


class Deaf(httpx.AsyncHTTPTransport):
    """Brings every request there, and of those for a path no answer back."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await super().handle_async_request(request)
        if request.url.path == self._path:
            await answer.aread()
            raise httpx.ReadError("cut off")
        return answer


async def test_stream_that_is_cut_off_goes_on_behind_its_last_event(desk: Desk) -> None:
    run = await desk.api.run("notes", id="r-stream0000")
    for number in range(1, 4):
        await desk.api.desk.go_on(run, "plan", text=f"step\u2028{number}")
    await desk.api.desk.end(run)
    cut = Cut(b"GET /v1/runs/r-stream0000/events", after=b"id: 1\n")
    async with behind(desk, cut), connected(desk.url, kept(desk.url), pause=at_once) as server:
        lines = [line.text async for line in RemotePlace(server).progress(run, stay=True)]
    assert cut.was_made
    assert lines[:3] == ["step\u20281", "step\u20282", "step\u20283"]
    assert len(set(lines)) == len(lines)


async def test_stream_that_is_ended_at_once_is_asked_for_again_after_a_pause_and_given_up() -> None:
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    empty = httpx.MockTransport(lambda _: httpx.Response(200))
    async with connected("https://api.example.org", "k", empty, pause=pause) as server:
        with pytest.raises(ServiceUnreachable, match="ends the stream before anything comes"):
            await first_event(server)
    assert len(pauses) == TRIES - 1
    assert all(2**number / 8 <= seconds <= 2**number / 4 for number, seconds in enumerate(pauses, 1))


async def test_stream_that_never_comes_back_is_given_up_with_a_sentence() -> None:
    async with connected("https://api.example.org", "k", Unreached(OSError("gone")), pause=at_once) as server:
        with pytest.raises(ServiceUnreachable, match=r"https://api\.example\.org did not answer"):
            await first_event(server)


async def first_event(server: Server) -> object:
    return await anext(server.events("/v1/runs/r-000000/events"))


async def test_documents_of_another_version_are_said_to_be_that(desk: Desk) -> None:
    newer = httpx.MockTransport(lambda _: httpx.Response(200, json={"projects_of_tomorrow": []}))
    async with connected(desk.url, "k", newer) as server:
        with pytest.raises(KeyError):
            await RemotePlace(server).overview()


async def test_key_for_somebody_else_is_the_operators_to_make(desk: Desk) -> None:
    refused = await desk.elsewhere("keys", "add", "theirs", "--owner", BOB)
    assert (refused.code, "operator's to make" in refused.err) == (PERSON, True), refused.err
    assert (await desk.elsewhere("bots", "list")).code == PERSON
    keep(desk.url, await desk.api.key("local:op", WRITE))
    assert (await desk.elsewhere("status", "notes")).code == BAD_INPUT
