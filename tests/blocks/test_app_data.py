"""What an app keeps is copied as of one moment and put back whole: the same on local processes and on Docker."""

import os
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from domain.app_data import NoRoom, Saved
from domain.engines import Engine
from domain.errors import UnknownObject
from domain.workers import AppState
from tests.blocks.engine_bench import DOCKERFILE, ENGINES, Bench, clean_docker, until
from tests.blocks.test_engines import another, bench  # noqa: F401  (a fixture)

WRITER = """
import os, pathlib, sqlite3, sys, time
folder = pathlib.Path(os.environ["DATA_DIR"])
books = sqlite3.connect(folder / "books.db", isolation_level=None)
match os.environ["PART"]:
    case "make":
        books.execute("PRAGMA journal_mode=WAL")
        books.execute("CREATE TABLE books (title TEXT)")
        books.execute("INSERT INTO books VALUES ('first')")
        (folder / "covers" / "a").mkdir(parents=True)
        (folder / "covers" / "a" / "one.png").write_bytes(b"picture" * 300_000)
        (folder / "link").symlink_to("/etc/passwd")
    case "open":
        books.execute("INSERT INTO books VALUES ('second')")
        print("written", flush=True)
        time.sleep(600)
    case "change":
        books.execute("ALTER TABLE books ADD COLUMN author TEXT")
        (folder / "covers" / "a" / "one.png").unlink()
        (folder / "covers" / "two.png").write_bytes(b"other")
    case "show":
        print([row[0] for row in books.execute("SELECT title FROM books")], end=" ")
        print(len(books.execute("PRAGMA table_info(books)").fetchall()), end=" ")
        print(sorted(str(each.relative_to(folder)) for each in folder.rglob("*") if "books.db" not in each.name))
    case "copy" | "empty":
        books.execute("CREATE TABLE IF NOT EXISTS books (title TEXT)")
        had = [row[0] for row in books.execute("SELECT title FROM books")]
        books.execute("INSERT INTO books VALUES ('mine')")
        books.commit()  # before it is told: who hears of it may stop the app
        print("had", had, flush=True)
        time.sleep(600)
    case "fail":
        sys.exit(7)
"""
PROCFILE = """
release: python -u writer.py
web: cat $DATA_DIR/ready; exit 0
owner: python -u writer.py
prepare: echo prepared > $DATA_DIR/ready
broken: echo no such column; exit 4
"""
FILES = {"Dockerfile": DOCKERFILE, "Procfile": PROCFILE, "writer.py": WRITER}
SHOWN = "['first', 'second'] 1 ['covers', 'covers/a', 'covers/a/one.png', 'link']"


@pytest.fixture(scope="module", params=["process", pytest.param("docker", marks=pytest.mark.docker)])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    yield ENGINES[request.param](tmp_path_factory)
    if request.param == "docker":
        clean_docker(f"slipway.installation=tests-{os.getpid()}")


@pytest.fixture
async def do(bench: Bench) -> Callable[[str], Awaitable[str]]:  # noqa: F811
    """Return what runs one part of the writer on the project's data to its end, and returns what it printed."""
    built: Any = await bench.build(FILES)

    async def run(part: str, exit_code: int = 0) -> str:
        spec = await bench.app(part, candidate=built.candidate, process="release", role="command", environment={"PART": part})
        await bench.engine.start(spec)

        async def ended() -> bool:
            return (await bench.engine.status(spec.identity)).state is AppState.STOPPED

        await until(ended, f"{part} has ended")
        status, printed = await bench.engine.status(spec.identity), await bench.engine.logs(spec.identity)
        await bench.engine.remove(spec.identity)
        assert status.exit_code == exit_code, printed
        return printed.strip()

    return run


async def test_data_is_saved_while_an_app_writes_and_comes_back_whole(bench: Bench, do: Any) -> None:  # noqa: F811
    await do("make")
    built: Any = await bench.build(FILES)
    spec = await bench.app("open", candidate=built.candidate, process="release", role="command", environment={"PART": "open"})
    await bench.engine.start(spec)

    async def written() -> bool:
        return "written" in await bench.engine.logs(spec.identity)

    await until(written, "the app has written what is in no file but the WAL")
    saved = await bench.engine.save_data(bench.project, "v2", 100)
    assert isinstance(saved, Saved)
    assert saved.bytes > 300_000 * len("picture")
    [line] = saved.schema_lines
    assert line.startswith("books.db table books ")
    await bench.engine.remove(spec.identity)

    await do("change")
    changed = await bench.engine.data_schema(bench.project)
    assert len(changed) == 1
    assert changed != saved.schema_lines
    assert await bench.engine.restore_data(bench.project, "v2") is None
    assert await another(bench.engine).data_schema(bench.project) == saved.schema_lines
    assert await do("show") == SHOWN
    assert await bench.engine.restore_data(bench.project, "v2") is None
    assert await do("show") == SHOWN
    await bench.engine.remove_data(bench.project)
    with pytest.raises(UnknownObject, match="v2"):
        await bench.engine.restore_data(bench.project, "v2")


async def test_copies_are_replaced_and_forgotten(bench: Bench, do: Any) -> None:  # noqa: F811
    await do("make")
    for reference in ("v2", "v3", "v2"):
        assert isinstance(await bench.engine.save_data(bench.project, reference, 100), Saved)
    assert await bench.engine.restore_data(bench.project, "v3") is None
    await bench.engine.forget_data(bench.project, "v3")
    await bench.engine.forget_data(bench.project, "v3")
    assert await bench.engine.restore_data(bench.project, "v2") is None
    with pytest.raises(UnknownObject, match="v3"):
        await bench.engine.restore_data(bench.project, "v3")
    await bench.engine.remove_data(bench.project)


async def test_data_that_is_larger_than_allowed_is_not_copied(bench: Bench, do: Any) -> None:  # noqa: F811
    await do("make")
    room = await bench.engine.save_data(bench.project, "v2", 1)
    assert isinstance(room, NoRoom)
    assert (room.needed_mb, room.over_limit) == (3, True)
    with pytest.raises(UnknownObject, match="v2"):
        await bench.engine.restore_data(bench.project, "v2")
    await bench.engine.remove_data(bench.project)


async def test_project_without_data_has_an_empty_copy(bench: Bench) -> None:  # noqa: F811
    assert await bench.engine.save_data(bench.project, "v1", 100) == Saved(bytes=0)
    assert await bench.engine.data_schema(bench.project) == ()
    assert await bench.engine.restore_data(bench.project, "v1") is None
    await bench.engine.remove_data(bench.project)


async def test_command_that_fails_is_not_started_again(do: Any) -> None:
    assert await do("fail", 7) == ""


@pytest.mark.parametrize(
    ("first", "exit_code", "printed"),
    [("prepare", 0, "prepared"), ("broken", 4, "no such column"), ("absent", 0, "ready")],
)
async def test_what_comes_first_in_a_copy_must_end_well(bench: Bench, first: str, exit_code: int, printed: str) -> None:  # noqa: F811
    built: Any = await bench.build(FILES)
    spec = await bench.app(first, candidate=built.candidate, first=first, role="rehearsal", data="scratch")
    await bench.engine.start(spec)

    async def ended() -> bool:
        return (await bench.engine.status(spec.identity)).state is AppState.STOPPED

    await until(ended, f"the copy after {first} has ended")
    assert (await bench.engine.status(spec.identity)).exit_code == exit_code
    assert printed in await bench.engine.logs(spec.identity)


async def test_copy_with_data_of_its_own_begins_with_the_projects_and_changes_nothing_of_it(bench: Bench, do: Any) -> None:  # noqa: F811
    await do("make")
    built: Any = await bench.build(FILES)
    writing = await bench.app(
        "open", candidate=built.candidate, process="release", role="command", environment={"PART": "open"}
    )
    await bench.engine.start(writing)

    async def printed(identity: str, words: str) -> None:
        async def there() -> bool:
            return words in await bench.engine.logs(identity)

        await until(there, f"{identity} has printed {words}")

    await printed(writing.identity, "written")
    shown, process = ["['first', 'second']", "[]"], "owner"
    for number, data in enumerate(("copy", "empty")):
        own = await bench.app(
            f"p{number}", candidate=built.candidate, process=process, role="preview", environment={"PART": data}, data=data
        )
        await bench.engine.start(own)
        await printed(own.identity, f"had {shown[number]}")
        await bench.engine.stop(own.identity, 5.0)
        await another(bench.engine).start(own)
        await printed(own.identity, f"had {shown[number].rstrip(']')}{', ' if number == 0 else ''}'mine']")
        await bench.engine.remove(own.identity)
        await bench.engine.start(own)
        await printed(own.identity, f"had {shown[number]}")
        left = next(thing for thing in await bench.engine.held() if thing.identity == own.identity)
        assert (left.kind, await bench.engine.discard(left)) == ("preview", True)
        await bench.engine.start(own)
        await printed(own.identity, f"had {shown[number]}")
        await bench.engine.remove(own.identity)
        await bench.engine.remove(own.identity)
    await bench.engine.remove(writing.identity)
    assert await do("show") == SHOWN
    await bench.engine.remove_data(bench.project)
