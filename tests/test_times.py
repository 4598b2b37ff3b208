"""What a test run says of where its minutes went."""

import time

import pytest

from tests.times import SHORTEST_SECONDS, Times


def report(nodeid: str, start: float, seconds: float) -> pytest.TestReport:
    return pytest.TestReport(
        nodeid=nodeid, location=("", 0, ""), keywords={}, outcome="passed", longrepr=None, when="call", duration=seconds,
        start=start, stop=start + seconds,
    )  # fmt: skip


def test_the_longest_groups_are_named_with_their_span() -> None:
    now = time.time()
    times = Times(now)
    times.pytest_runtest_logreport(report("tests/story/test_ends.py::one", now, 10.0))
    times.pytest_runtest_logreport(report("tests/story/test_life.py::two", now + 20.0, 15.0))
    times.pytest_runtest_logreport(report("tests/domain/test_names.py::three", now, 3.0))
    assert times.lines(now + SHORTEST_SECONDS - 1) == []
    assert times.lines(now + SHORTEST_SECONDS + 1) == [
        "    25 s  from     0 to    35  story-process",
        "     3 s  from     0 to     3  tests/domain/test_names.py",
    ]
