"""More than a worker is given: of memory, disk, processes, files, output and time."""

import os
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import docker
import pytest

from blocks.docker_engine.block import DockerEngine
from domain.errors import UnsafeArchive
from domain.workers import Worker
from tests.blocks.egress_bench import Place
from tests.hostile.attempts import HANG_SECONDS, python, shell, tried
from tests.hostile.conftest import spec

pytestmark = pytest.mark.docker
Held = Callable[[str], None]
MB = 1024 * 1024


@pytest.fixture
async def victim_of_itself(engine: DockerEngine) -> AsyncIterator[Worker]:
    """Yield a worker that nobody else uses."""
    worker = await engine.spawn(spec("flooded"))
    yield worker
    await engine.remove_worker(worker.identity)


async def is_usable(worker: Worker) -> bool:
    """Tell whether the worker still does what it is told and holds nothing of the flood."""
    left = await shell(worker, "find /workspace /tmp /dev/shm -type f -delete; ps -e -o args=")
    assert left.ok, left.text
    return not [line for line in left.text.splitlines() if "bomb" in line or "6666" in line]


async def test_fork_bomb(agent: Worker, held: Held) -> None:
    bomb = "import os\nwhile True:\n  try: os.fork()\n  except OSError: pass  # bomb"
    result = await python(agent, bomb, seconds=1)
    assert (result.exit_code, result.timed_out) == (-1, True)
    assert await is_usable(agent)
    held(f"64 processes at most; all were dead {result.seconds:.1f} s after the start")


STAYS = """
import os, time
for _ in range(90):
    try:
        if os.fork() == 0:
            os.setsid()
            os.closerange(0, 3)
            time.sleep(6666)
    except OSError:
        pass
"""


async def test_fork_bomb_that_stays_in_the_background(victim_of_itself: Worker, held: Held) -> None:
    await python(victim_of_itself, STAYS)
    assert (await shell(victim_of_itself, "echo alive")).stdout == b"alive\n"
    assert await is_usable(victim_of_itself)
    held("a full worker is emptied for the next command")


async def test_memory(agent: Worker, held: Held) -> None:
    result = await python(agent, "bytearray(10**9)")
    assert (result.exit_code, result.out_of_memory) == (137, True)
    assert await is_usable(agent)
    held("killed by the kernel at 256 MB, and told as that")


@pytest.mark.parametrize("folder", ["/workspace", "/tmp", "/dev/shm"])
async def test_disk_flood_of(agent: Worker, held: Held, folder: str) -> None:
    result = await shell(agent, f"head -c 300000000 /dev/zero >{folder}/flood; stat -c %s {folder}/flood")
    assert b"No space left on device" in result.stderr
    assert int(result.stdout) <= 64 * MB
    assert await is_usable(agent)
    held("No space left on device at 64 MB")


async def test_disk_flood_of_all_folders_together(agent: Worker, held: Held) -> None:
    line = "for f in /workspace /tmp /dev/shm; do head -c 300000000 /dev/zero >$f/flood; done"
    result = await shell(agent, line)
    assert not result.ok
    assert await is_usable(agent)
    held("folders in memory count to the worker's 256 MB")


@pytest.mark.parametrize("folder", ["/workspace", "/tmp"])
async def test_flood_of_empty_files_in(agent: Worker, held: Held, folder: str) -> None:
    held(await tried(agent, f"for n in range(40_000): os.close(os.open(f'{folder}/{{n}}', os.O_CREAT))"))
    assert await is_usable(agent)


async def test_flood_of_folders_in_folders(agent: Worker, held: Held) -> None:
    held(await tried(agent, "os.chdir('/tmp')\nfor n in range(40_000): os.mkdir('d'); os.chdir('d')"))
    assert (await shell(agent, "rm -rf /tmp/d", seconds=60)).ok


async def test_flood_of_open_files(agent: Worker, held: Held) -> None:
    held(await tried(agent, "opened = [os.open('/dev/null', 0) for _ in range(1_000_000)]"))


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
async def test_flood_of_output_on(agent: Worker, held: Held, stream: str) -> None:
    line = "yes 6666" if stream == "stdout" else "yes 6666 >&2"
    result = await shell(agent, line, seconds=2, output_limit=10_000)
    assert (result.timed_out, result.truncated) == (True, True)
    assert len(result.stdout) + len(result.stderr) < 10_200
    assert await is_usable(agent)
    held("head and tail are kept, 10,000 bytes; killed at the deadline")


async def test_flood_of_the_containers_log(place: Place, victim_of_itself: Worker, held: Held) -> None:
    await shell(victim_of_itself, "head -c 40000000 /dev/zero | tr '\\0' x | fold >/proc/1/fd/1", seconds=20)
    client = docker.from_env(version="auto")
    found = client.api.inspect_container(f"slipway-{place.folder.installation}-{victim_of_itself.identity}")
    client.close()
    log = Path(found["LogPath"])
    if not os.access(log.parent, os.R_OK):
        pytest.skip("the engine's folder can be read by root only")
    assert sum(path.stat().st_size for path in log.parent.glob(f"{log.name}*")) < 11 * MB
    held("two files of 5 MB")


BURNS = """
import os, time
began = time.time()
for _ in range(4):
    if not os.fork():
        end = time.time() + 2
        while time.time() < end:
            pass
        os._exit(0)
for _ in range(4):
    os.wait()
print(sum(os.times()[2:4]), time.time() - began)
"""


async def test_processor(agent: Worker, held: Held) -> None:
    result = await python(agent, BURNS)
    used, took = map(float, result.text.split())
    assert used < 1.3 * took, "four loops at once on one processor"
    held(f"{used:.1f} s of processor time in {took:.1f} s")


STUBBORN = {
    "sleeps past its deadline": "sleep 6666",
    "ignores SIGTERM": "trap '' TERM INT HUP; while :; do sleep 6666; done",
    "stops itself": "kill -STOP $$; sleep 6666",
    "starts a session of its own": "setsid sleep 6666 & setsid sleep 6666",
    "forks twice": "(setsid sh -c '(sleep 6666 &)' &) ; sleep 6666",
    "closes its output": "sleep 6666 >/dev/null 2>&1 & exec >/dev/null 2>&1; sleep 6666",
    "kills the shell that watches it": "kill -9 $PPID; sleep 6666",
}


@pytest.mark.parametrize("line", STUBBORN.values(), ids=STUBBORN.keys())
async def test_process_that(agent: Worker, held: Held, line: str) -> None:
    began = time.monotonic()
    result = await shell(agent, line, seconds=1)
    assert time.monotonic() - began < HANG_SECONDS
    assert not result.ok
    assert await is_usable(agent)
    held("the whole tree was killed at the deadline")


@pytest.mark.limit
async def test_process_without_the_marks_of_its_command_lives_until_the_worker_is_removed(
    place: Place, engine: DockerEngine, held: Held
) -> None:
    worker = await engine.spawn(spec("leftover"))
    await shell(worker, "env -i setsid sleep 6666 >/dev/null 2>&1 & sleep 6667", seconds=1)
    client = docker.from_env(version="auto")
    top = client.api.top(f"slipway-{place.folder.installation}-{worker.identity}", "-e -o pid,args")["Processes"]
    client.close()
    left = [int(pid) for pid, args in top if args == "sleep 6666"]
    assert len(left) == 1
    await engine.remove_worker(worker.identity)
    with pytest.raises(ProcessLookupError):
        os.kill(left[0], 0)
    held("bounded by the worker's memory and processes; dead with the worker (docs/engines.md)")


IMITATIONS = {
    "frames of the engine's stream": r"printf '\001\000\000\000\000\000\000\004fake\002\000\000\000\000\000\000\003bad'",
    "end of our stream": r"printf '\000\000\000\000\377\377\377\377'",
    "mark of memory kills": 'echo -n "$SLIPWAY_COMMAND" >&2',
    "exit code in words": "echo '[exit code 0]'; exit 3",
}


@pytest.mark.parametrize("line", IMITATIONS.values(), ids=IMITATIONS.keys())
async def test_output_that_imitates(agent: Worker, held: Held, line: str) -> None:
    result = await shell(agent, line)
    assert (result.exit_code, result.out_of_memory, result.timed_out) == (3 if "exit 3" in line else 0, False, False)
    assert result.stdout or result.stderr
    held("output is data: code, deadline and memory kills come another way")


async def test_workspace_that_claims_500_gigabytes(agent: Worker, held: Held) -> None:
    await shell(agent, "truncate -s 500G sparse")
    with pytest.raises(UnsafeArchive, match="larger than the worker's disk"):
        await agent.get()
    assert await is_usable(agent)
    held("reading stops at the worker's disk size")
