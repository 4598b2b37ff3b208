"""A command handed to the preloaded process behaves like one in its own: streams, folder, code, signals, death."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from deployments.runner.command_server import serve_commands
from deployments.sockets import COMMANDS, socket_folder
from deployments.supervision.processes import identified, is_alive

CLIENT = "import sys; from deployments.command_client import run_warm; sys.exit(run_warm(sys.argv[1:]))"


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Path]:
    folder = socket_folder(tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    serving = asyncio.create_task(serve_commands(folder / COMMANDS))
    await _until((folder / COMMANDS).exists)
    yield tmp_path
    serving.cancel()
    with suppress(asyncio.CancelledError):
        await serving


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110  (other processes have no event to wait for)
            await asyncio.sleep(0.02)


async def _client(home: Path, *words: str, stdin: int | None = subprocess.DEVNULL) -> asyncio.subprocess.Process:
    environment = {**os.environ, "SLIPWAY_HOME": str(home)}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        CLIENT,
        *words,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=home,
        env=environment,
    )


async def test_output_and_code_are_the_clients_own(home: Path) -> None:
    client = await _client(home, "new", "--help")
    out, _ = await client.communicate()
    assert client.returncode == 0
    assert b"Build something new from a sentence" in out


async def test_bad_input_is_told_on_the_clients_stderr_with_its_code(home: Path) -> None:
    client = await _client(home, "new", "a thing", "--json")
    out, told = await client.communicate()
    assert client.returncode == 2
    assert json.loads(out)["exit"] == 2
    assert b"add --yes" in told


async def test_interrupt_at_the_client_interrupts_the_command(home: Path) -> None:
    client = await _client(home, "new", "-", "--yes", stdin=subprocess.PIPE)  # reads the request from its standard input
    fork = await _fork_of(home)
    client.send_signal(signal.SIGINT)
    _, told = await client.communicate()
    assert (client.returncode, told.decode().strip().split(";")[0]) == (130, "slipway: interrupted")
    await _until(lambda: not Path(f"/proc/{fork}").exists())


async def test_interrupt_that_comes_as_soon_as_it_can_is_answered(home: Path) -> None:
    (stdin, kept), nothing = os.pipe(), os.open(os.devnull, os.O_RDWR)
    environment = {**os.environ, "SLIPWAY_HOME": str(home)}
    request = json.dumps({"words": ["new", "-", "--yes"], "folder": str(home), "environment": environment}).encode()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client, client.makefile("rb") as answers:
        client.connect(str(socket_folder(home) / COMMANDS))
        socket.send_fds(client, [len(request).to_bytes(4, "big")], [stdin, nothing, nothing])
        client.sendall(request)
        os.kill(int(await asyncio.to_thread(answers.readline)), signal.SIGINT)
        assert await asyncio.to_thread(answers.readline) == b"130\n"
    for each in (stdin, kept, nothing):
        os.close(each)


async def _fork_of(home: Path) -> int:
    """Return the process that reads the request: the only one in the client's folder besides the client."""
    found: list[int] = []

    def looked() -> bool:
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with suppress(OSError):
                    words = (entry / "cmdline").read_bytes()
                    if (entry / "cwd").readlink() == home and b"forkserver" in words and _reads(entry):
                        found.append(int(entry.name))
        return bool(found)

    await _until(looked)
    return found[0]


def _reads(entry: Path) -> bool:
    return (entry / "syscall").read_text().split()[:2] == ["0", "0x0"]


async def test_command_ends_with_its_client(home: Path) -> None:
    client = await _client(home, "new", "-", "--yes", stdin=subprocess.PIPE)
    fork = identified(await _fork_of(home))
    assert fork is not None
    assert is_alive(fork)
    client.kill()
    await client.wait()
    await _until(lambda: not is_alive(fork))


async def test_what_is_no_command_is_hung_up_on_and_others_are_served(home: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stranger:
        stranger.connect(str(socket_folder(home) / COMMANDS))
        socket.send_fds(stranger, [(5).to_bytes(4, "big")], [0, 1, 2])
        stranger.sendall(b"hello")
        assert await asyncio.to_thread(stranger.recv, 10) == b""
    client = await _client(home, "--help")
    await client.communicate()
    assert client.returncode == 0


async def test_without_a_server_the_client_says_so(tmp_path: Path) -> None:
    code = "import sys; from deployments.command_client import run_warm; sys.exit(run_warm(['status']) is None)"
    client = await asyncio.create_subprocess_exec(sys.executable, "-c", code, env={**os.environ, "SLIPWAY_HOME": str(tmp_path)})
    assert await client.wait() == 1


async def test_command_that_began_is_not_run_again_when_the_installation_dies(tmp_path: Path) -> None:
    folder = socket_folder(tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(folder / COMMANDS))
        listener.listen()
        client = await _client(tmp_path, "status")
        server, _ = await asyncio.to_thread(listener.accept)
        head = await asyncio.to_thread(server.recv, 4)
        await asyncio.to_thread(server.recv, int.from_bytes(head, "big"), socket.MSG_WAITALL)
        server.sendall(f"{os.getpid()}\n".encode())
        server.close()
    _, told = await client.communicate()
    assert (client.returncode, b"ended while it worked on this" in told) == (4, True)
