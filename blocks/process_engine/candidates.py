"""Candidates of the process engine: prepared folders, named by what is in them.

`candidates/<hash>/app` is a copy of the source, `candidates/<hash>/venv` leads to the environment of its requirements, and
`candidates/<hash>/projects` holds an empty file for each project that it was built for.
The Dockerfile is not executed: what it does beyond installing requirements.txt does not happen here.
"""

import asyncio
import contextlib
import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from blocks.archives import is_git, stays_inside
from blocks.process_engine.environments import Environments
from blocks.process_engine.folders import delete, locked, partial, settle
from domain.candidates import BuildFailed, Built
from domain.errors import UnknownObject
from domain.workers import CommandResult

PREFIX = "folder:"
LOG_TAIL = 20_000


class Candidates:
    """The folder `candidates` and what is in it."""

    def __init__(self, root: Path, environments: Environments) -> None:
        self._root = root
        self._environments = environments

    def folder(self, candidate: str) -> Path:
        """Return the candidate's folder; raise UnknownObject when there is none."""
        name = candidate.removeprefix(PREFIX)
        folder = self._root / "candidates" / name
        if not candidate.startswith(PREFIX) or not name.isalnum() or not folder.is_dir():
            raise UnknownObject("candidate", candidate)
        return folder

    def of_project(self, project: str) -> list[str]:
        """Return the candidates that were built for the project alone."""
        marks = (self._root / "candidates").glob(f"*/projects/{project}")
        return [f"{PREFIX}{mark.parent.parent.name}" for mark in marks if len(list(mark.parent.iterdir())) == 1]

    async def build(self, source: Path, project: str, seconds: float) -> Built | BuildFailed:
        """Copy the source and install its requirements; the same files give the same candidate at once."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(seconds):
                with partial(self._root) as folder:
                    built, log = await self._filled(source, folder, project, seconds)
        except TimeoutError:
            log = f"the build did not end within {seconds:g} seconds"
            return BuildFailed(log=log, timed_out=True, seconds=time.monotonic() - began)
        took = time.monotonic() - began
        return Built(candidate=built, log=log, seconds=took) if built else BuildFailed(log=log, seconds=took)

    async def _filled(self, source: Path, folder: Path, project: str, seconds: float) -> tuple[str, str]:
        content = await asyncio.to_thread(_copied, source, folder / "app")
        candidate, place = PREFIX + content, self._root / "candidates" / content
        venv = self._environments.place(folder / "app", content)
        async with locked(venv.with_suffix(".lock")):
            failed = await self._environments.require(venv, folder / "app", seconds)
            if failed is not None:
                return "", _told(failed)
            (folder / "venv").symlink_to(venv)
            _mark(folder, project)
            new = settle(folder, place)
            _mark(place, project)
        return candidate, f"{candidate} was {'made' if new else 'there already'}, its requirements are installed\n"

    async def remove(self, candidate: str) -> None:
        """Delete the candidate, and its environment when no other needs it."""
        try:
            folder = self.folder(candidate)
        except UnknownObject:
            return
        with contextlib.suppress(FileNotFoundError):
            venv = (folder / "venv").readlink()
            async with locked(venv.with_suffix(".lock")):
                await asyncio.to_thread(delete, folder, self._root)
                others = (self._root / "candidates").glob("*/venv")
                if all(other.readlink() != venv for other in others):
                    await asyncio.to_thread(delete, venv, self._root)


def _mark(candidate: Path, project: str) -> None:
    (candidate / "projects").mkdir(exist_ok=True)
    (candidate / "projects" / project).touch()


def _told(failed: CommandResult) -> str:
    deadline = "\nthe installation was killed by its deadline\n" if failed.timed_out else ""
    return failed.text[-LOG_TAIL:] + deadline


def _copied(source: Path, target: Path) -> str:
    """Copy a project without `.git`, special files and links that lead out of it; return the hash of what was copied."""
    digest = hashlib.sha256()
    target.mkdir()
    root = source.resolve()
    for path in _files(source):
        name = path.relative_to(source).as_posix()
        copy = target / name
        if path.is_symlink():
            if not stays_inside(path, root):
                continue
            kind, content = "link", os.readlink(path).encode()
            copy.symlink_to(os.readlink(path))
        elif path.is_dir():
            kind, content = "folder", b""
            copy.mkdir(exist_ok=True)
        else:
            kind, content = ("program" if path.stat().st_mode & 0o100 else "file"), path.read_bytes()
            shutil.copyfile(path, copy)
            copy.chmod(0o755 if kind == "program" else 0o644)
        digest.update(f"{kind}\0{name}\0{len(content)}\0".encode("utf-8", "surrogateescape") + content)
    return digest.hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    """Yield what a candidate holds, folders before their contents, always in the same order."""
    for entry in sorted(folder.iterdir()):
        if is_git(entry.name) or not (entry.is_symlink() or entry.is_dir() or entry.is_file()):
            continue
        yield entry
        if entry.is_dir() and not entry.is_symlink():
            yield from _files(entry)
