"""One program in a running container, with a file of ours as its input or its output, however large."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from blocks.docker_engine.connection import DockerConnection
from blocks.docker_engine.streams import AttachedStream, HeadAndTail, Sink, ToFile
from domain.errors import Broken, EngineUnreachable

SAID = 4_000
"""Bytes that are kept of what a program says."""
POLLS = 250


class DockerExecs:
    """Runs programs in one container."""

    def __init__(self, connection: DockerConnection, container: str) -> None:
        self._connection = connection
        self._container = container

    async def to_file(self, argv: Sequence[str], environment: Mapping[str, str], path: Path) -> None:
        """Write the program's output to the file; raise Broken with what it said when it failed."""
        with path.open("wb") as file:
            await self._run(argv, environment, ToFile(file), None)

    async def from_file(self, argv: Sequence[str], environment: Mapping[str, str], path: Path) -> str:
        """Give the file to the program and return its output; raise Broken with what it said when it failed."""
        output = HeadAndTail(SAID)
        await self._run(argv, environment, output, path)
        return output.bytes().decode("utf-8", "replace")

    async def _run(self, argv: Sequence[str], environment: Mapping[str, str], stdout: Sink, source: Path | None) -> None:
        doing, stderr = f"running {argv[0]} in {self._container}", HeadAndTail(SAID)

        def attach(api: Any) -> tuple[str, AttachedStream]:
            made = api.exec_create(self._container, list(argv), stdin=True, environment=dict(environment))
            return made["Id"], AttachedStream(api.exec_start(made["Id"], socket=True))

        def send() -> None:
            if source is None:
                stream.send(b"")
                return
            with source.open("rb") as file:
                stream.send_file(file)

        exec_id, stream = await self._connection.ask(doing, attach)
        sending = asyncio.ensure_future(self._connection.thread(doing, send))
        receiving = asyncio.ensure_future(self._connection.thread(doing, lambda: stream.receive(stdout, stderr)))
        try:
            await asyncio.wait({receiving})
        finally:
            stream.end()
            await asyncio.gather(sending, receiving)
        code = await exit_code(self._connection, exec_id, doing)
        if code is None:
            raise EngineUnreachable("the Docker engine", doing, "it could not be started")
        if code:
            raise Broken(f"{doing} failed with exit code {code}: {stderr.bytes().decode('utf-8', 'replace')[-500:]}")


async def exit_code(connection: DockerConnection, exec_id: str, doing: str) -> int | None:
    """Return the exit code, which the engine knows a moment after the output has ended; None: it never had a process."""
    for _ in range(POLLS):
        found = await connection.ask(doing, lambda api: api.exec_inspect(exec_id))
        if not found["Running"] and found["ExitCode"] is not None:
            # runc's own start-up takes more processes than the command: what it says then stands where output stands.
            return int(found["ExitCode"]) if found["Pid"] else None
        await asyncio.sleep(0.02)
    raise EngineUnreachable("the Docker engine", doing, "it still runs")
