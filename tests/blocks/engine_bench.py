"""What the tests of engines stand on: the engines, a tiny project without dependencies, and one bench a test."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest

from blocks.docker_engine.block import DockerEngine
from blocks.docker_engine.commands import DockerWorker
from blocks.plain_http import plain_client
from blocks.process_engine.block import ProcessEngine
from domain.candidates import BuildFailed, Built
from domain.engines import Engine
from domain.errors import UnknownObject
from domain.workers import AppSpec, Worker, WorkerSpec
from tests.agent_environment import lay_agent_environment
from tests.blocks.services import binary

DOCKERFILE = "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nWORKDIR /app\nCOPY . .\nUSER 10001\n"
SERVER = """
import json, os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/crash":
            os._exit(3)
        visits = Path(os.environ["DATA_DIR"], "visits")
        number = int(visits.read_text()) + 1 if visits.exists() else 1
        visits.write_text(str(number))
        body = json.dumps({"visits": number, "environment": dict(os.environ)}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

print("listening", flush=True)
ThreadingHTTPServer((os.environ.get("HOST", "0.0.0.0"), int(os.environ["PORT"])), Handler).serve_forever()
"""
PROJECT = {
    "Dockerfile": DOCKERFILE,
    "Procfile": "web: python server.py\nbroken: python -c \"print('about to fail'); raise SystemExit(3)\"\n",
    "server.py": SERVER,
    "test_numbers.py": "import unittest\nclass T(unittest.TestCase):\n    def test_one(self): self.assertEqual(1, 1)\n",
}
numbers = count(1)


async def until(condition: Callable[[], Awaitable[Any]], what: str, seconds: float = 60.0) -> Any:
    """Ask again and again until the answer is truthy, and return it."""
    deadline = time.monotonic() + seconds
    while not (answer := await condition()):
        assert time.monotonic() < deadline, f"waited {seconds:g} seconds in vain until {what}"
        await asyncio.sleep(0.05)
    return answer


class Bench:
    """One project and one run of its own on an engine that the whole session shares."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine = engine
        self.folder = folder
        self.project = f"bench-{os.getpid()}-{next(numbers)}"
        self.run = f"r-{self.project}"
        self.built: set[str] = set()

    def spec(self, role: str = "developer", **more: Any) -> WorkerSpec:
        return WorkerSpec(identity=f"{self.project}-{role}", project=self.project, run=self.run, role=role, **more)

    async def worker(self, role: str = "developer", **more: Any) -> Worker:
        return await self.engine.spawn(self.spec(role, **more))

    async def build(self, files: dict[str, str], **more: Any) -> Built | BuildFailed:
        source = self.folder / f"source-{next(numbers)}"
        for name, text in files.items():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_text(text)
        built = await self.engine.build(source, self.project, self.run, **more)
        if isinstance(built, Built):
            self.built.add(built.candidate)
        return built

    async def candidate(self) -> str:
        built = await self.build(PROJECT)
        assert isinstance(built, Built), built.log
        return built.candidate

    async def app(self, name: str = "v1", **more: Any) -> AppSpec:
        candidate = more.pop("candidate", None) or await self.candidate()
        return AppSpec(identity=f"{self.project}-{name}", project=self.project, run=self.run, candidate=candidate, **more)

    async def answer(self, identity: str, path: str = "/") -> dict[str, Any]:
        """Return what the app says once it answers."""

        async def asked() -> dict[str, Any] | None:
            status = await self.engine.status(identity)
            try:
                async with plain_client() as client:
                    return (await client.get(f"http://{status.address or '127.0.0.1:1'}{path}")).json()
            except httpx.TransportError:
                return None

        return await until(asked, f"{identity} answers")

    async def clear(self) -> None:
        for app in await self.engine.apps(self.project):
            await self.engine.remove(app.identity)
        for worker in await self.engine.workers(self.run):
            await self.engine.remove_worker(worker.identity)
        for candidate in self.built:
            await self.engine.remove_candidate(candidate)


def shared_folder(factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the process engine that the tests of this process share."""
    return factory.getbasetemp() / "process-engine"


def process_engine(folder: Path) -> ProcessEngine:
    bundle = os.environ.get("SSL_CERT_FILE")
    lay_agent_environment(folder)
    return ProcessEngine(installation="tests", folder=str(folder), ca_bundle=bundle, redis_server=binary("redis-server"))


class SpareEngine(DockerEngine):
    """A Docker engine that has a spare for each worker that is asked for."""

    _block_type_slug: ClassVar[str] = "slipway-tests-spare-engine"

    async def spawn(self, spec: WorkerSpec) -> DockerWorker:
        with suppress(UnknownObject):  # another spawn at the same time has removed it
            await self.refill(spec, 1)
        worker = await super().spawn(spec)
        await self.refill(spec, 0)
        return worker


def docker_engine(factory: pytest.TempPathFactory, kind: type[DockerEngine] = DockerEngine) -> Engine:
    from deployments.base_image import ensure_images

    bundle = os.environ.get("SSL_CERT_FILE")
    images = asyncio.run(ensure_images(None, Path(bundle) if bundle else None, print))
    return kind(
        installation=f"tests-{os.getpid()}",
        base_image=images.base,
        worker_image=images.worker,
        data_folder=str(factory.mktemp("docker")),
    )


def clean_docker(label: str) -> None:
    """Delete the volumes of this session: an engine keeps its projects' data for ever."""
    import docker

    client = docker.from_env()
    try:
        for volume in client.volumes.list(filters={"label": label}):
            volume.remove()
    finally:
        client.close()


ENGINES: dict[str, Callable[[pytest.TempPathFactory], Engine]] = {
    "process": lambda factory: process_engine(shared_folder(factory)),
    "docker": docker_engine,
    "spares": lambda factory: docker_engine(factory, SpareEngine),
}
