"""The access log of a real Caddy: what it holds and what it does not, read while it is written and rotated."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from blocks.access_log import Place, end_of, read_since, written_since
from blocks.caddy import Caddy
from blocks.plain_http import plain_client
from domain.access import Answered
from tests.blocks.services import CADDYFILE, CaddyServer, caddy_server
from tests.blocks.test_caddy import Upstream, route, upstream

BEGINNING = Place(inode=0, offset=0)


@pytest.fixture
def server() -> Iterator[CaddyServer]:
    with caddy_server() as running:
        yield running


@pytest.fixture
def small() -> Iterator[CaddyServer]:
    """One whose log is full soon."""
    with caddy_server(CADDYFILE.read_text().replace("roll_size 10MiB", "roll_size 1MiB")) as running:
        yield running


@pytest.fixture
async def app(server: CaddyServer) -> AsyncIterator[Upstream]:
    async with upstream("app") as made:
        await Caddy(admin=server.admin, listen=server.listen).set_route(route(made.address), 1)
        yield made


@pytest.fixture
async def browser(server: CaddyServer) -> AsyncIterator[httpx.AsyncClient]:
    async with plain_client(base_url=server.url, headers={"Host": "notes.localhost"}) as client:
        yield client


async def seen(log: Path, count: int, place: Place = BEGINNING) -> Sequence[Answered]:
    """Return what was answered, as soon as so many lines are there: Caddy writes after it has answered."""
    async with asyncio.timeout(60):
        while len(found := read_since(log, place).answers) < count:  # noqa: ASYNC110  (a file tells nobody)
            await asyncio.sleep(0.01)
    return found


async def test_each_request_is_there_with_the_copy_that_answered(
    server: CaddyServer, app: Upstream, browser: httpx.AsyncClient
) -> None:
    await browser.get("/")
    await browser.get("/", headers={"Host": "nobody.localhost:80"})
    found = await seen(server.log, 2)
    assert [(a.host, a.upstream, a.status) for a in found] == [
        ("notes.localhost", app.address, 200),
        ("nobody.localhost", "", 404),
    ]
    assert all(0 <= a.seconds < 20 for a in found)


async def test_copy_that_does_not_answer_is_the_upstream_of_its_502(
    server: CaddyServer, app: Upstream, browser: httpx.AsyncClient
) -> None:
    await Caddy(admin=server.admin, listen=server.listen).set_route(route("127.0.0.1:9"), 1)
    assert (await browser.post("/", timeout=60)).status_code == 502
    [found] = await seen(server.log, 1)
    assert (found.upstream, found.status) == ("127.0.0.1:9", 502)


async def test_nothing_of_a_url_that_could_be_a_secret_is_written_down(
    server: CaddyServer, app: Upstream, browser: httpx.AsyncClient
) -> None:
    token = "8123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
    secret = {"Authorization": "Bearer canary-header", "Cookie": "session=canary-cookie", "X-Api-Key": "canary-key"}
    await browser.post(f"/webhook/{token}/now?password=canary-query&x=1", headers=secret)
    await browser.get("/short?canary-query")
    await seen(server.log, 2)
    written = server.log.read_text()
    assert '"uri":"/webhook/…/now…"' in written
    assert '"uri":"/short…"' in written
    assert "canary" not in written
    assert token[:20] not in written


async def test_what_was_read_is_not_read_again_and_half_a_line_waits_for_its_end(tmp_path: Path) -> None:
    log, line = tmp_path / "access.log", b'{"ts": 1, "request": {"host": "a"}, "status": 200, "duration": 0}\n'
    assert read_since(log, end_of(log)).answers == ()
    log.write_bytes(line * 2 + line[:20])
    first = read_since(log, BEGINNING)
    with log.open("ab") as file:
        file.write(line[20:] + b"not JSON\n" + line)
    second = read_since(log, first.place)
    assert (len(first.answers), len(second.answers)) == (2, 2)
    assert read_since(log, second.place) == second.model_copy(update={"answers": ()})
    assert second.place == end_of(log)


async def test_long_log_is_read_in_pieces_and_wholly(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    for number in range(3):
        if log.exists():
            log.rename(tmp_path / f"access-2026-01-0{number}T00-00-00.000.log")
        lines = (f'{{"ts": 1, "request": {{"host": "{number}-{n}"}}, "status": 200, "duration": 0}}\n' for n in range(50))
        log.write_text("".join(lines))
    oldest = tmp_path / "access-2026-01-01T00-00-00.000.log"
    found = read_since(log, Place(inode=oldest.stat().st_ino, offset=0), limit=700)
    hosts: list[str] = []
    while found.answers:
        hosts += [answer.host for answer in found.answers]
        found = read_since(log, found.place, limit=700)
    assert hosts == [f"{number}-{n}" for number in range(3) for n in range(50)]


async def test_log_that_was_emptied_is_read_from_its_beginning(tmp_path: Path) -> None:
    log, line = tmp_path / "access.log", '{"ts": 1, "request": {"host": "a"}, "status": 200, "duration": 0}\n'
    log.write_text(line * 3)
    place = read_since(log, BEGINNING).place
    log.write_text(line)
    assert len(read_since(log, place).answers) == 1


async def test_no_answer_is_missed_or_counted_twice_when_caddy_rotates(small: CaddyServer, browser: httpx.AsyncClient) -> None:
    """Paths are long and the log is small, so that it is full after a hundred requests."""
    place, count, asked = end_of(small.log), 0, 0
    async with asyncio.timeout(60):
        while len(list(small.log.parent.glob("access*.log"))) < 3 or count < asked:
            if asked < 600:
                asked += 10
                await asyncio.gather(*(browser.get(f"{small.url}{'/a' * 6_000}") for _ in range(10)))
            found = read_since(small.log, place)
            place, count = found.place, count + len(found.answers)
            await asyncio.sleep(0.01)
    assert (count, read_since(small.log, place).answers) == (asked, ())


async def test_log_that_is_rotated_while_it_is_read_says_nothing(tmp_path: Path) -> None:
    log, at = tmp_path / "access.log", datetime(2026, 1, 1, tzinfo=UTC)
    log.write_text('{"ts": 1767225601, "request": {"host": "a", "method": "GET"}, "status": 200, "duration": 0}\n')
    assert written_since(log, ["a"], at) is False
    (tmp_path / "access-2026-01-02T00-00-00.000.log").symlink_to(tmp_path / "gone")  # listed, and gone at the next look
    assert written_since(log, ["a"], at) is None
