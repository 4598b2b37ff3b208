"""Reads what was written to Caddy's access log since the last look, also when it was rotated meanwhile.

Caddy renames the full log to `access-<time>.log` and begins a new one; a renamed file keeps its inode.
"""

import os
from collections.abc import Collection, Sequence
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from domain.access import Answered, answered
from domain.values import Value

LIMIT = 8 * 1024 * 1024
"""Bytes that one look reads; the next one goes on there."""


class Place(Value):
    """How far a log was read."""

    inode: int
    offset: int


class Reading(Value):
    """What a look has found, and where the next one begins."""

    answers: tuple[Answered, ...]
    place: Place


def end_of(log: Path) -> Place:
    """Return the place after all that is written now; a log that is not there yet is read from its beginning."""
    try:
        found = log.stat()
    except FileNotFoundError:
        return Place(inode=0, offset=0)
    return Place(inode=found.st_ino, offset=found.st_size)


def read_since(log: Path, place: Place, limit: int = LIMIT) -> Reading:
    """Return what was answered since `place`. A line that is not complete yet, or is none of ours, is left out.

    What was rotated away and deleted between two looks is lost; what was rotated only is not.
    """
    answers: list[Answered] = []
    with ExitStack() as opened:
        for inode, file in _unread(log, place, opened):
            begin = place.offset if inode == place.inode and _size(file) >= place.offset else 0
            chunk = _chunk(file, begin, limit)
            complete = chunk[: chunk.rfind(b"\n") + 1]
            answers += filter(None, map(answered, complete.splitlines()))
            place, limit = Place(inode=inode, offset=begin + len(complete)), limit - len(chunk)
            if limit <= 0:
                break
    return Reading(answers=tuple(answers), place=place)


def written_since(log: Path, hosts: Collection[str], at: datetime) -> bool | None:
    """Tell whether anybody asked these hosts since then for something that may write; None when the log does not say.

    It does not when it is not there, when what was rotated away may have held such a request, or while it is rotated.
    """
    with suppress(FileNotFoundError):  # renamed or deleted between two looks at it
        return _written_since(log, hosts, at)
    return None


def _written_since(log: Path, hosts: Collection[str], at: datetime) -> bool | None:
    files = _files(log)
    kept = [path for path in files if _last_written(path) >= at]
    if not files or (len(files) > 1 and len(kept) == len(files) and not _begins_before(files[0], at)):
        return None
    return any(_may_write(path, hosts, at) for path in kept)


def _files(log: Path) -> Sequence[Path]:
    """Return the log's files, the oldest first."""
    rotated = sorted(log.parent.glob(f"{log.stem}-*{log.suffix}"), key=_last_written)
    return [*rotated, log] if log.exists() else []


def _last_written(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _begins_before(path: Path, at: datetime) -> bool:
    with path.open("rb") as file:
        first = next(filter(None, map(answered, file)), None)
    return first is not None and first.at <= at


def _may_write(path: Path, hosts: Collection[str], at: datetime) -> bool:
    with path.open("rb") as file:
        return any(each.at >= at and each.host in hosts and each.may_write for each in filter(None, map(answered, file)))


def _unread(log: Path, place: Place, opened: ExitStack) -> Sequence[tuple[int, BinaryIO]]:
    """Open what is to be read, the oldest first.

    The log comes first here: renamed after that, it is found once more under its new name, and counts once.
    """
    files: dict[int, BinaryIO] = {}
    for path in (log, *sorted(log.parent.glob(f"{log.stem}-*{log.suffix}"))):
        with suppress(FileNotFoundError):
            file = opened.enter_context(path.open("rb"))
            files.setdefault(os.fstat(file.fileno()).st_ino, file)
    if not files:
        return []
    current, *rotated = files.items()
    ordered = [*rotated, current]
    inodes = [inode for inode, _ in ordered]
    return ordered[inodes.index(place.inode) :] if place.inode in inodes else ordered[-1:]


def _size(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size


def _chunk(file: BinaryIO, offset: int, limit: int) -> bytes:
    """Return what stands there, `limit` bytes at most, but at least one line."""
    file.seek(offset)
    chunk = file.read(limit)
    return chunk if b"\n" in chunk else chunk + file.readline()
