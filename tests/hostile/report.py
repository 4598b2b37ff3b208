"""The report that names every escape and what held it.

A plugin of its own, registered by tests/conftest.py: with pytest-xdist it prints in a process that collects no test and so
never loads this folder's conftest.
"""

from collections.abc import Generator
from pathlib import Path
from typing import NamedTuple

import pytest
from _pytest.terminal import TerminalReporter

REPORT = Path(__file__).parents[2] / "build" / "hostile.md"


class Tried(NamedTuple):
    area: str
    name: str
    outcome: str
    held: str


TRIED: list[Tried] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note on the report what was tried: the report travels to the process that prints, this module's lists do not."""
    report = yield
    if "held" in getattr(item, "fixturenames", ()) and (report.when == "call" or not report.passed):
        outcome = _outcome(item, report)
        report.user_properties.append(("escape", (_area(item), _name(item), outcome)))
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    noted = dict(report.user_properties)
    if isinstance(escape := noted.get("escape"), list | tuple):
        TRIED.append(Tried(*map(str, escape), held=str(noted.get("held", ""))))


def _area(item: pytest.Item) -> str:
    return item.path.stem.removeprefix("test_")


def _name(item: pytest.Item) -> str:
    called = getattr(item, "callspec", None)
    test = (item.originalname if isinstance(item, pytest.Function) else item.name).removeprefix("test_").replace("_", " ")
    return f"{test}: {called.id}" if called else test


def _outcome(item: pytest.Item, report: pytest.TestReport) -> str:
    if report.failed:
        return "NOT CONTAINED"
    if report.skipped:
        return "not tried"
    return "known limit" if item.get_closest_marker("limit") else "contained"


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Name each escape on the terminal and in the report's file."""
    if not TRIED:
        return
    counts = ", ".join(f"{sum(t.outcome == o for t in TRIED)} {o}" for o in sorted({t.outcome for t in TRIED}))
    title = f"Hostile workers, repositories, archives and reports: {len(TRIED)} escapes, {counts}"
    rows = "\n".join(f"| {t.area} | {_cell(t.name)} | {t.outcome} | {_cell(t.held)} |" for t in TRIED)
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(f"# {title}\n\n| area | escape | outcome | held by |\n|---|---|---|---|\n{rows}\n", encoding="utf-8")
    terminalreporter.section("hostile")
    for each in TRIED:
        terminalreporter.write_line(f"{each.outcome:<13}  {each.area:<12}  {each.name}")
    terminalreporter.write_line(f"{title}; what held each: {REPORT}")


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")[:160]
