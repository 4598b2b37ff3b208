"""One git command, shut off from every configuration but ours.

What a generated project holds was written by a model or a stranger. It must not make git run anything: no hook, no filter,
no pager, no credential program, no user's or system's settings, no network.
"""

import asyncio
import os
import resource
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from domain.errors import Broken, DiskFull, SlipwayError, TryAgain
from domain.full_disks import FULL

CLOSED = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_PAGER": "cat",
    "HOME": "/nonexistent",
    "LC_ALL": "C.UTF-8",
}
SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.attributesFile=/dev/null",
    "core.excludesFile=/dev/null",
    "core.fsmonitor=false",
    "core.autocrlf=false",
    "core.quotePath=false",
    "commit.gpgSign=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "protocol.allow=never",
    "protocol.file.allow=always",
    "safe.directory=*",
)

DEADLINE_SECONDS = 300.0
"""Patterns of a hostile .gitignore, or a huge tree, can keep git busy for hours."""

TOLD, LINES = 200, 8
"""Characters of each line of the other side that are told, and how many."""


@dataclass(frozen=True, kw_only=True)
class Output:
    """What a git command answered: `cut` when it had more to say than was asked for."""

    exit_code: int
    stdout: bytes
    cut: bool = False

    @property
    def line(self) -> str:
        """The one line it printed."""
        return self.stdout.decode("utf-8", "replace").strip()


async def git(
    *arguments: str,
    repository: Path,
    environment: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    accept: tuple[int, ...] = (0,),
    limit: int | None = None,
    seconds: float = DEADLINE_SECONDS,
    most: int | None = None,
) -> Output:
    """Run git on the git directory `repository`; raise Broken or TryAgain when its exit code is not accepted.

    Past its deadline it is killed, and Broken raised. With `limit`, at most that many bytes are read; then the command is
    ended and its exit code counts as 0. With `most`, no file that it writes can have more bytes.
    """
    options = [word for setting in SETTINGS for word in ("-c", setting)]
    process = await _start(
        "git", *options, f"--git-dir={repository}", *arguments, environment=environment or {}, talks=bool(stdin)
    )
    if most is not None:
        with suppress(ProcessLookupError):  # it has ended by now
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (most, most))
    try:
        async with asyncio.timeout(seconds):
            if limit is None:
                stdout, stderr = await process.communicate(stdin or None)
                cut = False
            else:
                stdout, stderr, cut = await _read_some(process, limit)
    except TimeoutError as error:
        raise Broken(f"git {arguments[0]} on {repository.name} did not end within {seconds:g} s and was killed") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    exit_code = 0 if cut else process.returncode or 0
    if exit_code not in accept:
        raise translated(arguments[0], repository, exit_code, stderr.decode("utf-8", "replace"))
    return Output(exit_code=exit_code, stdout=stdout, cut=cut)


async def _start(*argv: str, environment: Mapping[str, str], talks: bool) -> asyncio.subprocess.Process:
    inherited = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
    pipe = asyncio.subprocess.PIPE
    try:
        return await asyncio.create_subprocess_exec(
            *argv,
            stdin=pipe if talks else asyncio.subprocess.DEVNULL,
            stdout=pipe,
            stderr=pipe,
            env={**inherited, **CLOSED, **environment},
        )
    except FileNotFoundError as error:
        raise Broken("git is not installed: install it, like `apt install git`") from error


async def _read_some(process: asyncio.subprocess.Process, limit: int) -> tuple[bytes, bytes, bool]:
    """Return the first bytes of stdout, stderr, and whether stdout was cut; end the command when it was."""
    out, err = cast(asyncio.StreamReader, process.stdout), cast(asyncio.StreamReader, process.stderr)

    async def first() -> bytes:
        kept = b""
        while len(kept) <= limit and (block := await out.read(65_536)):
            kept += block
        if len(kept) > limit:
            process.kill()
        return kept

    kept, stderr = await asyncio.gather(first(), err.read())
    await out.read()  # what was still in the pipe: the transport closes only after its end
    await process.wait()
    return kept[:limit], stderr, len(kept) > limit


def translated(command: str, repository: Path, exit_code: int, stderr: str) -> SlipwayError:
    """Say who must act: a lock that another git holds passes, a full disk can be emptied, everything else stays."""
    if any(words in stderr for words in FULL):
        return DiskFull(str(repository))
    said = [line for line in stderr.splitlines() if line.strip()] or ["it said nothing"]
    telling = next((line for line in said if line.startswith(("fatal:", "error:"))), said[-1])
    message = f"git {command} on {repository.name} ended with {exit_code}: {' '.join([telling.strip(), *_of_the_other(said)])}"
    if ".lock': File exists" in stderr:
        return TryAgain(message)
    return Broken(message)


def _of_the_other(said: Sequence[str]) -> list[str]:
    """Return what the other side of a push says of it, as that a file is too large: git's own line says nothing of that."""
    words = [line.removeprefix("remote:").strip() for line in said if line.startswith(("remote:", " ! "))]
    return [word[:TOLD] for word in words if word][:LINES]
