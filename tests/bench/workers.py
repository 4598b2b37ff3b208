"""How long a worker takes to be there, and a command in it."""

import asyncio
import math
import os
import tempfile
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

from domain.engines import Engine
from domain.workers import Command, WorkerSpec
from tasks.workplace import usual_worker
from tests.bench.figures import Section
from tests.bench.installation import docker_client, remove_from_docker

WARM_ROUNDS = 20
WHOSE = {"identity", "project", "run"}
"""What a spare becomes its worker's by."""
CERTIFICATES = ("SLIPWAY_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")


def measure(rounds: int, engine: str) -> Section:
    """Spawn, adopt and use workers of the Docker engine, or of local processes where none answers."""
    client = docker_client() if engine != "process" else None
    if client is not None:
        client.close()
    name = f"bench-{os.getpid()}"
    with tempfile.TemporaryDirectory(prefix="slipway-bench-", ignore_cleanup_errors=True) as folder:
        try:
            return asyncio.run(_measured(rounds, name, Path(folder), docker=client is not None))
        finally:
            if client is not None:
                remove_from_docker(name)


async def _measured(rounds: int, name: str, folder: Path, *, docker: bool) -> Section:
    section = Section(name="workers", title=f"Workers of the {'Docker' if docker else 'process'} engine")
    made = await _engine(name, folder, docker=docker)
    first = _spec(name, 0)
    seconds, worker = await _timed(made.spawn(first))
    section.add("spawn, the first", "s", seconds, note="makes the network" if docker else "makes the agents' environment")
    adopted, execs, later, removed = [], [], [], []
    for number in range(1, max(rounds, 3) + 1):
        adopted.append((await _timed(made.spawn(first)))[0])
        execs.append((await _timed(worker.run(Command(argv=("true",)))))[0])
        later.append((await _timed(made.spawn(_spec(name, number))))[0])
        removed.append((await _timed(made.remove_worker(_spec(name, number).identity)))[0])
    warm = await _warm(made, name, max(rounds, WARM_ROUNDS)) if docker else []
    await made.remove_worker(first.identity)
    section.add("spawn, later ones", "s", *later)
    if warm:
        p95 = sorted(warm)[math.ceil(0.95 * len(warm)) - 1]
        section.add("spawn, warm", "s", *warm, note=f"a spare was there; p95 {p95:.3f} s")
    section.add("spawn, adopted", "s", *adopted, note="the same identity runs already")
    section.add("run `true` in it", "s", *execs)
    section.add("remove", "s", *removed)
    section.notes.append("The worker's image is there; layers are never pulled.")
    return section


async def _warm(engine: Any, name: str, rounds: int) -> list[float]:
    """Spawn the developer's worker where a spare waits, as the runner has it; the refill is not measured."""
    seconds = []
    for number in range(rounds):
        await engine.refill(usual_worker(), 1)
        spec = usual_worker().model_copy(update=_spec(f"{name}-warm", number).model_dump(include=WHOSE))
        seconds.append((await _timed(engine.spawn(spec)))[0])
        await engine.remove_worker(spec.identity)
    return seconds


async def _engine(name: str, folder: Path, *, docker: bool) -> Engine:
    bundle = next((os.environ[variable] for variable in CERTIFICATES if os.environ.get(variable)), None)
    if not docker:
        from blocks.process_engine.block import ProcessEngine

        return ProcessEngine(installation=name, folder=str(folder), ca_bundle=bundle)
    from blocks.docker_engine.block import DockerEngine
    from deployments.base_image import ensure_images

    images = await ensure_images(None, Path(bundle) if bundle else None, print)
    return DockerEngine(installation=name, base_image=images.base, worker_image=images.worker, data_folder=str(folder))


def _spec(name: str, number: int) -> WorkerSpec:
    return WorkerSpec(identity=f"{name}-{number}", project=name, run=f"r-{name}", role="developer", network="packages")


async def _timed(work: Awaitable[Any]) -> tuple[float, Any]:
    began = time.monotonic()
    result = await work
    return time.monotonic() - began, result
