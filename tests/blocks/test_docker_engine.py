"""What only the Docker engine can show: limits, isolation, labels, networks, and what the kernel did."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import docker
import pytest

from blocks.docker_engine.block import DockerEngine
from blocks.docker_engine.commands import DockerWorker
from blocks.docker_engine.connection import DockerConnection
from deployments.base_image import ensure_images
from domain.candidates import BuildFailed, Built
from domain.errors import EngineUnreachable, UnknownObject, UnsafeArchive
from domain.workers import AppSpec, AppState, AppStatus, Command, CommandResult, Limits, Worker, WorkerSpec

pytestmark = pytest.mark.docker

INSTALLATION = f"dockertests-{os.getpid()}"
DOCKERFILE = "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nWORKDIR /app\nCOPY --chown=10001:10001 . .\nUSER 10001\n"
WAITER = (
    "import signal, sys\nsignal.signal(15, lambda *_: (print('bye'), sys.exit(0)))\nprint('up', flush=True)\nsignal.pause()\n"
)
HOG = "bytearray(300_000_000)"
PROJECT = {
    "Dockerfile": DOCKERFILE,
    "waiter.py": WAITER,
    "Procfile": "web: python -u waiter.py\nassigned: GREETING=hi python -u waiter.py\n"
    "executed: cd . && exec python -u waiter.py\n"
    f'hog: python -c "{HOG}"\nwriter: touch /tmp/yes && touch /data/yes && touch /app/no\n',
}
SMALL = Limits(memory_mb=128, cpus=0.5, pids=48, disk_mb=32)
numbers = count(1)


async def until(condition: Callable[[], Awaitable[Any]], what: str, seconds: float = 60.0) -> Any:
    """Ask again and again until the answer is truthy, and return it."""
    deadline = time.monotonic() + seconds
    while not (answer := await condition()):
        assert time.monotonic() < deadline, f"waited {seconds:g} seconds in vain until {what}"
        await asyncio.sleep(0.05)
    return answer


@pytest.fixture(scope="module")
def host() -> Iterator[docker.DockerClient]:
    """Yield a client that looks from outside, and delete all of this installation afterwards."""
    client = docker.from_env(version="auto")
    yield client
    ours = {"label": f"slipway.installation={INSTALLATION}"}
    for container in client.containers.list(all=True, filters=ours):
        container.remove(force=True, v=True)
    for thing in (*client.volumes.list(filters=ours), *client.networks.list(filters=ours)):
        thing.remove()
    for image in client.images.list(filters=ours):
        client.images.remove(image.id, force=True)
    client.close()


@pytest.fixture(scope="module")
def engine(host: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> DockerEngine:
    bundle = os.environ.get("SSL_CERT_FILE")
    images = asyncio.run(ensure_images(None, Path(bundle) if bundle else None, print))
    folder = str(tmp_path_factory.mktemp("data"))
    return DockerEngine(installation=INSTALLATION, base_image=images.base, worker_image=images.worker, data_folder=folder)


@pytest.fixture
async def worker(engine: DockerEngine) -> AsyncIterator[Worker]:
    spawned = await engine.spawn(spec())
    yield spawned
    await engine.remove_worker(spawned.identity)


def spec(**more: Any) -> WorkerSpec:
    identity = f"worker-{next(numbers)}"
    return WorkerSpec(
        **{"identity": identity, "project": "notes", "run": "r-docker", "role": "developer", "limits": SMALL} | more
    )


async def shell(worker: Worker, line: str, **more: Any) -> CommandResult:
    return await worker.run(Command(argv=("sh", "-c", line), **more))


async def built(engine: DockerEngine, folder: Path, files: dict[str, str], **more: Any) -> Built | BuildFailed:
    source = folder / f"source-{next(numbers)}"
    source.mkdir()
    for name, text in files.items():
        (source / name).write_text(text)
    return await engine.build(source, "notes", "r-docker", **more)


@pytest.fixture
async def app(engine: DockerEngine, tmp_path: Path) -> AsyncIterator[AppSpec]:
    made = await built(engine, tmp_path, PROJECT)
    assert isinstance(made, Built), made.log
    identity = f"notes-v{next(numbers)}"
    yield AppSpec(identity=identity, project="notes", run="r-docker", candidate=made.candidate, limits=SMALL)
    await engine.remove(identity)


async def ended(engine: DockerEngine, identity: str) -> AppStatus:
    async def stopped() -> AppStatus | None:
        status = await engine.status(identity)
        return status if status.state is AppState.STOPPED else None

    return await until(stopped, "the app has ended")


async def says(engine: DockerEngine, identity: str, text: str) -> None:
    async def said() -> bool:
        return text in await engine.logs(identity)

    await until(said, f"the app says {text}")


def test_a_worker_is_bounded_and_stripped_from_birth(engine: DockerEngine, host: docker.DockerClient) -> None:
    wanted = spec()
    asyncio.run(engine.spawn(wanted))
    found = host.api.inspect_container(f"slipway-{INSTALLATION}-{wanted.identity}")
    settings, config = found["HostConfig"], found["Config"]
    memory = 128 * 1024 * 1024
    assert {key: settings[key] for key in ("Memory", "MemorySwap", "NanoCpus", "PidsLimit")} == {
        "Memory": memory,
        "MemorySwap": memory,
        "NanoCpus": 500_000_000,
        "PidsLimit": 48,
    }
    assert (settings["CapDrop"], settings["CapAdd"], settings["SecurityOpt"]) == (["ALL"], None, ["no-new-privileges:true"])
    assert (settings["ReadonlyRootfs"], settings["Privileged"], settings["Init"]) == (True, False, False)
    assert (settings["NetworkMode"], settings["PortBindings"]) == ("none", None)
    assert (settings["Binds"], settings["Devices"]) == (None, None)
    assert found["Mounts"] == []
    assert config["User"] == "10001:10001"
    of_image = {"slipway.capabilities"}
    assert {key: value for key, value in config["Labels"].items() if key.startswith("slipway.") and key not in of_image} == {
        "slipway.installation": INSTALLATION,
        "slipway.kind": "worker",
        "slipway.project": "notes",
        "slipway.run": "r-docker",
        "slipway.role": "developer",
        "slipway.identity": wanted.identity,
    }


async def test_a_command_has_no_root_no_capability_no_socket_and_no_network(worker: Worker) -> None:
    seen = await shell(worker, "id -u; grep -E 'CapEff|CapBnd|NoNewPrivs' /proc/self/status; ls /sys/class/net")
    assert seen.stdout.decode().split() == ["10001", "CapEff:", "0" * 16, "CapBnd:", "0" * 16, "NoNewPrivs:", "1", "lo"]
    denied = await shell(worker, "touch /etc/x || touch /usr/x || ls /var/run/docker.sock")
    assert not denied.ok


async def test_workspace_home_and_tmp_are_writable_executable_and_bounded(worker: Worker) -> None:
    for folder in (worker.workspace, "$HOME", "/tmp"):
        assert (
            await shell(worker, f"cd {folder} && printf '#!/bin/sh\\necho ran' > x && chmod +x x && ./x")
        ).stdout == b"ran\n"
    full = await shell(worker, "head -c 40000000 /dev/zero > big")
    assert b"No space left on device" in full.stderr


async def test_memory_kill_is_told_from_any_other_death(worker: Worker) -> None:
    hog = await worker.run(Command(argv=("python", "-c", HOG)))
    assert (hog.exit_code, hog.out_of_memory) == (137, True)
    other = await shell(worker, "exit 137")
    assert (other.exit_code, other.out_of_memory) == (137, False)


async def test_memory_kill_of_a_child_is_seen_where_its_parent_ends_well(worker: Worker) -> None:
    result = await shell(worker, f"python -c '{HOG}' 2>/dev/null; echo -n fine; echo -n noted >&2", output_limit=200)
    assert (result.exit_code, result.stdout, result.out_of_memory) == (0, b"fine", True)
    assert result.stderr.endswith(b"noted")


async def test_a_worker_full_of_processes_is_emptied_at_the_deadline_and_keeps_its_files(worker: Worker) -> None:
    await shell(worker, "echo kept > note")
    bomb = "import os\nwhile True:\n  try: os.fork()\n  except OSError: pass"
    result = await worker.run(Command(argv=("python", "-c", bomb), seconds=1))
    assert (result.exit_code, result.timed_out) == (-1, True)
    assert (await shell(worker, "cat note; pgrep -c python")).stdout == b"kept\n0\n"


async def test_a_cancelled_command_does_not_go_on_in_the_worker(worker: Worker) -> None:
    running = asyncio.ensure_future(shell(worker, "touch begun; exec sleep 600"))

    async def has_begun() -> bool:
        return (await shell(worker, "test -e begun && pgrep -fx 'sleep 600'")).ok

    await until(has_begun, "the command runs")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not (await shell(worker, "pgrep -fx 'sleep 600'")).ok


async def test_orphans_are_reaped(worker: Worker) -> None:
    await shell(worker, "(setsid true &)")

    async def has_no_zombie() -> bool:
        return (await shell(worker, "! ps -e -o stat= | grep Z")).ok

    assert await until(has_no_zombie, "no zombie is left")


async def test_a_workspace_that_claims_more_than_its_disk_is_refused(worker: Worker) -> None:
    await shell(worker, "truncate -s 500G sparse")
    with pytest.raises(UnsafeArchive, match="larger than the worker's disk"):
        await worker.get()
    assert not (await shell(worker, "pgrep tar")).ok


async def test_a_workspace_with_a_file_that_is_closed_is_refused_and_one_that_changes_is_taken(worker: Worker) -> None:
    await shell(worker, "(while :; do echo x >>growing; done) >/dev/null 2>&1 &")
    assert await worker.get()
    await shell(worker, "echo x >closed; chmod 000 closed")
    with pytest.raises(UnsafeArchive, match=r"has files that cannot be read.*closed"):
        await worker.get()


async def test_a_worker_that_ended_is_made_anew(engine: DockerEngine, host: docker.DockerClient) -> None:
    wanted = spec()
    first = await engine.spawn(wanted)
    await shell(first, "echo old > note")
    host.api.kill(f"slipway-{INSTALLATION}-{wanted.identity}")
    with pytest.raises(EngineUnreachable, match="it is gone"):
        await shell(first, "true")
    assert (await shell(await engine.spawn(wanted), "ls -A")).stdout == b""


async def test_workers_with_packages_reach_out_but_not_one_another(engine: DockerEngine, host: docker.DockerClient) -> None:
    server, client = spec(network="packages"), spec(network="packages")
    serving, asking = await engine.spawn(server), await engine.spawn(client)
    await shell(serving, "setsid python -m http.server 8000 >/dev/null 2>&1 </dev/null &")
    networks = host.api.inspect_container(f"slipway-{INSTALLATION}-{server.identity}")["NetworkSettings"]["Networks"]
    address = next(iter(networks.values()))["IPAddress"]

    async def serves() -> bool:
        return (await shell(serving, f"curl -s --max-time 2 {address}:8000")).ok

    await until(serves, "the server answers itself")
    assert (await shell(asking, f"curl -s --max-time 2 {address}:8000")).exit_code in (7, 28)
    for wanted in (server, client):
        await engine.remove_worker(wanted.identity)


async def test_another_installation_does_not_see_or_remove_our_workers(engine: DockerEngine, worker: Worker) -> None:
    stranger = engine.model_copy(update={"installation": "somebody-else"})
    stranger = DockerEngine(**{name: getattr(stranger, name) for name in DockerEngine.model_fields})
    await stranger.remove_worker(worker.identity)
    assert await stranger.workers() == []
    assert (await shell(worker, "true")).ok


async def test_a_tester_writes_beside_the_candidates_files(engine: DockerEngine, app: AppSpec) -> None:
    tester = await engine.spawn(spec(role="tester", image=app.candidate))
    assert tester.workspace == "/app"
    assert (await shell(tester, "id -u; echo x > waiter.py; mkdir cache; pwd")).stdout == b"10001\n/app\n"
    await engine.remove_worker(tester.identity)


async def test_an_app_publishes_nothing_and_lives_on_its_projects_network(
    engine: DockerEngine, app: AppSpec, host: docker.DockerClient
) -> None:
    status = await engine.start(app)
    found = host.api.inspect_container(f"slipway-{INSTALLATION}-{app.identity}")
    settings = found["HostConfig"]
    assert (settings["PortBindings"], settings["CapDrop"], settings["ReadonlyRootfs"]) == (None, ["ALL"], True)
    assert (settings["SecurityOpt"], settings["PidsLimit"]) == (["no-new-privileges:true"], 48)
    assert settings["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 5}
    assert settings["LogConfig"] == {"Type": "json-file", "Config": {"max-file": "2", "max-size": "5m"}}
    networks = {each["NetworkID"]: each["IPAddress"] for each in found["NetworkSettings"]["Networks"].values()}
    assert [host.networks.get(network).name for network in networks] == [f"slipway-{INSTALLATION}-notes"]
    assert status.address == f"{next(iter(networks.values()))}:8000"
    assert [mount["Name"] for mount in found["Mounts"]] == [f"slipway-{INSTALLATION}-notes-data"]


@pytest.mark.parametrize("process", ["web", "assigned", "executed"])
async def test_the_signal_to_end_reaches_the_app_itself(engine: DockerEngine, app: AppSpec, process: str) -> None:
    await engine.start(app.model_copy(update={"process": process}))
    await says(engine, app.identity, "up")
    await engine.stop(app.identity, 20)
    assert (await engine.status(app.identity)).exit_code == 0
    assert "bye" in await engine.logs(app.identity)


async def test_an_app_writes_to_its_data_and_tmp_only(engine: DockerEngine, app: AppSpec) -> None:
    await engine.start(app.model_copy(update={"process": "writer", "role": "rehearsal"}))
    assert (await ended(engine, app.identity)).exit_code == 1
    assert (await engine.logs(app.identity)).strip() == "touch: cannot touch '/app/no': Read-only file system"


async def test_an_app_killed_for_its_memory_says_so(engine: DockerEngine, app: AppSpec) -> None:
    await engine.start(app.model_copy(update={"process": "hog", "role": "rehearsal"}))
    status = await ended(engine, app.identity)
    assert (status.exit_code, status.out_of_memory, status.restarts) == (137, True, 0)


async def test_another_candidate_under_the_same_identity_replaces_the_app(
    engine: DockerEngine, app: AppSpec, tmp_path: Path, host: docker.DockerClient
) -> None:
    await engine.start(app)
    other = await built(engine, tmp_path, {**PROJECT, "more": "x"})
    assert isinstance(other, Built)
    await engine.start(app.model_copy(update={"candidate": other.candidate}))
    assert host.api.inspect_container(f"slipway-{INSTALLATION}-{app.identity}")["Image"] == other.candidate


async def test_the_last_removed_app_frees_its_network_and_keeps_its_data(
    engine: DockerEngine, app: AppSpec, host: docker.DockerClient
) -> None:
    await engine.start(app)
    await engine.remove(app.identity)
    assert [each.name for each in host.networks.list(names=[f"slipway-{INSTALLATION}-notes"])] == []
    assert host.volumes.get(f"slipway-{INSTALLATION}-notes-data").attrs["Labels"]["slipway.project"] == "notes"


async def test_stopped_app_whose_network_was_pruned_is_made_anew_with_its_data(
    engine: DockerEngine, app: AppSpec, host: docker.DockerClient
) -> None:
    await engine.start(app)
    await engine.stop(app.identity, 1)
    [network] = host.networks.list(names=[f"slipway-{INSTALLATION}-notes"])
    network.remove()
    assert (await engine.start(app)).state is AppState.RUNNING
    mounts = host.api.inspect_container(f"slipway-{INSTALLATION}-{app.identity}")["Mounts"]
    assert f"slipway-{INSTALLATION}-notes-data" in {mount.get("Name") for mount in mounts}


async def test_eight_first_starts_at_once_share_one_network(
    engine: DockerEngine, app: AppSpec, host: docker.DockerClient
) -> None:
    copies = [app.model_copy(update={"identity": f"{app.identity}-{n}"}) for n in range(8)]
    statuses = await asyncio.gather(*(engine.start(copy) for copy in copies))
    assert len({status.address for status in statuses}) == 8
    assert len(host.networks.list(names=[f"slipway-{INSTALLATION}-notes"])) == 1
    await asyncio.gather(*(engine.remove(copy.identity) for copy in copies))


async def test_a_build_past_its_deadline_is_killed(engine: DockerEngine, tmp_path: Path, host: docker.DockerClient) -> None:
    result = await built(engine, tmp_path, {"Dockerfile": DOCKERFILE + "RUN echo begun && sleep 611\n"}, seconds=8)
    assert isinstance(result, BuildFailed)
    assert result.timed_out
    assert "begun" in result.log

    async def is_dead() -> bool:
        running = await asyncio.to_thread(host.api.containers)
        return not any("sleep 611" in each["Command"] for each in running)

    assert await until(is_dead, "the step is dead")


@pytest.mark.parametrize(
    ("files", "cause"),
    [({}, "Cannot locate specified Dockerfile"), ({"Dockerfile": DOCKERFILE + "RUM x\n"}, "unknown instruction")],
)
async def test_a_dockerfile_that_cannot_be_read_is_the_projects_fault(
    engine: DockerEngine, tmp_path: Path, files: dict[str, str], cause: str
) -> None:
    result = await built(engine, tmp_path, files)
    assert isinstance(result, BuildFailed)
    assert cause.lower() in result.log.lower()


async def test_a_missing_base_image_is_our_fault(engine: DockerEngine, tmp_path: Path) -> None:
    fields = {name: getattr(engine, name) for name in DockerEngine.model_fields} | {"base_image": "slipway-base:none"}
    with pytest.raises(UnknownObject, match="slipway-base:none"):
        await built(DockerEngine(**fields), tmp_path, PROJECT)


async def test_a_second_call_for_the_images_builds_nothing(engine: DockerEngine) -> None:
    bundle = os.environ.get("SSL_CERT_FILE")
    said: list[str] = []
    images = await ensure_images(None, Path(bundle) if bundle else None, said.append)
    assert ((images.base, images.worker), said) == ((engine.base_image, engine.worker_image), [])


async def test_the_base_image_installs_packages_system_wide(engine: DockerEngine, tmp_path: Path) -> None:
    result = await built(
        engine, tmp_path, {"Dockerfile": DOCKERFILE + "USER root\nRUN pip install six && python -c 'import six'\n"}
    )
    assert isinstance(result, Built), result.log


SHELL_COMES_BACK = """
import os, signal
os.rename("/bin/sh", "/bin/not-sh")
signal.signal(signal.SIGUSR1, lambda *_: os.rename("/bin/not-sh", "/bin/sh"))
print("ready", flush=True)
while True: signal.pause()
"""


async def test_command_that_the_engine_could_not_start_is_started_again(
    engine: DockerEngine, host: docker.DockerClient
) -> None:
    """What runc says then stands in the command's output, as seen in a worker that a fork bomb had filled."""
    marks = {"slipway.installation": INSTALLATION}
    container = host.containers.run(
        engine.worker_image,
        [SHELL_COMES_BACK],
        entrypoint=["python3", "-c"],
        user="0",
        labels=marks,
        detach=True,
        pids_limit=48,
    )

    async def ready() -> bool:
        return bool(await asyncio.to_thread(container.logs) == b"ready\n")

    await until(ready, "the shell is away")
    worker = DockerWorker(DockerConnection(None), str(container.id), "half-started", "/tmp", 1_000_000, {})
    result = await worker.run(Command(argv=("echo", "alive")))
    assert (result.exit_code, result.stdout, result.stderr) == (0, b"alive\n", b"")
