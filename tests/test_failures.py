"""What `.ci/run` learns of failed tests, of which it runs a few once more."""

from pathlib import Path
from typing import cast

import pytest

from tests.failures import Failures


class Listing:
    """A test run's configuration that lists its failures in a file."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def getoption(self, name: str) -> str:
        assert name == "--list-failed"
        return str(self._file)


@pytest.mark.parametrize(
    ("ended", "listed"),
    [(pytest.ExitCode.TESTS_FAILED, "tests/one.py\n"), (pytest.ExitCode.INTERNAL_ERROR, ""), (pytest.ExitCode.INTERRUPTED, "")],
)
def test_failures_are_listed_only_when_all_tests_were_run(tmp_path: Path, ended: pytest.ExitCode, listed: str) -> None:
    file = tmp_path / "failed"
    file.touch()
    failures = Failures(cast("pytest.Config", Listing(file)))
    failures.pytest_collectreport(pytest.CollectReport("tests/one.py", "failed", "it cannot be imported", None))
    failures.pytest_sessionfinish(ended)
    assert file.read_text() == listed
