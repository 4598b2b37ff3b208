"""Folders that several processes share: locked, born whole, deleted whole; and the environment that programs in them get."""

import asyncio
import contextlib
import fcntl
import os
import re
import shutil
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from uuid import uuid4

from domain.errors import UnknownObject

SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
POLL = 0.05
DAY = 86_400


def place(root: Path, room: str, identity: str) -> Path:
    """Return the folder of a worker or app; raise UnknownObject for what cannot be an identity, like a path."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,80}", identity):
        raise UnknownObject(room.removesuffix("s"), identity)
    return root / room / identity


def base_python() -> str:
    """Return the interpreter that our own virtual environment was made from."""
    return getattr(sys, "_base_executable", "") or sys.executable


def scrubbed(home: Path, *, path: tuple[Path, ...] = (), ca_bundle: str | None = None) -> dict[str, str]:
    """Return an environment with nothing of ours: search path, locale, folders inside `home`, and the CA bundle if any."""
    bundle = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS") if ca_bundle else ()
    return {
        "PATH": ":".join([*map(str, path), SYSTEM_PATH]),
        "LANG": "C.UTF-8",
        "HOME": str(home / "home"),
        "TMPDIR": str(home / "tmp"),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PYTHONUNBUFFERED": "1",
        **dict.fromkeys(bundle, ca_bundle or ""),
    }


def overlaid(base: Mapping[str, str], *more: Mapping[str, str]) -> dict[str, str]:
    """Return all of them; the later wins."""
    return {name: value for part in (base, *more) for name, value in part.items()}


@contextlib.asynccontextmanager
async def locked(path: Path) -> AsyncIterator[None]:
    """Hold a lock among all processes of this machine; it falls when its holder dies."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("a") as file:
        while not _took(file.fileno()):  # noqa: ASYNC110 - flock has no waiting form that can be cancelled
            await asyncio.sleep(POLL)
        yield


def _took(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def partial(root: Path) -> Iterator[Path]:
    """Yield a new folder to be filled and then moved to its place by `settle`; what was not moved is deleted."""
    folder = root / "partial" / uuid4().hex
    folder.mkdir(mode=0o700, parents=True)
    _sweep(folder.parent)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sweep(partials: Path) -> None:
    """Delete what killed processes left behind more than a day ago."""
    for old in partials.iterdir():
        with contextlib.suppress(FileNotFoundError):
            if time.time() - old.stat().st_mtime > DAY:
                shutil.rmtree(old, ignore_errors=True)


def settle(folder: Path, target: Path) -> bool:
    """Move a filled folder to its place in one step; False when somebody else's is there already."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        folder.rename(target)
    except OSError:
        if target.is_dir():
            return False
        raise
    return True


def delete(folder: Path, root: Path) -> None:
    """Delete a folder whatever its permission bits; it vanishes in one step, and nothing happens when it is gone."""
    doomed = root / "partial" / uuid4().hex
    doomed.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        folder.rename(doomed)
    except FileNotFoundError:
        return
    for path, names, _ in os.walk(doomed):
        for name in names:
            if not os.path.islink(inner := os.path.join(path, name)):
                os.chmod(inner, 0o700)
    shutil.rmtree(doomed)


def copy(source: Path, target: Path) -> None:
    """Copy a tree with its links as they are."""
    shutil.copytree(source, target, symlinks=True)
