"""One worker in a container: commands with a deadline and bounded output, and its workspace as a tar archive."""

import asyncio
import contextlib
import posixpath
import time
import uuid
from collections.abc import Mapping
from typing import Any

from docker.errors import APIError, NotFound

from blocks.docker_engine.connection import DockerConnection, is_conflict
from blocks.docker_engine.containers import UID
from blocks.docker_engine.execs import exit_code
from blocks.docker_engine.scripts import KILL, LAUNCH
from blocks.docker_engine.streams import AttachedStream, HeadAndTail, Whole
from domain.errors import Broken, EngineUnreachable, TryAgain, UnsafeArchive
from domain.workers import Command, CommandResult

WORKER_UID = f"{UID}:{UID}"
MARK = "SLIPWAY_COMMAND"
"""Set in a command's environment and so in that of all its children; what is found with it in /proc is killed."""
TRANSFER_SECONDS = 300.0
GRACE_SECONDS = 5.0
BACKSTOP_SECONDS = 30.0
KILLED = 137
FULL, MEMORY = b"full", b"kill"
"""What follows the secret word in stderr: the command was not begun, or the kernel killed something for its memory."""
EMPTYINGS = 10
EMPTYING_SECONDS = 0.2
FILLED = "/tmp/.slipway-filled"  # noqa: S108 in the container
TAR_DIFFERS, TAR_FAILED = 1, 2
"""Exit codes of GNU tar: a file changed while it was read, or could not be read."""
TAR_ROOM = 16 * 1024 * 1024
"""Headers and padding that an archive may have beyond the files' own size."""


class DockerWorker:
    """A running worker."""

    def __init__(
        self,
        connection: DockerConnection,
        container: str,
        identity: str,
        workspace: str,
        disk_bytes: int,
        environment: Mapping[str, str],
    ) -> None:
        self._connection = connection
        self._container = container
        self._identity = identity
        self._workspace = workspace
        self._disk_bytes = disk_bytes
        self._environment = environment

    @property
    def identity(self) -> str:
        return self._identity

    @property
    def workspace(self) -> str:
        return self._workspace

    async def run(self, command: Command) -> CommandResult:
        """Run one command; the kernel's out-of-memory kills in the worker meanwhile are told from its other deaths."""
        return await self._run(command, HeadAndTail(command.output_limit))

    async def put(self, archive: bytes, folder: str = "") -> None:
        """Unpack into the workspace, or into another folder, which is made."""
        script = 'mkdir -p -- "$0" && cd -- "$0" && exec tar -x --no-same-owner -f -'
        argv = ("sh", "-c", script, folder or self._workspace)
        result = await self.run(Command(argv=argv, stdin=archive, seconds=TRANSFER_SECONDS))
        if not result.ok:
            raise Broken(f"the archive could not be unpacked in worker {self._identity}: {result.text[-400:]}")

    async def get(self, folder: str = "", limit: int = 0, seconds: float = TRANSFER_SECONDS) -> bytes:
        """Return the workspace or another folder; raise UnsafeArchive when it is larger than the worker's disk or `limit`."""
        command = Command(argv=("tar", "-c", "--exclude=.git", "-f", "-", "."), cwd=folder, seconds=seconds)
        archive = Whole(limit or self._disk_bytes + TAR_ROOM)
        result = await self._run(command, archive)
        if archive.full:
            raise UnsafeArchive(self._identity, f"is larger than the worker's disk of {self._disk_bytes:,} bytes")
        said = result.stderr.decode("utf-8", "replace").strip()[-200:]
        if result.exit_code == TAR_FAILED:
            raise UnsafeArchive(self._identity, f"has files that cannot be read: {said}")
        if result.exit_code not in (0, TAR_DIFFERS):
            raise Broken(f"the files of worker {self._identity} could not be read (exit code {result.exit_code}): {said}")
        return archive.bytes()

    async def fill(self) -> None:
        """Copy the image's own files into the workspace, which lies over them in memory; once, however often it is called."""
        if (await self.run(Command(argv=("test", "-e", FILLED)))).ok:
            return
        await self.put(await self._connection.ask(f"reading the files of worker {self._identity}", self._own_files))
        await self.run(Command(argv=("touch", FILLED)))

    def _own_files(self, api: Any) -> bytes:
        files = Whole(self._disk_bytes + TAR_ROOM)
        stream, _ = api.get_archive(self._container, f"{self._workspace}/.")
        with contextlib.closing(stream):
            for chunk in stream:
                files.add(chunk)
                if files.full:
                    break
        if files.full:
            raise UnsafeArchive(self._identity, f"is larger than the worker's disk of {self._disk_bytes:,} bytes")
        return files.bytes()

    async def _run(self, command: Command, stdout: HeadAndTail | Whole) -> CommandResult:
        """Run the command; where processes of earlier ones fill the worker, all of them are killed first."""
        for _ in range(EMPTYINGS):
            result = await self._tried(command, stdout)
            if result is not None:
                return result
            stdout.forget()
            await self._empty()
            await asyncio.sleep(EMPTYING_SECONDS)
        raise EngineUnreachable(f"worker {self._identity}", "starting a command", "it is full of processes that do not die")

    async def _tried(self, command: Command, stdout: HeadAndTail | Whole) -> CommandResult | None:
        """Return how the command ended; None when it could not be started in a full worker, whatever `stdout` holds then."""
        mark, secret = uuid.uuid4().hex, uuid.uuid4().hex.encode()
        stderr = HeadAndTail(command.output_limit, spare=len(secret) + len(FULL))
        started = time.monotonic()
        exec_id, stream = await self._attach(command, mark)
        timed_out = await self._exchange(mark, secret + b"\n" + command.stdin, command.seconds, stream, stdout, stderr)
        if stderr.take_ending(secret + FULL):
            return None
        out_of_memory = stderr.take_ending(secret + MEMORY)
        code = -1 if timed_out else await self._exit_code(exec_id)
        if code is None:
            return None
        return CommandResult(
            exit_code=code,
            stdout=stdout.bytes(),
            stderr=stderr.bytes(),
            truncated=stdout.truncated or stderr.truncated,
            timed_out=timed_out,
            out_of_memory=out_of_memory,
            seconds=time.monotonic() - started,
        )

    async def _attach(self, command: Command, mark: str) -> tuple[str, AttachedStream]:
        folder = posixpath.normpath(posixpath.join(self._workspace, command.cwd))
        argv = ["/bin/sh", "-c", LAUNCH, folder, str(command.seconds + BACKSTOP_SECONDS), *command.argv]
        environment = {**self._environment, **command.environment, MARK: mark}

        def attach(api: Any) -> tuple[str, AttachedStream]:
            try:
                made = api.exec_create(self._container, argv, stdin=True, user=WORKER_UID, environment=environment)
                return made["Id"], AttachedStream(api.exec_start(made["Id"], socket=True))
            except APIError as error:
                if isinstance(error, NotFound) or is_conflict(error) or "is not running" in str(error.explanation):
                    raise EngineUnreachable(f"worker {self._identity}", "starting a command", "it is gone") from error
                raise

        return await self._connection.ask(f"starting a command in worker {self._identity}", attach)

    async def _exchange(
        self,
        mark: str,
        stdin: bytes,
        seconds: float,
        stream: AttachedStream,
        stdout: HeadAndTail | Whole,
        stderr: HeadAndTail,
    ) -> bool:
        """Send and receive until the command has ended; return whether its deadline had to end it."""
        doing = f"running a command in worker {self._identity}"
        sending = asyncio.ensure_future(self._connection.thread(doing, lambda: stream.send(stdin)))
        receiving = asyncio.ensure_future(self._connection.thread(doing, lambda: stream.receive(stdout, stderr)))
        try:
            ended, _ = await asyncio.wait({receiving}, timeout=seconds)
            if stdout.full:
                stream.end()  # the engine ends no command while an output of it is not read
            if not ended or stdout.full:
                await self._kill(mark, receiving)
        except asyncio.CancelledError:
            # Nobody will read it, and whoever adopts this worker must not meet it at work.
            await asyncio.shield(self._kill(mark, receiving))
            raise
        finally:
            stream.end()
            await asyncio.gather(sending, receiving)
        return not ended

    async def _kill(self, mark: str, receiving: "asyncio.Future[None]") -> None:
        """Kill what carries the mark; where that does not end the output, kill all that runs in the worker."""
        grace = 0.0
        with contextlib.suppress(TryAgain, Broken):  # a worker full of processes can start no other one
            await self._connection.ask("killing a command", lambda api: _begin(api, self._container, KILL, f"{MARK}={mark}"))
            grace = GRACE_SECONDS
        if not (await asyncio.wait({receiving}, timeout=grace))[0]:
            await self._empty()
            await asyncio.wait({receiving}, timeout=GRACE_SECONDS)

    async def _empty(self) -> None:
        """Kill all that runs in the worker but its first process, which does it itself: it needs no further one."""
        await self._connection.ask("emptying a worker", lambda api: api.kill(self._container, signal="SIGUSR1"))

    async def _exit_code(self, exec_id: str) -> int | None:
        """Return the exit code; None: it never had a process."""
        code = await exit_code(self._connection, exec_id, f"ending a command in worker {self._identity}")
        return None if code is None else await self._judged(code)

    async def _judged(self, code: int) -> int:
        """Return the code of a command that was not killed together with its whole worker."""
        if code == KILLED:
            found = await self._connection.ask("looking at a worker", lambda api: api.inspect_container(self._container))
            if not found["State"]["Running"]:
                raise EngineUnreachable(f"worker {self._identity}", "running a command", "the worker ended meanwhile")
        return code


def _begin(api: Any, container: str, script: str, argument: str) -> None:
    """Begin a shell script in the container, as the worker's user."""
    made = api.exec_create(container, ["/bin/sh", "-c", script, argument], user=WORKER_UID)
    api.exec_start(made["Id"], detach=True)
