"""The tester with real commands: real pytest runs in a folder of this machine behind the fake engine."""

import asyncio
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from domain.candidates import BuildFailed, Built
from domain.errors import Broken, EngineUnreachable, ServiceUnreachable
from domain.patches import ChangedFile, Commit, Extent, Patch
from domain.reports import Outcome, TestReport
from domain.workers import Command, CommandResult, WorkerSpec
from tasks.retrying import only_try_again
from tasks.tester import build_candidate, run_tests
from tests.fakes.engine import FakeEngine

COMMIT, BASE = "c" * 40, "b" * 40
PYTEST = f"{sys.executable} -m pytest -q -p no:cacheprovider -c /dev/null --rootdir=. --junitxml=$REPORTS_DIR/junit.xml"


class FolderGit:
    """A git host whose commits are dictionaries of files; a value that is a Path becomes a link."""

    def __init__(self, commits: Mapping[str, Mapping[str, str | Path]]) -> None:
        self.commits = commits

    async def checkout(self, project: str, commit: str, folder: Path) -> None:
        _write({".git/HEAD": commit, **self.commits[commit]}, folder)

    async def read(self, project: str, commit: str, paths: Sequence[str]) -> dict[str, str]:
        files = self.commits[commit]
        return {path: text for path in paths if isinstance(text := files.get(path), str)}

    async def create(self, project: str) -> None:
        raise _not_the_testers("create", project)

    async def exists(self, project: str) -> bool:
        raise _not_the_testers("exists", project)

    async def head(self, project: str, branch: str = "main") -> str | None:
        raise _not_the_testers("head", project, branch)

    async def commit_tree(
        self, project: str, folder: Path, *, branch: str, parent: str | None, message: str, author: str
    ) -> Commit:
        raise _not_the_testers("commit_tree", project, branch, message)

    async def patch(self, project: str, base: str | None, commit: str) -> Patch:
        """Return every file of the commit as added; only that is asked for."""
        if base is not None:
            raise _not_the_testers("patch", project, base, commit)
        files = tuple(ChangedFile(path=path, added=1, removed=0) for path in sorted(self.commits[commit]))
        return Patch(base=None, commit=commit, files=files)

    async def extent(self, project: str, base: str | None, commit: str) -> Extent:
        raise _not_the_testers("extent", project, commit)

    async def advance(self, project: str, branch: str, commit: str) -> None:
        raise _not_the_testers("advance", project, branch, commit)

    async def take_back(self, project: str, branch: str, commit: str, to: str) -> None:
        raise _not_the_testers("take_back", project, branch, commit, to)

    async def delete(self, project: str) -> None:
        raise _not_the_testers("delete", project)


def _not_the_testers(asked: str, *given: str) -> AssertionError:
    return AssertionError(f"a tester only reads its git host, but asked it to {asked}({', '.join(given)})")


def _write(files: Mapping[str, str | Path], folder: Path) -> None:
    assert not list(folder.iterdir())
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(content) if isinstance(content, Path) else path.write_text(content)


def manifest(command: str) -> str:
    return json.dumps({"environments": {"test": {"scripts": {"test": command}}}})


class Place:
    """A folder in which commands really run, as a worker of a prepared candidate does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "tmp").mkdir()
        (folder / "app").mkdir()

    async def run(self, spec: WorkerSpec, command: Command) -> CommandResult:
        path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
        process = await asyncio.create_subprocess_exec(
            *command.argv,
            cwd=self.folder / "app",
            env={
                "PATH": path,
                "TMPDIR": str(self.folder / "tmp"),
                "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
                **command.environment,
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        kept = out[: command.output_limit]
        return CommandResult(exit_code=process.returncode or 0, stdout=kept, stderr=err, truncated=len(kept) < len(out))


@pytest.fixture
def judged(tmp_path: Path) -> Callable[..., TestReport]:
    """Return a function that runs a command on files through the real task body."""
    place = Place(tmp_path)

    def run(files: Mapping[str, str], command: str = PYTEST) -> TestReport:
        sources = {"app.json": manifest(command), **files}
        for name, content in sources.items():
            (place.folder / "app" / name).write_text(content)
        engine = FakeEngine(run=place.run)
        git = FolderGit({COMMIT: sources})
        report = asyncio.run(run_tests.fn("r-abc123", "notes", 1, COMMIT, "sha256:1", git, engine))
        assert engine.live_workers == {}, "the worker must be gone"
        return report

    return run


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("def test_a(): pass", Outcome.PASSED),
        ("def test_a(): assert 1 == 2", Outcome.FAILED),
        ("import nothing_here", Outcome.NOT_COLLECTED),
        ("", Outcome.NO_TESTS),
        ("import pytest\n@pytest.mark.skip\ndef test_a(): pass", Outcome.NO_TESTS),
        ("def test_a(): pass\ndef test_b():\n    import os; os._exit(0)", Outcome.REPORT_MISSING),
        ("def test_a(): pass\ndef test_b():\n    import pytest; pytest.exit('x', 0)", Outcome.FAILED),
        ("def test_a():\n    import os, signal; os.kill(os.getpid(), signal.SIGKILL)", Outcome.RUNNER_FAILED),
        ("def test_a():\n    import atexit, os; atexit.register(os._exit, 3)", Outcome.RUNNER_FAILED),
    ],
)
def test_real_pytest_runs_are_judged_by_what_happened(judged: Callable[..., TestReport], text: str, wanted: Outcome) -> None:
    report = judged({"test_it.py": text})

    assert report.outcome is wanted, report.log
    assert (report.candidate, report.commit) == ("sha256:1", COMMIT)


@pytest.mark.parametrize(
    ("command", "wanted"),
    [
        ("true", Outcome.REPORT_MISSING),
        ("nothing-of-this-name", Outcome.RUNNER_FAILED),
        ("echo broken > $REPORTS_DIR/a.xml", Outcome.REPORT_MALFORMED),
        (f"{PYTEST}; true", Outcome.FAILED),
        (f"{PYTEST}; mkfifo $REPORTS_DIR/b.xml; ln -s /etc/passwd $REPORTS_DIR/c.xml; exit 1", Outcome.FAILED),
        ("mkdir $REPORTS_DIR/x; echo '<testsuite/>' > $REPORTS_DIR/x/deep.xml", Outcome.NO_TESTS),
        ("rm -r $REPORTS_DIR", Outcome.REPORT_MALFORMED),
        ("head -c 70000000 /dev/zero > $REPORTS_DIR/big.xml", Outcome.REPORT_MALFORMED),
    ],
)
def test_commands_that_cheat_or_break_never_pass(judged: Callable[..., TestReport], command: str, wanted: Outcome) -> None:
    report = judged({"test_it.py": "def test_a(): assert 0"}, command)

    assert report.outcome is wanted, report


def test_reports_of_an_earlier_run_do_not_count(judged: Callable[..., TestReport]) -> None:
    assert judged({"test_it.py": "def test_a(): pass"}).passed

    assert judged({"test_it.py": "def test_a(): pass"}, "true").outcome is Outcome.REPORT_MISSING


async def test_worker_is_fresh_without_network_and_named_by_run_and_round() -> None:
    answers = [CommandResult(exit_code=0, stdout=b"/tmp/reports.1\n"), CommandResult(exit_code=-1, timed_out=True)]
    engine = FakeEngine(commands=answers)
    stale = await engine.spawn(WorkerSpec(identity="r-abc123-tester-2", project="notes", run="r-abc123", role="tester"))

    report = await run_tests.fn("r-abc123", "notes", 2, COMMIT, "sha256:1", FolderGit({COMMIT: {}}), engine, seconds=7)

    spec = engine.spawned[-1]
    assert (spec.identity, spec.image, spec.network, spec.role) == ("r-abc123-tester-2", "sha256:1", "none", "tester")
    assert spec is not stale.spec
    assert engine.removed_workers == ["r-abc123-tester-2"] * 2
    assert engine.asked[1].environment == {"REPORTS_DIR": "/tmp/reports.1", "CI": "true"}
    assert engine.asked[1].seconds == 7
    assert report.outcome is Outcome.TIMED_OUT


async def test_engine_that_dies_is_an_error_and_no_verdict() -> None:
    died = EngineUnreachable("the engine", "running a command")
    engine = FakeEngine(commands=[CommandResult(exit_code=0, stdout=b"/tmp/reports.1\n"), died])

    with pytest.raises(EngineUnreachable):
        await run_tests.fn("r-abc123", "notes", 1, COMMIT, "sha256:1", FolderGit({COMMIT: {}}), engine)

    assert engine.live_workers == {}


async def test_worker_without_a_place_for_reports_is_our_fault() -> None:
    engine = FakeEngine(commands=[CommandResult(exit_code=1, stderr=b"mktemp: No space left")])

    with pytest.raises(Broken, match="No space left"):
        await run_tests.fn("r-abc123", "notes", 1, COMMIT, "sha256:1", FolderGit({COMMIT: {}}), engine)


async def test_platform_files_are_those_of_the_base(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("untouched")
    trusted: dict[str, str | Path] = {
        "Dockerfile": "FROM base",
        "app.json": "{}",
        ".github/workflows/ci.yml": "good",
        "old.py": "1",
    }
    changed: dict[str, str | Path] = {
        "Dockerfile": outside / "kept",
        "app.json/x": "a folder in its place",
        ".dockerignore": "*",
        "Procfile": "web: evil",
        ".github": outside,
        "new.py": "2",
    }
    engine = FakeEngine(builds=[Built(candidate="sha256:9")])

    built = await build_candidate.fn("r-abc123", "notes", 1, COMMIT, BASE, FolderGit({COMMIT: changed, BASE: trusted}), engine)

    assert built == Built(candidate="sha256:9")
    assert engine.built == [
        {"Dockerfile": b"FROM base", "app.json": b"{}", ".github/workflows/ci.yml": b"good", "new.py": b"2"}
    ]
    assert sorted(path.name for path in outside.iterdir()) == ["kept"]
    assert (outside / "kept").read_text() == "untouched"


async def test_failed_build_comes_back_as_it_is_and_nothing_stays_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    engine = FakeEngine(builds=[BuildFailed(log="no")])

    assert await build_candidate.fn("r-abc123", "notes", 1, COMMIT, BASE, FolderGit({COMMIT: {}, BASE: {}}), engine) == (
        BuildFailed(log="no")
    )
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("error", "wanted"),
    [(EngineUnreachable("e", "a"), True), (ServiceUnreachable("s", "a"), True), (Broken("x"), False), (ValueError(), False)],
)
def test_only_the_try_again_family_is_tried_again(error: Exception, wanted: bool) -> None:
    from prefect.states import Failed

    assert only_try_again(run_tests, None, Failed(data=error)) is wanted  # type: ignore[arg-type]
