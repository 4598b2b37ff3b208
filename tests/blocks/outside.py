"""What lies outside, without anything going there, and an ordinary container that reaches it.

A network namespace of the test's own stands for the outside: whatever leaves the workers' network or the ordinary one is led
there by this machine's routing, and it answers at the addresses below. So whoever hears nothing from it was held, and nothing
else can have been the reason: the ordinary container asks the same and is answered.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import docker
from docker.types import IPAMConfig, IPAMPool

from blocks.docker_engine.address_ranges import free_ranges
from blocks.docker_engine.networks import bridge_name
from tests.blocks.egress_bench import Place

ADDRESS, NAME_SERVER, METADATA = "198.51.100.7", "198.51.100.53", "169.254.169.254"
SERVER = """
import socket, socketserver, struct, sys, threading, time

log = open(sys.argv[1], "a", buffering=1)
answer = struct.pack("!2H", 0x8180, 1) + struct.pack("!3H", 1, 0, 0)
record = b"\\xc0\\x0c" + struct.pack("!2HIH4B", 1, 1, 60, 4, 203, 0, 113, 9)

class Stream(socketserver.BaseRequestHandler):
    def handle(self):
        print(*self.request.getsockname()[:2], file=log)
        if self.server.server_address[1] == 53:
            query = self.request.recv(600)[2:]
            said = query[:2] + answer + query[12:] + record
            self.request.sendall(struct.pack("!H", len(said)) + said)
        else:
            self.request.sendall(b"the outside")

class Datagram(socketserver.BaseRequestHandler):
    def handle(self):
        query, asking = self.request
        print(*asking.getsockname()[:2], file=log)
        asking.sendto(query[:2] + answer + query[12:] + record, self.client_address)

class Tcp(socketserver.ThreadingTCPServer):
    daemon_threads = True

def has(address):
    "A namespace without any address lets a socket be bound to all of them, and then answers from another one."
    with open("/proc/net/fib_trie") as known:
        return address in known.read()

while not has(sys.argv[2]):
    time.sleep(0.02)
servers = [Tcp(("0.0.0.0", port), Stream) for port in (53, 80, 443)] + [socketserver.UDPServer((sys.argv[2], 53), Datagram)]
for server in servers:
    threading.Thread(target=server.serve_forever).start()
print("ready", file=log)
"""
IDLE = "import signal; signal.pause()"
numbers = count(os.getpid() % 32)


class Outside:
    """The namespace, what it heard, and the ordinary container, which has it for the internet."""

    def __init__(self, log: Path, container: Any) -> None:
        self._log = log
        self.container = container

    @property
    def heard(self) -> list[str]:
        """Address and port of each connection and datagram that arrived."""
        return [line for line in self._log.read_text().splitlines() if line != "ready"]

    async def asked(self, code: str, *words: str) -> str:
        """Run Python in the ordinary container and return what it printed."""
        _, said = await asyncio.to_thread(self.container.exec_run, ["python3", "-c", code, *words])
        return str(said.decode("utf-8", "replace"))

    async def answered(self, code: str, *words: str, seconds: float = 30.0) -> str:
        """Ask until it is not refused: a datagram can be lost, and this machine may be slow."""
        deadline = time.monotonic() + seconds
        while (said := await self.asked(code, *words)).startswith("held") and time.monotonic() < deadline:
            pass
        return said


@contextmanager
def outside(place: Place, image: str, folder: Path) -> Iterator[Outside]:
    """Yield what stands for the outside of the place's workers; needs root. All of it is gone afterwards."""
    bridges = [bridge_name(f"{place.folder.installation}-ordinary"), bridge_name(place.folder.installation)]
    client = docker.from_env(version="auto")
    options, marks = {"com.docker.network.bridge.name": bridges[0]}, {"slipway.installation": place.folder.installation}
    name = f"slipway-{place.folder.installation}-ordinary"
    ipam = IPAMConfig(pool_configs=[IPAMPool(str(next(free_ranges([], name))))])  # another test takes all of the engine's own
    network = client.networks.create(name, options=options, labels=marks, ipam=ipam)
    try:
        container = client.containers.run(
            image, [IDLE], entrypoint=["python3", "-c"], network=network.id, labels=marks, detach=True, init=True
        )
        try:
            with _namespace(folder / "outside.log", bridges) as log:
                yield Outside(log, container)
        finally:
            container.remove(force=True)
    finally:
        network.remove()
        client.close()


@contextmanager
def _namespace(log: Path, bridges: Sequence[str]) -> Iterator[Path]:
    log.touch()
    words = ["unshare", "--net", sys.executable, "-c", SERVER, str(log), NAME_SERVER]
    with subprocess.Popen(words, stdin=subprocess.DEVNULL) as server:
        try:
            _await(server, lambda: os.readlink(f"/proc/{server.pid}/ns/net") != os.readlink("/proc/self/ns/net"))
            here, there = _link(server.pid)
            _await(server, lambda: "ready" in log.read_text())
            with _led_there(bridges, here, there):
                yield log
        finally:
            server.kill()  # the namespace and its link end with it


def _await(server: "subprocess.Popen[bytes]", begun: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not begun():
        assert server.poll() is None, "the outside could not be made"
        assert time.monotonic() < deadline, "the outside did not begin"
        time.sleep(0.02)


def _link(process: int) -> tuple[str, str]:
    """Connect this machine with the namespace; return the link's name here and the namespace's address on it."""
    taken = json.loads(_ip("-j", "-4", "address"))
    used = {info["local"] for link in taken for info in link["addr_info"]}
    number = next(each % 32 * 4 + 128 for each in numbers if f"198.51.100.{each % 32 * 4 + 129}" not in used)
    ours, theirs, name = f"198.51.100.{number + 1}", f"198.51.100.{number + 2}", f"slwo-{process}"
    _ip("link", "add", name, "type", "veth", "peer", "name", "outer", "netns", str(process))
    _ip("address", "add", f"{ours}/30", "dev", name)
    _ip("link", "set", name, "up")
    for line in (
        "link set lo up",
        f"address add {theirs}/30 dev outer",
        *(f"address add {address}/32 dev lo" for address in (ADDRESS, NAME_SERVER, METADATA)),
        "link set outer up",
        f"route add default via {ours}",
    ):
        _run("nsenter", f"--net=/proc/{process}/ns/net", "ip", *line.split())
    return name, theirs


@contextmanager
def _led_there(bridges: Sequence[str], link: str, address: str) -> Iterator[None]:
    """Lead what comes from the bridges and is not for this machine to the namespace, instead of the internet."""
    table = str(20_000 + os.getpid() % 10_000)
    _ip("route", "add", "default", "via", address, "dev", link, "table", table)
    rules = [("from", "all", "iif", bridge, "lookup", table, "pref", "90") for bridge in bridges]
    for rule in rules:
        _ip("rule", "add", *rule)
    try:
        yield
    finally:
        for rule in rules:
            with suppress(subprocess.CalledProcessError):
                _ip("rule", "del", *rule)


def _ip(*words: str) -> str:
    return _run("ip", *words)


def _run(*words: str) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout
