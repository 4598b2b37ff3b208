"""The same image tested twice: real pytest runs in a folder of this machine behind the fake engine."""

import sys
from pathlib import Path

import pytest

from blocks.archives import unpack
from domain.failures import feedback
from domain.reports import CaseResult, Outcome, TestReport
from domain.workers import Command, CommandResult, WorkerSpec
from tasks.honesty import verify_report
from tasks.repetition import repeat_tests
from tasks.tester import run_tests
from tests.fakes.engine import FakeEngine
from tests.tasks.test_tester import COMMIT, PYTEST, FolderGit, Place, manifest

MOODY = """from pathlib import Path


def test_solid():
    assert Path(__file__).exists()


def test_moody():
    seen = Path("{seen}")
    first = not seen.exists()
    seen.write_text("x")
    assert first is {good_first}
"""
RUN_ALL = """import sys

import pytest

sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir=.", f"--junitxml={sys.argv[1]}"]))
"""
"""A command in which nothing tells the tester which runner it is."""
WHERE = ("r-abc123", "notes", 1, COMMIT)


class Bench:
    def __init__(self, folder: Path, *, good_first: bool, command: str = PYTEST) -> None:
        place = Place(folder)
        test = MOODY.format(seen=folder / "seen", good_first=good_first)
        files = {"app.json": manifest(command), "tests/test_mood.py": test, "run_all.py": RUN_ALL}
        (place.folder / "app" / "tests").mkdir()
        for name, content in files.items():
            (place.folder / "app" / name).write_text(content)
        self.place = place
        self.engine = FakeEngine(run=self.run)
        self.git = FolderGit({COMMIT: files})

    async def run(self, spec: WorkerSpec, command: Command) -> CommandResult:
        for archive in self.engine.live_workers[spec.identity].archives:
            unpack(archive, self.place.folder / "app", 100_000, 10)
        return await self.place.run(spec, command)

    async def first(self) -> TestReport:
        return await run_tests.fn(*WHERE, "sha256:1", self.git, self.engine)


def results(report: TestReport) -> dict[str, CaseResult]:
    return {case.name: case.result for case in report.cases}


async def test_a_test_that_fails_and_then_passes_is_flaky_and_goes_back_by_name(tmp_path: Path) -> None:
    bench = Bench(tmp_path, good_first=False)
    first = await bench.first()
    assert first.outcome is Outcome.FAILED

    report = await repeat_tests.fn(*WHERE, first, bench.git, bench.engine)

    assert report.outcome is Outcome.FLAKY
    assert results(report) == {"test_solid": CaseResult.PASSED, "test_moody": CaseResult.FLAKY}
    assert "test_moody" in feedback(report)
    assert bench.engine.spawned[-1].image == "sha256:1"
    assert bench.engine.live_workers == {}


async def test_a_test_that_fails_every_time_is_no_flaky_one(tmp_path: Path) -> None:
    bench = Bench(tmp_path, good_first=False)
    first = await bench.first()
    (tmp_path / "seen").unlink()

    assert await repeat_tests.fn(*WHERE, first, bench.git, bench.engine) == first


async def test_tests_that_take_too_long_are_not_run_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path, good_first=False)
    slow = (await bench.first()).model_copy(update={"seconds": 1000.0})
    spawned = len(bench.engine.spawned)

    assert await repeat_tests.fn(*WHERE, slow, bench.git, bench.engine) == slow
    assert len(bench.engine.spawned) == spawned


@pytest.mark.parametrize("command", [PYTEST, f"{sys.executable} run_all.py $REPORTS_DIR/junit.xml"])
async def test_a_green_report_whose_second_run_fails_is_flaky_with_and_without_tests_of_ours(
    tmp_path: Path, command: str
) -> None:
    bench = Bench(tmp_path, good_first=True, command=command)
    first = await bench.first()
    assert first.passed, first.log

    report = await verify_report.fn(*WHERE, first, bench.git, bench.engine)

    assert report.outcome is Outcome.FLAKY, report
    assert results(report)["test_moody"] is CaseResult.FLAKY
