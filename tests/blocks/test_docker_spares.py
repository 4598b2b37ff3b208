"""Spare workers of the Docker engine: claimed once, found again whoever was killed on the way, and gone when unfit."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import docker
import pytest

from blocks.docker_engine import spares as docker_spares
from blocks.docker_engine.block import DockerEngine
from blocks.docker_engine.connection import DockerConnection
from blocks.docker_engine.occupants import DockerOccupants
from blocks.package_caches import PackageCaches
from deployments.base_image import ensure_images
from deployments.runner.spares import keep
from domain.workers import Command, Limits, Worker, WorkerInfo, WorkerSpec
from tasks.workplace import usual_worker
from tests.blocks.engine_bench import until

pytestmark = pytest.mark.docker

INSTALLATION = f"sparetests-{os.getpid()}"
SMALL = Limits(memory_mb=128, cpus=0.5, pids=48, disk_mb=16)
OURS = {"label": f"slipway.installation={INSTALLATION}"}
KILLED_AFTER = """
import asyncio, json, os, signal, sys
import docker
from blocks.docker_engine.block import DockerEngine
from domain.workers import WorkerSpec

fields, spec, work, step = map(json.loads, sys.argv[1:])
owner = os if step == "symlink" else docker.APIClient
whole = getattr(owner, step)

def last(*words, **more):
    whole(*words, **more)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(owner, step, last)
engine, wanted = DockerEngine(**fields), WorkerSpec(**spec)
asyncio.run(engine.spawn(wanted) if work == "spawn" else engine.refill(wanted, int(work)))
"""
"""A process that is killed when it has done one step."""
numbers = count(1)


@pytest.fixture(scope="module")
def host() -> Iterator[docker.DockerClient]:
    client = docker.from_env()
    yield client
    for network in client.networks.list(filters=OURS):
        network.remove()
    client.close()


@pytest.fixture(scope="module")
def worker_image() -> str:
    bundle = os.environ.get("SSL_CERT_FILE")
    return asyncio.run(ensure_images(None, Path(bundle) if bundle else None, print)).worker


@pytest.fixture
async def engine(host: docker.DockerClient, worker_image: str, tmp_path: Path) -> AsyncIterator[DockerEngine]:
    more: dict[str, Any] = {"egress_port": 1, "egress_key": "key"}
    yield DockerEngine(
        installation=INSTALLATION, base_image="none", worker_image=worker_image, data_folder=str(tmp_path), **more
    )
    for container in host.containers.list(all=True, filters=OURS):
        container.remove(force=True)


def spec(**more: Any) -> WorkerSpec:
    wanted = {"identity": f"worker-{next(numbers)}", "project": "notes", "run": "r-spare", "role": "developer"}
    return WorkerSpec(**{**wanted, "network": "packages", "limits": SMALL} | more)


def another(engine: DockerEngine, **more: Any) -> DockerEngine:
    return DockerEngine(**{name: getattr(engine, name) for name in DockerEngine.model_fields} | more)


def containers(host: docker.DockerClient) -> dict[str, str]:
    """Return the containers by id, each with its name behind that of the installation."""
    found = host.api.containers(all=True, filters=OURS)
    return {each["Id"]: each["Names"][0].removeprefix(f"/slipway-{INSTALLATION}-") for each in found}


async def shell(worker: Worker, line: str) -> str:
    result = await worker.run(Command(argv=("sh", "-c", line)))
    assert result.ok, result.text
    return result.stdout.decode()


def killed_after(engine: DockerEngine, wanted: WorkerSpec, work: str, step: str) -> None:
    names = ("installation", "base_image", "worker_image", "data_folder", "egress_port")
    fields = {**{name: getattr(engine, name) for name in names}, "egress_key": "key"}
    words = map(json.dumps, (fields, wanted.model_dump(mode="json"), work, step))
    ended = subprocess.run([sys.executable, "-c", KILLED_AFTER, *words], check=False, capture_output=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()


def claims(engine: DockerEngine) -> list[str]:
    with suppress(FileNotFoundError):
        return os.listdir(Path(engine.data_folder) / "claims")
    return []


async def test_a_spare_becomes_the_worker_with_all_that_is_its_own(engine: DockerEngine, host: docker.DockerClient) -> None:
    wanted = spec(environment={"FROM_SPEC": "1"})
    await engine.refill(spec(run="r-other"), 1)
    spares = set(containers(host))
    for _ in range(2):  # the second adopts it
        worker = await engine.spawn(wanted)
        seen = await shell(worker, "echo $FROM_SPEC $HTTP_PROXY")
        assert seen.startswith("1 http://r-spare:")
        assert containers(host) == {next(iter(spares)): wanted.identity}
    info = WorkerInfo(identity=wanted.identity, project="notes", run="r-spare", role="developer", running=True)
    assert list(await engine.workers("r-spare")) == list(await engine.workers()) == [info]
    assert await engine.workers("r-other") == []
    await engine.remove_worker(wanted.identity)
    assert (containers(host), await engine.workers(), claims(engine)) == ({}, [], [])


async def test_whose_worker_is_at_an_address_is_known_from_its_birth_or_its_claim(
    engine: DockerEngine, host: docker.DockerClient, tmp_path: Path
) -> None:
    shape = spec(network="packages")
    await engine.refill(shape, 1)
    [network] = host.networks.list(filters=OURS)
    occupants = DockerOccupants(DockerConnection(None), INSTALLATION, tmp_path, network.id)
    [(address, spare)] = (await occupants.all()).items()
    assert occupants.run_of(spare) == ""

    claimed = await engine.spawn(shape)
    assert occupants.run_of(spare) == "r-spare"
    born = await engine.spawn(spec(network="packages", run="r-born"))
    for worker in (claimed, born):
        assert (await own_address(worker)) in await occupants.all()
    found = {address: occupants.run_of(occupant) for address, occupant in (await occupants.all()).items()}
    assert found == {address: "r-spare", await own_address(born): "r-born"}
    await engine.remove_worker(born.identity)
    assert list(await occupants.all()) == [address]


async def own_address(worker: Worker) -> str:
    asks = "import socket; print(socket.gethostbyname(socket.gethostname()))"
    return (await worker.run(Command(argv=("python", "-c", asks), seconds=30))).text.strip()


async def test_nothing_of_a_run_is_in_the_container_that_waits(engine: DockerEngine, host: docker.DockerClient) -> None:
    await engine.refill(spec(environment={"FROM_SPEC": "1"}, run="r-first"), 1)
    kept = host.api.inspect_container(next(iter(containers(host))))
    assert "r-first" not in json.dumps(kept)
    assert not [line for line in kept["Config"]["Env"] if "FROM_SPEC" in line or "PROXY" in line.upper()]
    assert await engine.workers() == []


@pytest.mark.parametrize("other", [{"network": "none"}, {"limits": Limits(memory_mb=256)}])
async def test_a_spare_of_another_shape_is_left_alone(
    engine: DockerEngine, host: docker.DockerClient, other: dict[str, Any]
) -> None:
    await engine.refill(spec(), 1)
    spares = set(containers(host))
    wanted = spec(**other)
    await engine.spawn(wanted)
    assert len(set(containers(host)) - spares) == 1
    await engine.refill(spec(**other), 1)
    assert not spares & set(containers(host))
    assert wanted.identity in containers(host).values()


async def test_a_claimed_worker_has_what_the_project_fetched_before(engine: DockerEngine) -> None:
    await engine.refill(spec(), 1)
    first = spec()
    await shell(await engine.spawn(first), "mkdir -p /tmp/.cache/pip && echo kept >/tmp/.cache/pip/one")
    await engine.remove_worker(first.identity)
    assert await PackageCaches(Path(engine.data_folder)).load("notes")
    await engine.refill(spec(), 1)
    assert await shell(await engine.spawn(spec()), "cat /tmp/.cache/pip/one") == "kept\n"


async def test_eight_who_claim_at_once_share_no_container(engine: DockerEngine, host: docker.DockerClient) -> None:
    await engine.refill(spec(), 3)
    spares = set(containers(host))
    wanted = [spec() for _ in range(8)]
    workers = await asyncio.gather(*(another(engine).spawn(one) for one in wanted))
    await asyncio.gather(*(shell(worker, f"echo {worker.identity} >>whose") for worker in workers))
    assert [await shell(worker, "cat whose") for worker in workers] == [f"{one.identity}\n" for one in wanted]
    names = containers(host)
    assert sorted(names.values()) == sorted(one.identity for one in wanted)
    assert spares <= set(names)


async def test_one_identity_claimed_by_several_is_one_worker(engine: DockerEngine, host: docker.DockerClient) -> None:
    await engine.refill(spec(), 3)
    wanted = spec()
    workers = await asyncio.gather(*(another(engine).spawn(wanted) for _ in range(3)))
    await shell(workers[0], "echo one >note")
    assert [await shell(worker, "cat note") for worker in workers] == ["one\n"] * 3
    assert len(await engine.workers("r-spare")) == 1
    await engine.remove_worker(wanted.identity)
    await engine.refill(spec(), 0)
    assert (containers(host), claims(engine)) == ({}, [])


@pytest.mark.parametrize("step", ["containers", "symlink", "rename"])
async def test_a_claim_that_was_killed_goes_on(engine: DockerEngine, host: docker.DockerClient, step: str) -> None:
    await engine.refill(spec(), 1)
    spares, wanted = set(containers(host)), spec()
    killed_after(engine, wanted, "spawn", step)
    assert [info.identity for info in await engine.workers("r-spare")] == ([] if step == "containers" else [wanted.identity])
    await engine.refill(spec(), 1)  # takes nothing from a run
    other = await engine.spawn(spec())
    assert await shell(await engine.spawn(wanted), "pwd; ls -A") == "/workspace\n"
    assert await shell(other, "touch mine; ls -A") == "mine\n"
    assert len(await engine.workers("r-spare")) == 2
    assert spares <= set(containers(host))


@pytest.mark.parametrize("step", ["symlink", "rename"])
async def test_a_claim_that_was_killed_goes_with_its_run(engine: DockerEngine, host: docker.DockerClient, step: str) -> None:
    await engine.refill(spec(), 1)
    killed_after(engine, spec(), "spawn", step)
    for info in await engine.workers():
        await engine.remove_worker(info.identity)
    assert (containers(host), await engine.workers(), claims(engine)) == ({}, [], [])


@pytest.mark.parametrize(
    ("size", "step"), [("1", "create_container"), ("1", "start"), ("0", "symlink"), ("0", "remove_container")]
)
async def test_a_refill_that_was_killed_is_made_good(
    engine: DockerEngine, host: docker.DockerClient, size: str, step: str
) -> None:
    if size == "0":
        await engine.refill(spec(), 1)
    killed_after(engine, spec(), size, step)
    assert await engine.workers() == []
    await engine.refill(spec(), 1)
    assert len(containers(host)) == 1
    assert await shell(await engine.spawn(spec()), "ls -A") == ""
    assert len(claims(engine)) == 1


async def test_a_worker_whose_claim_was_lost_is_found_without_a_run(engine: DockerEngine, host: docker.DockerClient) -> None:
    await engine.refill(spec(), 1)
    wanted = spec()
    await engine.spawn(wanted)
    for name in claims(engine):
        (Path(engine.data_folder) / "claims" / name).unlink()
    assert [(info.identity, info.run) for info in await engine.workers()] == [(wanted.identity, "")]
    await engine.remove_worker(wanted.identity)
    assert containers(host) == {}


async def test_spares_of_another_image_are_replaced(engine: DockerEngine, host: docker.DockerClient) -> None:
    await engine.refill(spec(), 1)
    first = set(containers(host))
    image = f"slipway-sparetests:{os.getpid()}"
    host.images.get(engine.worker_image).tag(image)
    await another(engine, worker_image=image).refill(spec(), 1)
    second = set(containers(host))
    await engine.refill(spec(), 0)
    host.images.remove(image)
    assert len(first | second) == 2
    assert containers(host) == {}


async def test_an_old_spare_is_given_to_nobody(
    engine: DockerEngine, host: docker.DockerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await engine.refill(spec(), 1)
    old = set(containers(host))
    monkeypatch.setattr(docker_spares, "SPARE_SECONDS", -60)
    wanted = spec()
    await engine.spawn(wanted)
    await engine.refill(spec(), 0)
    assert list(containers(host).values()) == [wanted.identity]
    assert not old & set(containers(host))


async def test_the_runner_keeps_them_and_leaves_none(engine: DockerEngine, host: docker.DockerClient) -> None:
    keeping = asyncio.ensure_future(keep(engine, usual_worker(), 2))

    async def kept() -> bool:
        return len(containers(host)) == 2

    await until(kept, "two spares are there")  # the second is perhaps being started: it is not left behind either
    keeping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await keeping
    assert containers(host) == {}
