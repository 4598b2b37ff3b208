"""The way to one Docker engine: a client and threads made lazily in each process, and the meaning of its errors."""

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import docker
import requests
from docker.errors import APIError, DockerException, NotFound

from domain.errors import Broken, EngineUnreachable, SlipwayError, UnknownObject

T = TypeVar("T")

CONCURRENCY = 64
"""Exchanges with the engine at once; a running command holds two. asyncio's own pool has six threads on two cores."""
ANSWER_SECONDS = 120
"""How long the engine may stay silent within one exchange."""

ENGINE_ERRORS = (DockerException, requests.RequestException, OSError)
"""What an exchange with the engine can raise; all of it goes through `docker_failure`."""


def docker_failure(error: Exception, attempted: str) -> SlipwayError:
    """Return what `error` means while `attempted`: the engine's 404, its refusals (4xx), and all else as unreachable."""
    if isinstance(error, NotFound):
        return UnknownObject(f"object in the Docker engine for {attempted}:", error.explanation)
    if isinstance(error, APIError) and error.is_client_error():
        return Broken(f"the Docker engine refused {attempted}: {error.explanation}")
    return EngineUnreachable("the Docker engine", attempted, str(error)[:500])


def is_conflict(error: Exception) -> bool:
    """Tell whether the engine said 409: the name is taken, or the object is in use."""
    return isinstance(error, APIError) and error.status_code == 409


def connected(docker_host: str | None, silence: int = ANSWER_SECONDS) -> docker.DockerClient:
    """Return a client of the engine at `docker_host`; without one, of the engine that Docker's own variables name."""
    if docker_host is None:
        return docker.from_env(version="auto", timeout=silence, max_pool_size=CONCURRENCY)
    return docker.DockerClient(base_url=docker_host, version="auto", timeout=silence, max_pool_size=CONCURRENCY)


class DockerConnection:
    """Run exchanges with one engine off the event loop, and translate what they raise."""

    def __init__(self, docker_host: str | None) -> None:
        self._docker_host = docker_host
        self._process = 0
        self._lock = threading.Lock()
        self._api: Any = None
        self._threads: ThreadPoolExecutor | None = None

    def __reduce__(self) -> tuple[type["DockerConnection"], tuple[str | None]]:
        """Let blocks be copied and pickled: a copy connects anew."""
        return DockerConnection, (self._docker_host,)

    async def ask(self, attempted: str, exchange: Callable[[Any], T]) -> T:
        """Call `exchange` with the engine's low-level client in a thread; `attempted` says for people what it does."""
        return await self.thread(attempted, lambda: exchange(self._connected()))

    async def thread(self, attempted: str, function: Callable[[], T]) -> T:
        """Call `function`, which waits for the engine, in one of our threads."""
        self._start_afresh_after_fork()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, function)
        except ENGINE_ERRORS as error:
            raise docker_failure(error, attempted) from error

    def _connected(self) -> Any:
        with self._lock:
            if self._api is None:
                self._api = connected(self._docker_host).api
            return self._api

    def _start_afresh_after_fork(self) -> None:
        """Make new threads and a new client in a forked process: those of the parent are not ours."""
        if self._process != os.getpid():
            self._process, self._lock, self._api = os.getpid(), threading.Lock(), None
            self._threads = ThreadPoolExecutor(CONCURRENCY, thread_name_prefix="docker")
