"""What every engine must do: the same suite on local processes and on Docker."""

import asyncio
import io
import os
import tarfile
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from blocks.plain_http import plain_client
from domain.candidates import BuildFailed, Built
from domain.engines import Engine
from domain.errors import EngineUnreachable, UnknownObject
from domain.leftovers import YOUNG, leftovers, owners_of
from domain.workers import AppState, AppStatus, Command, CommandResult, Worker
from tests.blocks.engine_bench import DOCKERFILE, ENGINES, PROJECT, Bench, clean_docker, until
from tests.fakes.engine import FakeEngine

IS_ALIVE = 'case "$(cut -d" " -f3 /proc/$(cat pid)/stat 2>/dev/null)" in ""|Z) echo dead;; *) echo alive;; esac'


@pytest.fixture(
    scope="session", params=["process", *(pytest.param(name, marks=pytest.mark.docker) for name in ("docker", "spares"))]
)
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    made = ENGINES[request.param](tmp_path_factory)
    yield made
    if request.param != "process":
        clean_docker(f"slipway.installation=tests-{os.getpid()}")


@pytest.fixture
async def bench(engine: Engine, tmp_path: Path) -> AsyncIterator[Bench]:
    made = Bench(engine, tmp_path)
    yield made
    await made.clear()


def another(engine: Engine) -> Engine:
    """Return what another process would have: an engine object made from the same fields; a fake is its whole world."""
    if isinstance(engine, FakeEngine):
        return engine
    kind: Any = type(engine)
    return kind(**{name: getattr(engine, name) for name in kind.model_fields})


async def shell(worker: Worker, line: str, **more: Any) -> CommandResult:
    return await worker.run(Command(argv=("sh", "-c", line), **more))


# workers


async def test_the_same_identity_adopts_the_worker_with_its_files(bench: Bench) -> None:
    first = await bench.worker()
    assert (await shell(first, "echo kept > note")).ok
    second = await another(bench.engine).spawn(bench.spec())
    assert (await shell(second, "cat note")).stdout == b"kept\n"
    listed = await bench.engine.workers(bench.run)
    assert [(info.identity, info.project, info.role, info.running) for info in listed] == [
        (bench.spec().identity, bench.project, "developer", True)
    ]


async def test_a_removed_worker_is_gone_and_its_identity_starts_empty(bench: Bench) -> None:
    worker = await bench.worker()
    await shell(worker, "echo old > note")
    await bench.engine.remove_worker(worker.identity)
    await bench.engine.remove_worker(worker.identity)
    assert await bench.engine.workers(bench.run) == []
    assert (await shell(await bench.worker(), "ls -A")).stdout == b""


async def test_a_removed_worker_takes_no_command(bench: Bench) -> None:
    worker = await bench.worker()
    await bench.engine.remove_worker(worker.identity)
    with pytest.raises(EngineUnreachable, match="it is gone"):
        await worker.run(Command(argv=("true",)))


async def test_spawning_one_identity_twice_at_once_gives_one_worker(bench: Bench) -> None:
    await asyncio.gather(bench.worker(), bench.worker())
    assert len(await bench.engine.workers(bench.run)) == 1


async def test_a_command_returns_both_streams_and_its_exit_code(bench: Bench) -> None:
    result = await shell(await bench.worker(), "echo out; echo err >&2; exit 7")
    assert (result.exit_code, result.stdout, result.stderr, result.timed_out) == (7, b"out\n", b"err\n", False)


@pytest.mark.parametrize("command", [Command(argv=("no-such-program",)), Command(argv=("ls",), cwd="no/such/folder")])
async def test_a_command_that_cannot_start_is_a_value(bench: Bench, command: Command) -> None:
    result = await (await bench.worker()).run(command)
    assert result.exit_code in (126, 127)
    assert result.text


async def test_a_command_runs_where_and_with_what_it_is_told(bench: Bench) -> None:
    worker = await bench.worker(environment={"FROM_SPEC": "1"})
    await shell(worker, "mkdir -p deep/er")
    result = await shell(worker, 'pwd; echo "$FROM_SPEC$FROM_COMMAND"', cwd="deep/er", environment={"FROM_COMMAND": "2"})
    assert result.stdout.decode() == f"{worker.workspace}/deep/er\n12\n"


async def test_the_deadline_kills_the_whole_tree_also_what_went_to_the_background(bench: Bench) -> None:
    worker = await bench.worker()
    result = await shell(worker, "(setsid sh -c 'echo $$ > pid; exec sleep 600' &); sleep 600", seconds=5)
    assert (result.exit_code, result.timed_out, result.ok) == (-1, True, False)

    async def is_dead() -> bool:
        return (await shell(worker, f"test -s pid && {IS_ALIVE}")).stdout == b"dead\n"

    await until(is_dead, "the grandchild is dead")


async def test_a_flood_of_output_is_cut_and_both_ends_are_kept(bench: Bench) -> None:
    flood = "import sys; sys.stdout.write('first' + 'x' * 5_000_000 + 'last')"
    result = await (await bench.worker()).run(Command(argv=("python", "-c", flood), output_limit=10_000))
    assert result.truncated
    assert result.stdout.startswith(b"firstxx")
    assert result.stdout.endswith(b"xxlast")
    assert 10_000 <= len(result.stdout) < 10_200


async def test_standard_input_arrives_whole_and_ends(bench: Bench) -> None:
    sent = os.urandom(300_000)
    result = await (await bench.worker()).run(Command(argv=("cat",), stdin=sent))
    assert result.stdout == sent


async def test_input_that_nobody_reads_is_no_error(bench: Bench) -> None:
    assert (await (await bench.worker()).run(Command(argv=("true",), stdin=b"x" * 1_000_000))).ok


async def test_what_is_put_comes_back_with_bytes_names_bits_and_empty_folders(bench: Bench) -> None:
    members = {"пакет/данные 🚢.bin": (bytes(range(256)), 0o644), "run.sh": (b"#!/bin/sh\necho ran\n", 0o755)}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, (content, mode) in members.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content), mode
            tar.addfile(info, io.BytesIO(content))
        empty = tarfile.TarInfo("empty")
        empty.type, empty.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(empty)
    worker = await bench.worker()
    await worker.put(buffer.getvalue())
    assert (await shell(worker, "./run.sh; mkdir .git; echo x > .git/x")).stdout == b"ran\n"

    with tarfile.open(fileobj=io.BytesIO(await worker.get())) as tar:
        found = {member.name.removeprefix("./"): member for member in tar}
        contents = {name: tar.extractfile(found[name]).read() for name in members}  # type: ignore[union-attr]
    assert contents == {name: content for name, (content, _) in members.items()}
    assert found["empty"].isdir()
    assert found["run.sh"].mode & 0o100
    assert not found["пакет/данные 🚢.bin"].mode & 0o100
    assert not [name for name in found if ".git" in name]


async def test_nothing_of_our_environment_reaches_a_worker(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "canary-of-ours")
    worker = await bench.worker()
    seen = (await shell(worker, "env; cat /proc/self/environ")).stdout
    assert b"canary" not in seen
    assert os.fsencode(os.environ.get("HOME", "/root")) + b"\n" not in seen


async def test_an_agent_finds_python_with_the_usual_tools(bench: Bench) -> None:
    result = await shell(await bench.worker(), "python -c 'import fastapi, uvicorn, httpx; print(1)' && pytest --version")
    assert result.ok, result.text


# candidates


async def test_the_same_content_builds_the_same_candidate(bench: Bench) -> None:
    assert await bench.candidate() == await bench.candidate()


async def test_other_content_builds_another_candidate(bench: Bench) -> None:
    other = await bench.build({**PROJECT, "more.txt": "more"})
    assert isinstance(other, Built)
    assert other.candidate != await bench.candidate()


async def test_a_failing_build_is_a_value_with_its_cause_at_the_end_of_the_log(bench: Bench) -> None:
    dockerfile = DOCKERFILE.replace("COPY . .", "COPY requirements.txt .\nRUN pip install -r requirements.txt\nCOPY . .")
    failed = await bench.build({**PROJECT, "Dockerfile": dockerfile, "requirements.txt": "this is ??? no requirement\n"})
    assert isinstance(failed, BuildFailed)
    assert not failed.timed_out
    assert "this is ??? no requirement" in failed.log[-2000:]


async def test_a_worker_in_a_candidate_runs_the_projects_tests(bench: Bench) -> None:
    worker = await bench.worker("tester", image=await bench.candidate())
    result = await worker.run(Command(argv=("python", "-m", "unittest", "-v")))
    assert result.ok, result.text
    assert "test_one" in result.text


async def test_candidates_of_a_project_are_known_until_they_are_removed(bench: Bench) -> None:
    made = [await bench.build({**PROJECT, "whose.txt": f"{bench.project} {number}"}) for number in (1, 2)]
    names = [built.candidate for built in made if isinstance(built, Built)]
    assert len(names) == 2
    assert sorted(await another(bench.engine).candidates(bench.project)) == sorted(names)
    assert await bench.engine.candidates(f"{bench.project}-other") == []
    await bench.engine.remove_candidate(names[0])
    assert list(await bench.engine.candidates(bench.project)) == names[1:]


async def test_removing_a_candidate_that_is_gone_or_used_does_nothing(bench: Bench) -> None:
    app = await bench.app()
    await bench.engine.start(app)
    await bench.engine.remove_candidate(app.candidate)
    assert (await bench.answer(app.identity))["visits"] == 1
    await bench.engine.stop(app.identity, 5)
    assert (await bench.engine.resume(app.identity)).state is AppState.RUNNING


# apps


async def test_an_app_starts_answers_and_tells_what_it_is(bench: Bench) -> None:
    app = await bench.app(role="rehearsal")
    await bench.engine.start(app)
    await bench.answer(app.identity)
    status = await bench.engine.status(app.identity)
    assert (status.state, status.project, status.run, status.role) == (
        AppState.RUNNING,
        bench.project,
        bench.run,
        "rehearsal",
    )
    assert "listening" in await bench.engine.logs(app.identity)


async def test_app_of_a_candidate_that_is_gone_does_not_start(bench: Bench) -> None:
    spec = await bench.app("pruned")
    with pytest.raises(UnknownObject):
        await bench.engine.start(spec.model_copy(update={"candidate": spec.candidate[:-12] + "0" * 12}))
    assert (await bench.engine.status(spec.identity)).state is AppState.GONE


async def test_starting_an_app_again_adopts_it(bench: Bench) -> None:
    app = await bench.app()
    first = await bench.engine.start(app)
    assert await another(bench.engine).start(app) == first
    assert len(await bench.engine.apps(bench.project)) == 1


async def test_an_unknown_app_is_gone_and_can_be_removed_and_has_no_logs(bench: Bench) -> None:
    assert (await bench.engine.status("no-such-app")).state is AppState.GONE
    await bench.engine.stop("no-such-app", 1)
    await bench.engine.remove("no-such-app")
    assert await bench.engine.logs("no-such-app") == ""


async def test_a_stopped_app_is_kept_and_resumes_with_the_environment_it_had(bench: Bench) -> None:
    app = await bench.app(environment={"GREETING": "привет $HOME 'quoted'"})
    await bench.engine.start(app)
    await bench.answer(app.identity)
    await bench.engine.stop(app.identity, 10)
    stopped = await bench.engine.status(app.identity)
    assert (stopped.state, stopped.address) == (AppState.STOPPED, "")
    assert "listening" in await bench.engine.logs(app.identity)

    await another(bench.engine).resume(app.identity)
    answer = await bench.answer(app.identity)
    assert answer["environment"]["GREETING"] == "привет $HOME 'quoted'"
    assert answer["visits"] == 2


async def test_a_stopped_app_has_no_address_until_it_is_resumed(bench: Bench) -> None:
    app = await bench.app()
    with pytest.raises(UnknownObject):
        await bench.engine.resume(app.identity)
    began = (await bench.engine.start(app)).started
    await bench.engine.stop(app.identity, 10)
    stopped = await bench.engine.status(app.identity)
    assert (stopped.state, stopped.address, stopped.started) == (AppState.STOPPED, "", None)
    resumed = await bench.engine.resume(app.identity)
    assert resumed.state is AppState.RUNNING
    assert resumed.address
    assert began
    assert resumed.started
    assert (began < resumed.started <= datetime.now(UTC), resumed.restarts) == (True, 0)


async def test_a_crash_is_seen_with_its_exit_code_and_last_words(bench: Bench) -> None:
    app = await bench.app(process="broken")
    await bench.engine.start(app)

    async def crashed() -> AppStatus | None:
        status = await bench.engine.status(app.identity)
        return status if status.exit_code == 3 and status.restarts else None

    status = await until(crashed, "the crash is seen")
    assert status.state in (AppState.RESTARTING, AppState.STOPPED)
    assert status.address == ""
    assert "about to fail" in await bench.engine.logs(app.identity)


async def test_an_app_that_crashes_once_is_started_again(bench: Bench) -> None:
    app = await bench.app()
    await bench.engine.start(app)
    await bench.answer(app.identity)
    with pytest.raises(httpx.TransportError):
        async with plain_client() as client:
            await client.get(f"http://{(await bench.engine.status(app.identity)).address}/crash")

    async def restarted() -> bool:
        return (await bench.engine.status(app.identity)).restarts == 1

    await until(restarted, "it was restarted")
    assert (await bench.answer(app.identity))["visits"] == 2


async def test_a_removed_app_is_gone(bench: Bench) -> None:
    app = await bench.app()
    await bench.engine.start(app)
    await bench.engine.remove(app.identity)
    assert (await bench.engine.status(app.identity)).state is AppState.GONE
    assert await bench.engine.apps(bench.project) == []


async def test_apps_are_found_by_another_engine_object(bench: Bench) -> None:
    app = await bench.app()
    started = await bench.engine.start(app)
    assert await another(bench.engine).apps(bench.project) == [started]


async def test_two_copies_run_side_by_side_on_the_same_data(bench: Bench) -> None:
    old, new = await bench.app("v1"), await bench.app("v2")
    await bench.engine.start(old)
    await bench.engine.start(new)
    assert (await bench.answer(old.identity))["visits"] == 1
    assert (await bench.answer(new.identity))["visits"] == 2
    addresses = {status.address for status in await bench.engine.apps(bench.project)}
    assert len(addresses) == 2


async def test_project_data_outlives_the_copy_and_scratch_data_does_not(bench: Bench) -> None:
    visits = []
    for data in ("project", "scratch", "project", "scratch"):
        app = await bench.app(data=data)
        await bench.engine.start(app)
        visits.append((await bench.answer(app.identity))["visits"])
        await bench.engine.remove(app.identity)
    assert visits == [1, 1, 2, 1]


async def test_removed_data_is_gone_and_only_that_projects(bench: Bench, tmp_path: Path) -> None:
    neighbour = Bench(bench.engine, tmp_path)
    await bench.engine.remove_data(bench.project)
    for one in (bench, neighbour):
        app = await one.app()
        await one.engine.start(app)
        assert (await one.answer(app.identity))["visits"] == 1
        await one.engine.remove(app.identity)
    await another(bench.engine).remove_data(bench.project)
    visits = []
    for one in (bench, neighbour):
        app = await one.app()
        await one.engine.start(app)
        visits.append((await one.answer(app.identity))["visits"])
        await one.clear()
    assert visits == [1, 2]


async def test_nothing_of_our_environment_reaches_an_app(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "canary-of-ours")
    app = await bench.app()
    await bench.engine.start(app)
    assert "canary" not in str(await bench.answer(app.identity))


async def test_what_is_held_tells_whose_it_is_and_is_gone_once_it_was_discarded(bench: Bench) -> None:
    spec = await bench.app()
    await bench.engine.start(spec)
    nobody = owners_of("", (), (), (), ())

    held = [thing for thing in await bench.engine.held() if bench.project in thing.projects]
    ours = nobody.model_copy(update={"installation": held[0].installation or ""})
    left = leftovers(held, ours, datetime.now(UTC) + YOUNG)
    early = await bench.engine.discard(next(thing for thing in held if thing.kind == "image"))
    discarded = [(each.held.kind, await bench.engine.discard(each.held)) for each in left]

    assert {thing.kind for thing in held} >= {"release", "image"}
    assert spec.identity in {thing.identity for thing in held}
    assert early is False  # a copy still needs it
    assert discarded == [(each.held.kind, True) for each in left]
    assert [kind for kind, _ in discarded if kind in ("release", "image")] == ["release", "image"]
    assert not [thing for thing in await another(bench.engine).held() if bench.project in thing.projects]
    assert not any([await bench.engine.discard(each.held) for each in left if each.held.kind == "release"])
