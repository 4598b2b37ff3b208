"""One installation for the whole suite, and the report that names every escape and what held it."""

import asyncio
import os
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from _pytest.terminal import TerminalReporter

from blocks.docker_engine import DockerEngine
from deployments.preflight import free_port
from domain.workers import AppSpec, Built, Limits, Worker, WorkerSpec
from tests.blocks.egress_bench import Place, installed
from tests.blocks.engine_bench import PROJECT

RUN = "r-hostile"
SMALL = Limits(memory_mb=256, cpus=1.0, pids=64, disk_mb=64)
REPORT = Path(__file__).parents[2] / "build" / "hostile.md"
NAMES = """
127.0.0.1 loopback.slipway-test.example
169.254.169.254 metadata.slipway-test.example
10.0.0.1 inside.slipway-test.example
::1 loopback6.slipway-test.example
"""
"""What an attacker's name server could answer for a permitted name."""


class Tried(NamedTuple):
    area: str
    name: str
    outcome: str
    held: str


TRIED: list[Tried] = []


@pytest.fixture
def held(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Return what notes for the report what held the escape."""
    return lambda how: record_property("held", how)


@pytest.fixture(scope="package")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    os.environ["ANTHROPIC_API_KEY"] = "sk-ant-hostile-test"
    try:
        names = NAMES if os.geteuid() == 0 else ""
        with installed(tmp_path_factory.mktemp("hostile"), names, free_port("0.0.0.0")) as made:
            asyncio.run(made.ready())
            yield made
    finally:
        del os.environ["ANTHROPIC_API_KEY"]


@pytest.fixture(scope="package")
def engine(place: Place) -> DockerEngine:
    return place.engine()


def spec(role: str, run: str = RUN, project: str = "evil", **more: Any) -> WorkerSpec:
    return WorkerSpec(**{"identity": f"{run}-{role}", "project": project, "run": run, "role": role, "limits": SMALL} | more)


@pytest.fixture(scope="package")
def agent(engine: DockerEngine) -> Worker:
    """Return an agent's worker, which reaches package registries."""
    return asyncio.run(engine.spawn(spec("developer", network="packages")))


@pytest.fixture(scope="package")
def candidate(engine: DockerEngine, tmp_path_factory: pytest.TempPathFactory) -> str:
    source = tmp_path_factory.mktemp("candidate")
    for name, text in PROJECT.items():
        (source / name).write_text(text)
    made = asyncio.run(engine.build(source, "evil", RUN))
    assert isinstance(made, Built), made.log
    return made.candidate


@pytest.fixture(scope="package")
def victim(engine: DockerEngine, candidate: str) -> tuple[str, int]:
    """Return the address of another project's running app."""
    app = AppSpec(identity="victim-v1", project="victim", run="r-victim", candidate=candidate, limits=SMALL)
    host, _, port = asyncio.run(engine.start(app)).address.partition(":")
    return host, int(port)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if "held" in item.fixturenames and (report.when == "call" or not report.passed):
        held = next((str(value) for name, value in report.user_properties if name == "held"), "")
        TRIED.append(Tried(_area(item), _name(item), _outcome(item, report), held))
    return report


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
