"""Flow runs as forks of one process that has imported everything: 0.6 to 1.2 s to the first line instead of 3 to 10."""

import multiprocessing
import os
import runpy
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from multiprocessing import forkserver, reduction
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from blocks.claude.block import EXCHANGE
from deployments.supervision.children import die_with

PRELOAD = (
    "prefect.main",
    "prefect.flow_engine",
    "prefect.task_engine",
    "prefect.events.clients",
    "prefect.client.orchestration",
    "prefect.artifacts",
    # What Prefect imports only once a run, its first task and its first subflow begin: a third of a second in each fork.
    "prefect_redis",
    "prefect.utilities.visualization",
    "fastapi.encoders",
    EXCHANGE,
)

_context = multiprocessing.get_context("forkserver")


def warm(modules: Sequence[str]) -> None:
    """Start the server process, with `modules` imported, and wait until it has forked once."""
    _context.set_forkserver_preload([*PRELOAD, *modules])
    first = _context.Process(target=_nothing)
    first.start()
    first.join()


def fork(flow_run: str, environment: Mapping[str, str], log: Path) -> BaseProcess:
    """Run the flow run in a fork: leader of its own session, both its streams in `log`, dead when the server dies."""
    process = _context.Process(target=_run, args=(flow_run, dict(environment), str(log)), name=flow_run)
    process.start()
    return process


class Inherited:
    """A file descriptor that goes along to a fork; there, `number` is the fork's own."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __reduce__(self) -> tuple[Any, ...]:
        return _taken_along, (reduction.DupFd(self.number),)


def _taken_along(descriptor: Any) -> Inherited:
    return Inherited(descriptor.detach())


def fork_command(
    run: Callable[[dict[str, Any], int, tuple[int, int, int]], None], request: dict[str, Any], descriptors: Sequence[Inherited]
) -> BaseProcess:
    """Run a client's command in a fork that lives as long as its client, not as long as we do."""
    process = _context.Process(target=_run_command, args=(run, request, list(descriptors)), name="command")
    process.start()
    multiprocessing.process._children.discard(process)  # type: ignore[attr-defined]  # else our end would wait for its end
    return process


def _run_command(run: Callable[..., None], request: dict[str, Any], descriptors: Sequence[Inherited]) -> None:
    _let_go_of_the_server()
    client, *streams = (each.number for each in descriptors)
    run(request, client, tuple(streams))


def _nothing() -> None:
    """Give `warm` something to fork for."""


def _run(flow_run: str, environment: dict[str, str], log: str) -> None:
    os.setsid()
    die_with(os.getppid(), signal.SIGKILL)
    _let_go_of_the_server()
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ.update(environment)
    sys.argv = ["prefect.engine", flow_run]
    runpy.run_module("prefect.engine", run_name="__main__", alter_sys=True)  # what Prefect's own workers execute


def _let_go_of_the_server() -> None:
    """Close our end of the pipe that keeps the server alive: only the worker's may, else we outlive a killed worker.

    Python hands it to every fork, so that a fork can fork again through the server (Lib/multiprocessing/forkserver.py).
    """
    server: Any = forkserver._forkserver
    os.close(server._forkserver_alive_fd)
    server._forkserver_alive_fd = server._forkserver_address = None
