"""What a worker is asked to have, and is refused before anything is made when it is not there."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from blocks.docker_capabilities import LABEL, SYSBOX, WorkerImages
from blocks.docker_connection import DockerConnection
from blocks.process_engine import ProcessEngine
from domain.capabilities import CURES, Capability, NpmProgram, lacking
from domain.errors import CapabilityMissing
from domain.workers import Command, WorkerSpec
from tasks.cli.claude_code import PROGRAM
from tests.blocks.engine_bench import process_engine, shared_folder

T = TypeVar("T")
PLAIN, TOOLS = "worker", "tools"


class Engine:
    """A Docker engine's low-level client, as far as images and runtimes go."""

    def __init__(self, runtimes: tuple[str, ...], labels: dict[str, str]) -> None:
        self._runtimes, self._labels = runtimes, labels

    def inspect_image(self, name: str) -> dict[str, Any]:
        return {"Config": {"Labels": {LABEL: self._labels[name]} if name in self._labels else None}}

    def info(self) -> dict[str, Any]:
        return {"Runtimes": {name: {} for name in self._runtimes}}


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
    host = with_sysbox.runtime(spec("docker"))
    assert host["runtime"] == SYSBOX
    assert not {"privileged", "binds", "mounts", "volumes_from"} & host.keys()
    assert with_sysbox.runtime(spec("git")) == {}


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
