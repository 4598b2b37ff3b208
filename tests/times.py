"""Where the minutes of a test run go: the groups that took longest, with when they began and ended."""

import time
from dataclasses import dataclass

import pytest

from tests.groups import group_of

SHOWN = 15
SHORTEST_SECONDS = 60.0
"""A run that is over sooner is not asked where it went."""


@dataclass
class Span:
    """What a group took: seconds in its tests, when its first one began and its last one ended, in seconds since the epoch."""

    seconds: float = 0.0
    began: float = float("inf")
    ended: float = 0.0

    def add(self, report: pytest.TestReport) -> None:
        """Count one test's set-up, call or tear-down."""
        self.seconds += report.duration
        self.began = min(self.began, report.start)
        self.ended = max(self.ended, report.stop)


class Times:
    """Counts the reports of all processes, and prints the longest groups at the end."""

    def __init__(self, began: float) -> None:
        self._spans: dict[str, Span] = {}
        self._began = began

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._spans.setdefault(group_of(report.nodeid), Span()).add(report)

    def lines(self, now: float) -> list[str]:
        """Return a line for each of the longest groups; none when the run took less than a minute."""
        if now - self._began < SHORTEST_SECONDS:
            return []
        longest = sorted(self._spans.items(), key=lambda named: -named[1].seconds)[:SHOWN]
        return [
            f"{span.seconds:6.0f} s  from {span.began - self._began:5.0f} to {span.ended - self._began:5.0f}  {name}"
            for name, span in longest
        ]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        lines = self.lines(time.time())
        if lines:
            terminalreporter.section("where the time went")
            terminalreporter.write_line("\n".join(lines))
