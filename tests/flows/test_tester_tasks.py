"""The tester's tasks as Prefect runs them: tried again after an engine's death, and not run twice for one round."""

import sys
from pathlib import Path

import pytest
from prefect import flow

from domain.errors import EngineUnreachable
from domain.reports import Outcome, TestReport
from domain.workers import CommandResult
from tasks.tester import run_tests
from tests.conftest import PrefectServer
from tests.fakes.engine import FakeEngine
from tests.tasks.test_tester import COMMIT, FolderGit, Place, manifest


async def test_round_is_tried_again_after_the_engine_died_and_never_run_twice(
    prefect_api: PrefectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_tests, "retry_delay_seconds", [0])
    script = f"{sys.executable} -c \"print('<testsuite><testcase name=\\'a\\'/></testsuite>')\" > $REPORTS_DIR/a.xml"
    git, place = FolderGit({COMMIT: {"app.json": manifest(script)}}), Place(tmp_path)
    deaths = [EngineUnreachable("the engine", "running a command")]

    async def dies_once(*asked: object) -> CommandResult:
        if deaths:
            raise deaths.pop()
        return await place.run(*asked)  # type: ignore[arg-type]

    engine = FakeEngine(run=dies_once)

    @flow
    async def rounds(numbers: list[int]) -> list[TestReport]:
        return [await run_tests("r-flow01", "notes", number, COMMIT, "sha256:1", git, engine) for number in numbers]

    reports = await rounds([1, 1, 2])
    again = await rounds([2])

    assert [report.outcome for report in (*reports, *again)] == [Outcome.PASSED] * 4
    assert [spec.identity for spec in engine.spawned] == ["r-flow01-tester-1"] * 2 + ["r-flow01-tester-2"]
    assert reports[0] == reports[1]
