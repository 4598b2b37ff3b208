"""The workers' way out as `slipway up` makes it: packages come, with a receipt; where the proxy is gone the door stays locked.

What a hostile worker tries against it stands in tests/hostile/test_network.py. Only loopback, containers and, by pip, a
package registry are contacted.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from blocks.docker_engine.block import DockerEngine
from blocks.docker_engine.connection import DockerConnection
from blocks.egress_receipts import EgressReceipts
from deployments.egress.firewall import can_lock, chain
from deployments.egress.registries import registry_patterns
from domain.candidates import Built
from domain.egress import run_token
from domain.workers import Command, CommandResult, Limits, Worker, WorkerSpec
from tests.blocks.egress_bench import Place, installed, rules
from tests.blocks.engine_bench import DOCKERFILE
from tests.blocks.outside import ADDRESS, outside

pytestmark = pytest.mark.docker

RUN = "r-egress"
SMALL = Limits(memory_mb=256, cpus=1.0, pids=64, disk_mb=64)
REACHES = """
import socket, sys
try:
    with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=4) as found:
        print("reached", found.recv(100))
except OSError as error:
    print("no way:", error)
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with installed(tmp_path_factory.mktemp("egress")) as made:
        yield made


@pytest.fixture(scope="module")
def engine(place: Place) -> DockerEngine:
    return place.engine()


def spec(role: str, run: str = RUN) -> WorkerSpec:
    return WorkerSpec(identity=f"{run}-{role}", project="notes", run=run, role="developer", network="packages", limits=SMALL)


@pytest.fixture
async def worker(place: Place, engine: DockerEngine) -> Worker:
    await place.ready()
    return await engine.spawn(spec("hostile"))


async def curl(worker: Worker, *words: str, environment: dict[str, str] | None = None) -> CommandResult:
    argv = ("curl", "-sS", "--max-time", "6", "-o", "/dev/null", "-w", "%{http_connect} %{http_code}", *words)
    return await worker.run(Command(argv=argv, environment=environment or {}, seconds=30))


async def registry() -> str:
    """Return the host that this machine's pip asks first."""
    from pip._internal.models.index import PyPI

    assert PyPI.netloc in await registry_patterns()
    return str(PyPI.netloc)


async def test_pip_installs_a_package_and_the_receipt_says_from_where(place: Place, worker: Worker) -> None:
    code = "pip install -q --no-cache-dir --target /tmp/s six && PYTHONPATH=/tmp/s python -c 'import six; print(six.__name__)'"
    result = await worker.run(Command(argv=("sh", "-c", code), seconds=120))
    assert result.text.strip() == "six"
    passages = await EgressReceipts(place.folder.home).of_run(RUN)
    assert {passage.host for passage in passages if passage.down > 10_000} <= set(await registry_patterns())
    assert sum(passage.down for passage in passages) > 10_000


BUILDS_A_WHEEL = "pip install --no-deps --no-build-isolation --target /tmp/s docopt"


async def test_a_projects_next_worker_has_its_cache_and_another_projects_has_not(place: Place, engine: DockerEngine) -> None:
    await place.ready()

    async def installing(run: str, project: str) -> str:
        wanted = spec("cached", run).model_copy(update={"project": project})
        worker = await engine.spawn(wanted)
        line = f"ls -A /tmp/.cache; {BUILDS_A_WHEEL}; touch /tmp/.cache/poison"
        result = await worker.run(Command(argv=("sh", "-c", line), seconds=120))
        await engine.remove_worker(wanted.identity)
        return result.text

    first = await installing("r-cached-1", "cached")
    assert "Building wheel" in first, first
    second = await installing("r-cached-2", "cached")
    assert "Using cached docopt" in second, second
    assert "poison" in second
    other = await installing("r-cached-3", "other-cached")
    assert "Using cached" not in other
    assert "poison" not in other
    await engine.remove_data("cached")
    assert [path.name for path in (place.folder.engine / "package-caches").iterdir()] == ["other-cached.tar"]


async def test_a_cache_that_is_too_large_is_not_kept(place: Place, engine: DockerEngine) -> None:
    await place.ready()
    wanted = spec("large", "r-large").model_copy(update={"project": "large", "limits": Limits(memory_mb=512, disk_mb=150)})
    worker = await engine.spawn(wanted)
    line = "mkdir /tmp/.cache && head -c 140000000 /dev/zero >/tmp/.cache/flood"
    assert (await worker.run(Command(argv=("sh", "-c", line)))).ok
    await engine.remove_worker(wanted.identity)
    assert not (place.folder.engine / "package-caches" / "large.tar").exists()
    assert await engine.workers("r-large") == []


async def test_a_build_installs_requirements_by_the_proxy_of_its_run(
    place: Place, engine: DockerEngine, tmp_path: Path
) -> None:
    await place.ready()
    (tmp_path / "Dockerfile").write_text(
        f"{DOCKERFILE}USER root\nRUN pip install --no-cache-dir six && python -c 'import six'\n"
    )
    first = await engine.build(tmp_path, "notes", "r-builder")
    assert isinstance(first, Built), first.log
    passages = await EgressReceipts(place.folder.home).of_run("r-builder")
    assert sum(passage.down for passage in passages) > 10_000
    again = await engine.build(tmp_path, "notes", "r-another")
    assert isinstance(again, Built), again.log
    assert again.candidate == first.candidate, "the token of a run is no part of a candidate nor of the cache"
    history = DockerConnection(None).ask("reading", lambda api: api.history(first.candidate))
    assert run_token(place.folder.egress_key, "r-builder") not in str(await history)


@pytest.mark.skipif(not can_lock(), reason="an internet of the test's own is made by root only")
async def test_without_a_proxy_the_network_is_closed_not_open(
    place: Place, engine: DockerEngine, worker: Worker, tmp_path: Path
) -> None:
    alone = DockerEngine(**{name: getattr(engine, name) for name in DockerEngine.model_fields} | {"egress_port": None})
    lonely = await alone.spawn(spec("lonely", "r-lonely"))
    assert "proxy" not in (await lonely.run(Command(argv=("env",)))).text.lower()
    with outside(place, engine.worker_image, tmp_path) as world:
        assert await world.answered(REACHES, ADDRESS, "443") == "reached b'the outside'\n", "an ordinary container is answered"
        heard = world.heard
        assert (await lonely.run(Command(argv=("python", "-c", REACHES, ADDRESS, "443")))).text.startswith("no way:")
        assert world.heard == heard
    await alone.remove_worker(lonely.identity)


async def test_a_killed_service_leaves_the_door_locked_and_the_next_one_serves(place: Place, worker: Worker) -> None:
    assert place.service is not None
    place.service.kill()
    place.service.wait()
    refused = await curl(worker, f"https://{await registry()}/")
    assert refused.stdout.decode() == "000 000"
    if can_lock():
        assert chain(await place.network()) in rules()
    place.start()
    await place.ready()
    assert (await curl(worker, "https://evil.example/")).stdout.decode() == "403 000"
