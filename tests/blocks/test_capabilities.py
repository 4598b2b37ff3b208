"""What a worker is asked to have, and is refused before anything is made when it is not there."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from docker.errors import NotFound
from docker.types import HostConfig

from blocks.docker_engine.capabilities import LABEL, SYSBOX, WorkerImages
from blocks.docker_engine.commands import WORKER_UID
from blocks.docker_engine.connection import DockerConnection
from blocks.docker_engine.networks import DockerNetworks
from blocks.docker_engine.spares import DockerSpares
from blocks.docker_engine.workers import DockerWorkers
from blocks.package_caches import PackageCaches
from blocks.process_engine.block import ProcessEngine
from domain.capabilities import CURES, Capability, NpmProgram, lacking
from domain.errors import CapabilityMissing
from domain.workers import Command, WorkerSpec
from tasks.cli.claude_code import PROGRAM
from tests.blocks.engine_bench import process_engine, shared_folder

T = TypeVar("T")
PLAIN, TOOLS = "worker", "tools"


class Engine:
    """A Docker engine's low-level client, as far as images, runtimes and the making of a container go."""

    def __init__(self, runtimes: tuple[str, ...], labels: dict[str, str]) -> None:
        self._runtimes, self._labels = runtimes, labels
        self.created: dict[str, dict[str, Any]] = {}
        self.started: list[str] = []

    def inspect_image(self, name: str) -> dict[str, Any]:
        return {"Config": {"Labels": {LABEL: self._labels[name]} if name in self._labels else None}}

    def info(self) -> dict[str, Any]:
        return {"Runtimes": {name: {} for name in self._runtimes}}

    def inspect_container(self, name: str) -> dict[str, Any]:
        raise NotFound(f"no such container: {name}")

    def containers(self, **asked: Any) -> list[dict[str, Any]]:
        return []

    def create_host_config(self, **given: Any) -> HostConfig:
        return HostConfig(version="1.41", **given)

    def create_container(self, name: str, **settings: Any) -> None:
        self.created[name] = settings

    def start(self, name: str) -> None:
        assert name in self.created
        self.started.append(name)


class Connection(DockerConnection):
    """Leads to that client."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(None)
        self._engine = engine

    async def ask(self, attempted: str, exchange: Callable[[Any], T]) -> T:
        return exchange(self._engine)


def images(*runtimes: str, tools: str = "git python node docker", plain: str = "git python") -> WorkerImages:
    engine = Engine(("runc", *runtimes), {TOOLS: tools, PLAIN: plain})
    return WorkerImages(Connection(engine), PLAIN, {PROGRAM.pinned: TOOLS})


def spec(*capabilities: Capability, program: NpmProgram | None = None, image: str = "") -> WorkerSpec:
    given = {"identity": "w", "project": "notes", "run": "r", "role": "developer", "network": "packages", "image": image}
    return WorkerSpec.model_validate({**given, "capabilities": capabilities, "program": program})


async def test_worker_that_needs_nothing_more_gets_the_plain_image() -> None:
    assert await images().chosen(spec("git", "python")) == PLAIN
    assert await images().chosen(spec(image="sha256:candidate")) == "sha256:candidate"


async def test_program_and_node_are_in_the_image_with_tools() -> None:
    assert await images().chosen(spec(program=PROGRAM)) == TOOLS
    assert await images().chosen(spec("node")) == TOOLS


async def test_git_asks_a_helper_in_the_image_that_has_one() -> None:
    assert await images(plain="git python github").chosen(spec("git", "github")) == PLAIN


async def test_containers_of_a_workers_own_use_sysbox_where_the_engine_has_it() -> None:
    with_sysbox = images(SYSBOX)
    assert await with_sysbox.chosen(spec("docker")) == TOOLS
    assert with_sysbox.runtime(spec("git")) == {}


async def made(folder: Path, *capabilities: Capability) -> dict[str, Any]:
    """Spawn such a worker and return what the engine was told to make."""
    engine = Engine(("runc", SYSBOX), {TOOLS: "git python node docker", PLAIN: "git python"})
    connection = Connection(engine)
    workers = DockerWorkers(
        connection,
        DockerNetworks(connection, "tests", folder),
        "tests",
        WorkerImages(connection, PLAIN, {PROGRAM.pinned: TOOLS}),
        None,
        PackageCaches(folder),
        DockerSpares(connection, "tests", folder),
    )
    await workers.spawn(spec(*capabilities).model_copy(update={"network": "none"}))
    assert engine.started == ["slipway-tests-w"]
    return engine.created["slipway-tests-w"]


WAYS_OUT = (
    "Privileged", "Binds", "Mounts", "VolumesFrom", "Devices", "DeviceRequests", "CapAdd", "PidMode", "IpcMode", "UTSMode",
    "UsernsMode", "CgroupnsMode", "CgroupParent", "GroupAdd", "PortBindings", "Sysctls", "Links", "ExtraHosts",
)  # fmt: skip
"""Settings of the host by which a container gets at it; none of them is ever set."""


@pytest.mark.parametrize("capability", ["docker", "git"])
async def test_no_worker_is_made_with_a_way_to_the_host(tmp_path: Path, capability: Capability) -> None:
    settings = await made(tmp_path, capability)
    host = settings["host_config"]
    assert not {name: host[name] for name in WAYS_OUT if host.get(name)}
    assert "volumes" not in settings
    assert "docker.sock" not in str(settings)
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert (host["NetworkMode"], set(host["Tmpfs"])) == ("none", {"/tmp", "/workspace"})
    assert min(host[name] for name in ("Memory", "MemorySwap", "NanoCpus", "PidsLimit")) > 0


async def test_only_a_worker_with_containers_has_sysbox_and_a_root_that_can_be_written(tmp_path: Path) -> None:
    within, plain = await made(tmp_path, "docker"), await made(tmp_path, "git")
    facts = ("Runtime", "ReadonlyRootfs", "CapDrop")
    assert [within["host_config"].get(name) for name in facts] == [SYSBOX, False, None]
    assert [plain["host_config"].get(name) for name in facts] == [None, True, ["ALL"]]
    assert (within["user"], plain["user"]) == ("0:0", WORKER_UID)


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (("node", "docker"), "install sysbox"),
        (("github",), "has no credential helper: run `slipway up` again"),
    ],
)
async def test_what_is_missing_is_said_with_its_cure(wanted: tuple[Capability, ...], says: str) -> None:
    with pytest.raises(CapabilityMissing, match=says):
        await images().chosen(spec(*wanted))


async def test_node_that_no_image_has_is_said_with_the_setting() -> None:
    with pytest.raises(CapabilityMissing, match="SLIPWAY_CAPABILITIES=node"):
        await WorkerImages(Connection(Engine((), {})), PLAIN, {}).chosen(spec("node"))


async def test_program_that_no_image_has_is_said_with_the_setting() -> None:
    other = NpmProgram(package="another-cli", version="1.2.3", command="other")
    with pytest.raises(
        CapabilityMissing, match=r"another-cli@1\.2\.3, which no image here has: name its engine in SLIPWAY_ENGINES"
    ):
        await images().chosen(spec(program=other))


async def test_process_engine_has_no_containers_for_a_worker(tmp_path: Path) -> None:
    engine = ProcessEngine(installation="tests", folder=str(tmp_path))
    with pytest.raises(CapabilityMissing, match="install sysbox"):
        await engine.spawn(spec("docker"))
    assert list(await engine.workers()) == []


async def test_process_engine_installs_a_program_from_npm_once_and_node_with_it(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    engine = process_engine(shared_folder(tmp_path_factory))
    wanted = spec(program=NpmProgram(package="semver", version="7.7.3", command="semver"))
    try:
        look = "semver 1.2.3; for each in node semver python; do command -v $each; done"
        said = await (await engine.spawn(wanted)).run(Command(argv=("sh", "-c", look)))
        found = [Path(line) for line in said.text.splitlines()[1:]]
        installed = [path.stat().st_ctime_ns for path in found]
        await engine.remove_worker("w")
        await engine.spawn(wanted)
    finally:
        await engine.remove_worker("w")
    assert said.text.startswith("1.2.3\n")
    assert [path.stat().st_ctime_ns for path in found] == installed
    assert ["agent-" in str(path) for path in found] == [False, False, True]


def test_every_capability_has_a_cure_and_the_first_missing_one_is_named() -> None:
    assert (
        lacking("w", ("git", "node"), {"git"}) == f"the worker w needs 'node', which workers here do not have: {CURES['node']}"
    )
    assert lacking("w", ("git",), {"git"}) == ""
