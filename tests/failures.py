"""What is said of failed tests while the others still run, and listed for `.ci/run` at the end."""

from pathlib import Path

import pytest


class Failures:
    """Names each failure as soon as it is known: a whole run takes a while, and pytest's own list comes at its end."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._files: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if not report.failed:
            return
        self._files.add(report.nodeid.partition("::")[0])
        if reporter is not None:
            reporter.write_line(f"\nfailed in {report.when}: {report.nodeid}")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._files.add(report.nodeid)

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """List them when all has been run: one that broke off in between is no run whose failures are known."""
        listed = self._config.getoption("--list-failed")
        if listed and exitstatus == pytest.ExitCode.TESTS_FAILED:
            Path(listed).write_text("".join(f"{name}\n" for name in sorted(self._files)))
