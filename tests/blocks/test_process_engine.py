"""What the process engine promises beyond the suite of all engines."""
# ruff: noqa: ASYNC240 - looking at a file between two awaits holds up nobody here

import asyncio
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from blocks.process_engine.block import ProcessEngine
from blocks.process_engine.commands import run_command
from blocks.process_engine.folders import locked
from blocks.process_engine.shim import Supervisor, birth
from blocks.process_engine.tree import Tree, alive
from domain.candidates import BuildFailed, Built
from domain.errors import UnknownObject
from domain.workers import AppSpec, AppState, Command, CommandResult, Limits, WorkerSpec
from tests.blocks.engine_bench import PROJECT, Bench, process_engine, shared_folder, until

ROOT = Path(__file__).parents[2]
PATH = {"PATH": os.environ["PATH"]}


@pytest.fixture
def engine(tmp_path: Path) -> ProcessEngine:
    return ProcessEngine(installation="tests", folder=str(tmp_path / "engine"), ca_bundle=os.environ.get("SSL_CERT_FILE"))


@pytest.fixture
async def bench(engine: ProcessEngine, tmp_path: Path) -> AsyncIterator[Bench]:
    made = Bench(engine, tmp_path)
    yield made
    await made.clear()


async def run(argv: tuple[str, ...], folder: Path, limits: Limits | None = None, seconds: float = 60.0) -> CommandResult:
    return await run_command(Command(argv=argv, seconds=seconds), folder=folder, environment=PATH, limits=limits or Limits())


def state_of(bench: Bench, app: AppSpec) -> dict:
    return json.loads(app_folder(bench, app).joinpath("state.json").read_text())


def app_folder(bench: Bench, app: AppSpec) -> Path:
    return Path(bench.engine.folder, "apps", app.identity)  # type: ignore[attr-defined]


async def ended(pid: int) -> None:
    async def is_dead() -> bool:
        return not birth(pid)

    await until(is_dead, f"process {pid} is dead", seconds=60)


def test_it_does_not_isolate_and_says_so(engine: ProcessEngine) -> None:
    assert engine.isolates is False


# commands


async def test_a_tree_that_takes_too_much_memory_together_is_killed_and_told_apart(tmp_path: Path) -> None:
    hog = "import os, time\nfor _ in range(3): os.fork() or time.sleep(0)\nheld = b'x' * 30_000_000\ntime.sleep(60)"
    result = await run((sys.executable, "-c", hog), tmp_path, Limits(memory_mb=100))
    assert (result.exit_code, result.out_of_memory, result.timed_out) == (137, True, False)
    assert b"more memory" in result.stderr


async def test_memory_shared_since_a_fork_counts_once(tmp_path: Path) -> None:
    calm = "import os, time\nheld = b'x' * 40_000_000\nfor _ in range(2): os.fork()\ntime.sleep(1)"
    assert (await run((sys.executable, "-c", calm), tmp_path, Limits(memory_mb=100))).ok


async def test_one_allocation_beyond_all_bounds_fails_at_once(tmp_path: Path) -> None:
    result = await run((sys.executable, "-c", "bytearray(10**9)"), tmp_path, Limits(memory_mb=64))
    assert not result.ok
    assert b"MemoryError" in result.stderr or result.out_of_memory


async def test_a_tree_with_too_many_processes_is_killed(tmp_path: Path) -> None:
    result = await run(("sh", "-c", "for n in $(seq 20); do sleep 60 & done; wait"), tmp_path, Limits(pids=10))
    assert result.exit_code == 137
    assert b"more processes" in result.stderr


async def test_a_file_beyond_the_disk_limit_cannot_be_written(tmp_path: Path) -> None:
    result = await run(("sh", "-c", "head -c 20000000 /dev/zero > big"), tmp_path, Limits(disk_mb=8))
    assert not result.ok
    assert (tmp_path / "big").stat().st_size == 8 << 20


async def test_the_deadline_also_finds_what_wiped_its_environment_and_left_its_session(tmp_path: Path) -> None:
    escape = "setsid env -i PATH=$PATH sh -c 'echo $$ > pid; sleep 600; true' & sleep 600"
    result = await run(("sh", "-c", escape), tmp_path, seconds=4)
    assert result.timed_out
    await ended(int((tmp_path / "pid").read_text()))


async def test_a_cancelled_caller_leaves_nothing_running(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "started")
    task = asyncio.create_task(run(("sh", "-c", "(setsid sh -c 'echo $$ > started; exec sleep 600' &); sleep 600"), tmp_path))
    pid = int(await asyncio.to_thread((tmp_path / "started").read_text))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await ended(pid)


async def test_background_work_outlives_its_command_but_not_its_worker(engine: ProcessEngine, bench: Bench) -> None:
    built = await bench.build(PROJECT)
    assert isinstance(built, Built)
    worker = await bench.worker(image=built.candidate)
    result = await worker.run(Command(argv=("sh", "-c", "sleep 600 & echo $!"), seconds=30))
    pid = int(result.stdout)
    assert result.ok
    assert birth(pid)
    await engine.remove_worker(worker.identity)
    await ended(pid)
    assert not Path(worker.workspace).exists()


async def test_a_worker_is_deleted_though_its_folders_are_closed(engine: ProcessEngine, bench: Bench) -> None:
    built = await bench.build(PROJECT)
    assert isinstance(built, Built)
    worker = await bench.worker(image=built.candidate)
    assert (await worker.run(Command(argv=("sh", "-c", "mkdir -p a/b; touch a/b/c; chmod 0 a/b a")))).ok
    await engine.remove_worker(worker.identity)
    assert not Path(worker.workspace).exists()


@pytest.mark.parametrize("name", ["", "..", "../workers", "a/b", "A", "."])
async def test_an_identity_that_is_a_path_deletes_nothing(engine: ProcessEngine, name: str) -> None:
    Path(engine.folder, "workers", "kept").mkdir(parents=True)
    with pytest.raises(UnknownObject):
        await engine.remove_worker(name)
    with pytest.raises(UnknownObject):
        await engine.remove(name)
    assert Path(engine.folder, "workers", "kept").is_dir()


# candidates


async def test_equal_requirements_are_installed_once_also_by_builds_at_the_same_time(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    engine = process_engine(shared_folder(tmp_path_factory))
    bench = Bench(engine, tmp_path)
    venvs = Path(engine.folder, "venvs")
    await engine.remove_worker((await bench.worker()).identity)
    before = set(venvs.glob("*/"))
    files = {**PROJECT, "requirements.txt": "iniconfig\n"}

    one, two = await asyncio.gather(bench.build({**files, "a": "1"}), bench.build({**files, "a": "2"}))
    assert isinstance(one, Built), one.log
    assert isinstance(two, Built), two.log
    assert one.candidate != two.candidate
    (made,) = (path for path in set(venvs.glob("*/")) - before if path.is_dir())
    worker = await bench.worker("tester", image=one.candidate)
    assert (await worker.run(Command(argv=("python", "-c", "import iniconfig")))).ok

    await engine.remove_candidate(one.candidate)
    assert (await worker.run(Command(argv=("python", "-c", "import iniconfig")))).ok
    await engine.remove_worker(worker.identity)
    await engine.remove_candidate(one.candidate)
    assert made.is_dir()
    await engine.remove_candidate(two.candidate)
    assert not made.exists()


async def test_a_build_that_waits_too_long_is_a_value_and_leaves_nothing(engine: ProcessEngine, bench: Bench) -> None:
    built = await bench.build({**PROJECT, "n": "1"})
    assert isinstance(built, Built)
    venv = Path(engine.folder, "candidates", built.candidate.removeprefix("folder:"), "venv").readlink()
    async with locked(venv.with_suffix(".lock")):
        failed = await bench.build({**PROJECT, "n": "2"}, seconds=0.3)
    assert isinstance(failed, BuildFailed)
    assert failed.timed_out
    assert len(list(Path(engine.folder, "candidates").iterdir())) == 1
    assert list(Path(engine.folder, "partial").iterdir()) == []


async def test_git_and_links_that_lead_out_stay_out_of_a_candidate(engine: ProcessEngine, tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / ".git").mkdir(parents=True)
    (source / "in").write_text("1")
    (source / "ok").symlink_to("in")
    (source / "out").symlink_to("../secret")
    (source / "passwd").symlink_to("/etc/passwd")
    (tmp_path / "secret").write_text("secret")
    built = await engine.build(source, "p", "r")
    assert isinstance(built, Built)
    app = Path(engine.folder, "candidates", built.candidate.removeprefix("folder:"), "app")
    assert sorted(os.listdir(app)) == ["in", "ok"]


async def test_a_candidate_that_is_not_there_is_named(engine: ProcessEngine) -> None:
    for candidate in ("folder:" + "0" * 64, "folder:../..", "sha256:" + "0" * 64):
        with pytest.raises(UnknownObject):
            await engine.spawn(WorkerSpec(identity="w", project="p", run="r", role="tester", image=candidate))


async def test_a_process_that_the_procfile_does_not_have_is_named_and_leaves_nothing(bench: Bench) -> None:
    app = await bench.app(process="nothing")
    with pytest.raises(UnknownObject, match="nothing"):
        await bench.engine.start(app)
    assert (await bench.engine.status(app.identity)).state is AppState.GONE


# apps


async def test_an_app_listens_on_loopback_only(bench: Bench) -> None:
    app = await bench.app()
    await bench.engine.start(app)
    environment = (await bench.answer(app.identity))["environment"]
    port = int(environment["PORT"])
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    assert [row[1] for row in rows if row[3] == "0A" and row[1].endswith(f":{port:04X}")] == [f"0100007F:{port:04X}"]
    assert environment["HOST"] == "127.0.0.1"


async def test_port_and_data_folder_are_the_engines_to_say(bench: Bench) -> None:
    app = await bench.app(environment={"PORT": "80", "HOST": "0.0.0.0", "DATA_DIR": "/etc", "OTHER": "kept"})
    await bench.engine.start(app)
    environment = (await bench.answer(app.identity))["environment"]
    assert environment["HOST"] == "127.0.0.1"
    assert environment["DATA_DIR"].endswith(f"/data/{bench.project}")
    assert environment["OTHER"] == "kept"


async def test_secrets_lie_in_files_that_only_their_owner_reads_and_in_no_command_line(bench: Bench) -> None:
    app = await bench.app(environment={"TOKEN": "s3cret-value"})
    await bench.engine.start(app)
    await bench.answer(app.identity)  # in the moment in which it becomes the app's program its command line reads as empty
    folder = app_folder(bench, app)
    holding = [path for path in folder.rglob("*") if path.is_file() and b"s3cret-value" in path.read_bytes()]
    assert {path.name for path in holding} == {"spec.json", "launch.json"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in holding} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    state = state_of(bench, app)
    lines = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid, _ in (state["shim"], state["child"])]
    assert all(lines)
    assert not any(b"s3cret-value" in line for line in lines)


async def test_an_app_survives_the_process_that_started_it(engine: ProcessEngine, bench: Bench) -> None:
    app = await bench.app()
    script = (
        "import asyncio, sys\nfrom blocks.process_engine.block import ProcessEngine\nfrom domain.workers import AppSpec\n"
        "engine = ProcessEngine(installation='tests', folder=sys.argv[1])\n"
        "asyncio.run(engine.start(AppSpec.model_validate_json(sys.argv[2])))\n"
    )
    argv = [sys.executable, "-c", script, engine.folder, app.model_dump_json()]
    await asyncio.to_thread(subprocess.run, argv, check=True, cwd=ROOT, start_new_session=True, timeout=60)
    assert (await bench.answer(app.identity))["visits"] == 1
    assert (await engine.status(app.identity)).state is AppState.RUNNING


async def test_an_app_without_its_supervisor_still_serves_and_is_stopped(bench: Bench) -> None:
    app = await bench.app()
    await bench.engine.start(app)
    await bench.answer(app.identity)
    shim, child = (pid for pid, _ in (state_of(bench, app)["shim"], state_of(bench, app)["child"]))
    os.kill(shim, signal.SIGKILL)
    await ended(shim)
    assert (await bench.engine.status(app.identity)).state is AppState.RUNNING
    await bench.engine.stop(app.identity, 10)
    assert not birth(child)
    assert (await bench.engine.status(app.identity)).state is AppState.STOPPED


@pytest.mark.parametrize("fault", ["killed", "folder deleted", "files broken"])
async def test_an_app_that_is_started_again_after_a_fault_runs_once(bench: Bench, fault: str) -> None:
    app = await bench.app()
    await bench.engine.start(app)
    await bench.answer(app.identity)
    folder, state = app_folder(bench, app), state_of(bench, app)
    left = set(Tree(f"SLIPWAY_APP={folder}").look())
    if fault == "killed":  # but not what the shell has started
        left -= {pid for pid, _ in (state["shim"], state["child"])}
        for pid, _ in (state["shim"], state["child"]):
            os.kill(pid, signal.SIGKILL)
            await ended(pid)
    elif fault == "folder deleted":
        shutil.rmtree(folder)
    else:
        for name in ("spec.json", "state.json"):
            (folder / name).write_bytes(b"")
    assert (await bench.engine.status(app.identity)).state in (AppState.STOPPED, AppState.GONE)
    assert (await bench.engine.start(app)).state is AppState.RUNNING
    assert (await bench.answer(app.identity))["visits"] == 2
    for pid in left:
        await ended(pid)


async def test_an_app_behind_a_shell_that_ends_at_once_finishes_what_it_does(bench: Bench) -> None:
    gentle = {**PROJECT, "Procfile": "web: python server.py; true\n"}
    finish = "import os, pathlib, signal, time\ndef finish(*_):\n    time.sleep(0.5)\n"
    finish += (
        "    pathlib.Path(os.environ['DATA_DIR'], 'finished').touch()\n    os._exit(0)\nsignal.signal(signal.SIGTERM, finish)\n"
    )
    built = await bench.build({**gentle, "server.py": finish + PROJECT["server.py"]})
    assert isinstance(built, Built)
    app = await bench.app(candidate=built.candidate)
    await bench.engine.start(app)
    answer = await bench.answer(app.identity)
    await bench.engine.stop(app.identity, 20)
    assert Path(answer["environment"]["DATA_DIR"], "finished").exists()
    assert (await bench.engine.status(app.identity)).state is AppState.STOPPED


async def test_an_app_that_ignores_the_request_to_end_is_killed(bench: Bench) -> None:
    stubborn = {**PROJECT, "Procfile": "web: trap '' TERM; python server.py\n"}
    stubborn["server.py"] = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + PROJECT["server.py"]
    built = await bench.build(stubborn)
    assert isinstance(built, Built)
    app = await bench.app(candidate=built.candidate)
    await bench.engine.start(app)
    await bench.answer(app.identity)
    await bench.engine.stop(app.identity, 0.5)
    status = await bench.engine.status(app.identity)
    assert (status.state, status.exit_code) == (AppState.STOPPED, 137)


async def test_a_failing_app_is_given_up_after_five_restarts(bench: Bench) -> None:
    app = await bench.app(process="broken")
    await bench.engine.start(app)

    async def is_stopped() -> bool:
        return (await bench.engine.status(app.identity)).state is AppState.STOPPED

    await until(is_stopped, "the supervisor gives up")
    status = await bench.engine.status(app.identity)
    assert (status.restarts, status.exit_code) == (5, 3)
    assert (await bench.engine.logs(app.identity)).count("about to fail") == 6


async def test_a_later_process_with_the_same_number_is_not_taken_for_the_app(bench: Bench) -> None:
    app = await bench.app()
    await bench.engine.start(app)
    await bench.engine.stop(app.identity, 10)
    mine = [os.getpid(), "another-boot/1"]
    path = app_folder(bench, app) / "state.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "shim": mine, "child": mine}))
    assert (await bench.engine.status(app.identity)).state is AppState.STOPPED
    await bench.engine.stop(app.identity, 1)
    await bench.engine.remove(app.identity)
    assert (await bench.engine.status(app.identity)).state is AppState.GONE


async def test_another_candidate_under_the_same_identity_replaces_the_copy(bench: Bench) -> None:
    app = await bench.app()
    await bench.engine.start(app)
    await bench.answer(app.identity)
    old = state_of(bench, app)["child"]
    built = await bench.build({**PROJECT, "new": "1"})
    assert isinstance(built, Built)
    await bench.engine.start(app.model_copy(update={"candidate": built.candidate}))
    assert (await bench.answer(app.identity))["visits"] == 2
    assert not alive(*old)


def test_a_log_that_grows_keeps_its_end_and_one_older_file(tmp_path: Path) -> None:
    (tmp_path / "launch.json").write_text(json.dumps({"log_bytes": 100}))
    (tmp_path / "log").write_bytes(b"a" * 150 + b"b" * 50)
    Supervisor(str(tmp_path)).rotate()
    assert (tmp_path / "log").read_bytes() == b""
    assert (tmp_path / "log.1").read_bytes() == b"a" * 50 + b"b" * 50


def test_a_supervisor_that_can_write_nothing_goes_on_and_tells_later(tmp_path: Path) -> None:
    (tmp_path / "launch.json").write_text(json.dumps({"log_bytes": 100}))
    supervisor = Supervisor(str(tmp_path))
    folder, supervisor.folder = supervisor.folder, str(tmp_path / "away")
    supervisor.save()
    assert not supervisor.wait(0)
    supervisor.folder = folder
    assert not supervisor.wait(0)
    assert json.loads((tmp_path / "state.json").read_text())["shim"][0] == os.getpid()


def test_the_supervisor_needs_no_library_of_ours() -> None:
    shim = ROOT / "blocks/process_engine/shim.py"
    listing = "import sys, runpy; runpy.run_path(sys.argv[1]); print(sorted(sys.modules))"
    python = shutil.which("python3") or sys.executable
    loaded = subprocess.run([python, "-I", "-S", "-c", listing, str(shim)], capture_output=True, text=True, check=True).stdout
    assert "'json'" in loaded
    assert "asyncio" not in loaded
    assert "pydantic" not in loaded


async def test_looking_at_a_tree_never_finds_ourselves() -> None:
    name, value = next(iter(os.environ.items()))
    assert os.getpid() not in Tree(f"{name}={value}").look()


async def test_preview_is_discarded_with_its_data_and_so_is_data_without_a_copy(bench: Bench, engine: ProcessEngine) -> None:
    app = await bench.app("p1", role="preview", data="copy")
    await engine.start(app)
    own = Path(engine.folder, "own")
    [held] = [each for each in await engine.held() if each.name == app.identity]
    assert (held.kind, held.projects, (own / app.identity).is_dir()) == ("preview", (bench.project,), True)
    assert await engine.discard(held.model_copy(update={"kind": "data-of-copy"})) is False
    assert await engine.discard(held) is True
    assert (await engine.apps(bench.project), list(own.iterdir())) == ([], [])
    assert await engine.discard(held) is False

    (own / app.identity).mkdir()  # what a start that was interrupted leaves
    [held] = [each for each in await engine.held() if each.name == app.identity]
    assert held.kind == "data-of-copy"
    assert await engine.discard(held) is True
    assert list(own.iterdir()) == []
