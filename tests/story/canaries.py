"""Looks for marked values in every place of an installation that could hold one, in the forms in which they may be written.

The forms are spelled here anew and not taken from our redactor: what that forgets must be found.
"""

import base64
import json
import sqlite3
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import psutil
from redis import Redis

from tests.fakes.messages_api import Asked
from tests.story.installation import Installation, docker

CHUNK = 1 << 22
OWN = frozenset({"apps", "venvs"})
"""Rooms of the engine without containers: the apps' folders hold their environment by design, for their owner only; the
others are what package managers fetched."""

Parts = Iterable[bytes]


def forms(value: str) -> set[bytes]:
    """Return how the value may be written down: plain, URL-encoded, hex, base64 at each alignment."""
    raw = value.encode()
    written = {
        value,
        quote(value),
        quote(value, safe=""),
        quote_plus(value),
        raw.hex(),
        raw.hex().upper(),
        json.dumps(value)[1:-1],
    }
    for before in range(3):
        whole = base64.b64encode(bytes(before) + raw).decode()
        core = whole[4 if before else 0 : len(whole) - 4]  # the ends depend on what stands beside it
        written |= {core, core.replace("+", "-").replace("/", "_")}
    return {form.encode() for form in written}


class Canaries:
    """The marked values of one story."""

    def __init__(self, *values: str) -> None:
        self._forms = sorted(form for value in values for form in forms(value))
        self._longest = max(map(len, self._forms))

    def sing(self, parts: Parts) -> bool:
        """Tell whether any form stands in the parts, which follow one another without a gap."""
        last = b""
        for part in parts:
            window = last + part
            if any(form in window for form in self._forms):
                return True
            last = window[-self._longest :]
        return False

    def found(self, places: Iterable[tuple[str, Parts]]) -> list[str]:
        """Return the names of the places that hold one."""
        return [name for name, parts in places if self.sing(parts)]


def everywhere(place: Installation) -> Iterator[tuple[str, Parts]]:
    """Yield every place by name: files, databases, repositories, Redis, prompts, command lines, images, workers."""
    yield from files(place)
    for database in ("registry.db", "prefect/prefect.db"):
        yield database, rows(place.data / database)
    for repository in sorted((place.data / "git").glob("*.git")):
        yield f"objects of {repository.name}", [history(repository)]
    yield "Redis", kept(place)
    yield "requests to models", prompts(place.asked)
    yield "command lines", command_lines(place)
    if place.engine == "docker":
        yield from images(place)
        yield from inspected(place)


def files(place: Installation) -> Iterator[tuple[str, Parts]]:
    """Yield all files of the installation, logs, results and the access log among them."""
    rooms = {place.data / "engine" / room for room in OWN}
    for path in sorted(place.home.rglob("*")):
        if path.is_file() and not path.is_symlink() and rooms.isdisjoint(path.parents):
            yield str(path.relative_to(place.home)), content(path)


def content(path: Path) -> Iterator[bytes]:
    """Yield the file's bytes; one that went since it was listed has none."""
    with suppress(FileNotFoundError), path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def rows(database: Path) -> Iterator[bytes]:
    """Yield all rows: within the file a long text is spread over pages."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as db:
        for line in db.iterdump():
            yield f"{line}\n".encode()


def history(repository: Path) -> bytes:
    """Return the content of every object that the repository has."""
    command = ["git", "-C", str(repository), "cat-file", "--batch-all-objects", "--batch"]
    return subprocess.run(command, capture_output=True, check=True).stdout


def kept(place: Installation) -> Iterator[bytes]:
    """Yield every key of Redis with what it holds."""
    read: dict[bytes, Callable[[Any, bytes], Any]] = {
        b"string": lambda redis, key: redis.get(key),
        b"list": lambda redis, key: redis.lrange(key, 0, -1),
        b"hash": lambda redis, key: redis.hgetall(key),
        b"set": lambda redis, key: redis.smembers(key),
        b"zset": lambda redis, key: redis.zrange(key, 0, -1),
        b"stream": lambda redis, key: redis.xrange(key),
    }
    with closing(Redis.from_url(place.up.redis_url)) as redis:
        for key in redis.scan_iter():
            kind = redis.type(key)
            yield key + b" " + (repr(read[kind](redis, key)).encode() if kind != b"none" else b"") + b"\n"


def prompts(asked: Sequence[Asked]) -> Iterator[bytes]:
    for each in asked:
        yield json.dumps(each.body, ensure_ascii=False).encode() + b"\n"


def command_lines(place: Installation) -> Iterator[bytes]:
    for process in place.processes():
        with suppress(psutil.NoSuchProcess):
            yield " ".join(process.cmdline()).encode() + b"\n"


def images(place: Installation) -> Iterator[tuple[str, Parts]]:
    """Yield each image's history and description, and all layers of all of them."""
    names = list(dict.fromkeys(docker("image", "ls", "-q", "--filter", f"label=slipway.installation={place.name}")))
    for name in names:
        yield f"history of image {name}", said("docker", "history", "--no-trunc", name)
        yield f"image {name}", said("docker", "image", "inspect", name)
    if names:
        yield "layers of all images", said("docker", "save", *names)


def inspected(place: Installation) -> Iterator[tuple[str, Parts]]:
    """Yield the containers of workers as the engine describes them, their environment among it."""
    label = f"label=slipway.installation={place.name}"
    names = docker("ps", "-aq", "--filter", label, "--filter", "label=slipway.kind=worker")
    names += docker("ps", "-aq", "--filter", label, "--filter", "label=slipway.kind=spare")
    for name in names:
        yield f"worker {name}", said("docker", "inspect", name)


def said(*words: str) -> Iterator[bytes]:
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout
        while chunk := process.stdout.read(CHUNK):
            yield chunk
