"""One installation for the whole suite."""

import asyncio
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from blocks.docker_engine.block import DockerEngine
from deployments.egress.firewall import can_lock
from deployments.supervision.ports import free_port
from domain.candidates import Built
from domain.workers import AppSpec, Limits, Worker, WorkerSpec
from tests.blocks.egress_bench import Place, installed
from tests.blocks.engine_bench import PROJECT
from tests.blocks.outside import Outside, outside

RUN = "r-hostile"
SMALL = Limits(memory_mb=256, cpus=1.0, pids=64, disk_mb=64)
NAMES = """
127.0.0.1 loopback.slipway-test.example
169.254.169.254 metadata.slipway-test.example
10.0.0.1 inside.slipway-test.example
::1 loopback6.slipway-test.example
"""
"""What an attacker's name server could answer for a permitted name."""


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


@pytest.fixture(scope="package")
def world(place: Place, engine: DockerEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    """Yield what stands for the internet, with an ordinary container that reaches it."""
    if not can_lock():
        pytest.skip("an internet of the test's own is made by root only")
    with outside(place, engine.worker_image, tmp_path_factory.mktemp("outside")) as made:
        yield made


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
