"""How an escape is tried from inside a worker, and how it is seen that it did not work."""

import os

from deployments.egress.registries import registry_patterns
from domain.workers import Command, CommandResult, Worker

HANG_SECONDS = 120.0
"""What takes longer hangs, also on a machine that does much else; no shorter time decides a test."""

PRELUDE = """
import ctypes, os, platform, socket, struct, subprocess, sys

libc = ctypes.CDLL(None, use_errno=True)
NUMBERS = {
    "x86_64": dict(keyctl=250, add_key=248, init_module=175, bpf=321, perf_event_open=298, userfaultfd=323,
                   kexec_load=246, open_by_handle_at=304, fanotify_init=300, quotactl=179, pivot_root=155, iopl=172),
    "aarch64": dict(keyctl=219, add_key=217, init_module=105, bpf=280, perf_event_open=241, userfaultfd=282,
                    kexec_load=104, open_by_handle_at=265, fanotify_init=262, quotactl=60, pivot_root=41),
}[platform.machine()]

WRITABLE = ("/workspace/x", "/tmp/x", "/dev/shm/x")

def told(result):
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))

def system(name, *words):
    told(libc.syscall(NUMBERS[name], *words))

def c(name, *words):
    told(getattr(libc, name)(*words))

def write(path, text):
    with open(path, "w") as file:
        file.write(text)

def read(path):
    with open(path, "rb") as file:
        if not file.read(1):
            raise OSError(path + " is empty")

def any_of(action, *things):
    "Succeed when it works with one of the things; raise the last refusal else."
    for thing in things:
        try:
            return action(thing)
        except OSError as error:
            refused = error
    raise refused
"""
TRY = (
    PRELUDE
    + """
try:
    exec(sys.argv[1])
except OSError as error:
    print("held:", error)
else:
    print("ESCAPED")
"""
)
REACHES = """
import socket, sys
hosts, port, say = sys.argv[1].split(), int(sys.argv[2]), bytes.fromhex(sys.argv[3])
for host in hosts:
    try:
        with socket.create_connection((host, port), timeout=2) as found:
            found.sendall(say)
            print("reached", host, found.recv(100))
            break
    except OSError as error:
        refused = error
else:
    print("held:", refused)
"""
"""Connects to each of the hosts, says something, and prints the first answer."""


async def tried(worker: Worker, code: str, seconds: float = 20) -> str:
    """Run the code in the worker and return the refusal that it met; fail when it met none."""
    environment = {"HOST_PID": str(os.getpid()), "HOST_FILE": __file__}
    result = await python(worker, TRY, code, seconds=seconds, environment=environment)
    return refusal(result)


async def reached(worker: Worker, hosts: str, port: int, say: bytes = b"") -> str:
    """Connect from the worker to the hosts, and return why that did not work; fail when somebody answered."""
    return refusal(await python(worker, REACHES, hosts, str(port), say.hex()))


async def python(
    worker: Worker, code: str, *words: str, seconds: float = 20, environment: dict[str, str] | None = None
) -> CommandResult:
    return await worker.run(Command(argv=("python", "-c", code, *words), seconds=seconds, environment=environment or {}))


async def shell(worker: Worker, line: str, seconds: float = 30, **more: object) -> CommandResult:
    return await worker.run(Command(argv=("sh", "-c", line), seconds=seconds, **more))  # type: ignore[arg-type]


def refusal(result: CommandResult) -> str:
    """Return the refusal that an attempt printed; an attempt that did not end by itself with 0 proves nothing."""
    said = result.text.strip()
    assert result.ok, f"the attempt itself broke: {result.exit_code} {said}"
    assert said.startswith("held: "), f"not contained: {said}"
    return said.removeprefix("held: ")


async def registry() -> str:
    """Return the host that this machine's pip asks first; it is on the allow-list."""
    from pip._internal.models.index import PyPI

    if not _permitted:
        _permitted.update(await registry_patterns())
    assert PyPI.netloc in _permitted
    return str(PyPI.netloc)


_permitted: set[str] = set()
"""Asking pip takes a second."""
