"""A person's own commit: tested and proved as every other, delivered only when it passes, and nobody writes anything."""

from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio

from blocks.git.block import BareGitHost
from blocks.installation import Installation
from blocks.registry.block import SqlRegistry
from domain.candidates import BuildFailed
from domain.outcomes import Accepted, Escalated, Rejected
from domain.reports import Outcome, TestReport
from domain.runs import DeliveryRequest
from flows import opening
from flows.delivery import tell_end
from flows.engineering import Commission
from flows.pushed import judge
from tests.blocks.engine_bench import process_engine, shared_folder
from tests.conftest import PrefectServer
from tests.fakes.engine import FakeEngine
from tests.fakes.github_places import NAME, github_place
from tests.fakes.services import MemoryWakeups
from tests.fakes.vault import MemoryVault
from tests.flows.releases_bench import in_flow
from tests.flows.test_cheats import BASE, CHECKS, MANIFEST, RIGHT
from tests.tasks.conftest import NOW, registry, request  # noqa: F401  (a fixture among them)

OTHER_MANIFEST = MANIFEST.replace('"attempts": 100', '"attempts": 99')
RENAMED = {"app/miles.py": RIGHT.replace("miles", "length")}


class Pushes:
    """A project with an accepted main, and what a person pushes onto it."""

    def __init__(self, folder: Path, registry: SqlRegistry, engine: Any) -> None:  # noqa: F811
        self.registry, self.engine = registry, engine
        self.git = BareGitHost(folder=str(folder / "git"))
        self._folder, self._numbers = folder, count(1)
        home = Installation(home=str(folder), engine="process", model="none", answers=False, mutation_seconds=0, review=False)
        self.blocks: Any = SimpleNamespace(
            registry=registry, engine=engine, vault=MemoryVault(), wakeups=MemoryWakeups(), git=self.git, model=None,
            installation=home, github=None, remote=None,
        )  # fmt: skip

    async def commit(self, changes: dict[str, str], parent: str | None, branch: str) -> str:
        tree = self._folder / f"tree-{next(self._numbers)}"
        for name, text in {**BASE, **changes}.items():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_text(text)
        made = await self.git.commit_tree("notes", tree, branch=branch, parent=parent, message="x", author="a <a@b>")
        return made.sha

    async def asked(self, commit: str, run: str) -> DeliveryRequest:
        wanted = request(run, change=True, commit=commit)
        await self.registry.add_run(wanted, NOW)
        return wanted

    async def judge(self, wanted: DeliveryRequest, approved: str = "") -> Accepted | Escalated:
        async def judged() -> Accepted | Escalated:
            opening._opened.set(self.blocks)
            return await judge(Commission(request=wanted, rounds=3, approved=approved), self.blocks)

        return await in_flow(judged)


async def with_main(pushes: Pushes) -> str:
    await pushes.git.create("notes")
    await pushes.registry.set_checks("notes", "r-000001", CHECKS, ())
    return await pushes.commit({}, None, "main")


@pytest_asyncio.fixture
async def pushes(prefect_api: PrefectServer, registry: SqlRegistry, tmp_path: Path) -> AsyncIterator[Pushes]:  # noqa: F811
    """Nothing is built but what a test says."""
    yield Pushes(tmp_path, registry, FakeEngine())


async def test_commit_that_passes_is_proved_and_becomes_main(
    prefect_api: PrefectServer,
    registry: SqlRegistry,  # noqa: F811
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    pushes = Pushes(tmp_path, registry, process_engine(shared_folder(tmp_path_factory)))
    main = await with_main(pushes)
    pushed = await pushes.commit(RENAMED, main, "run/r-pushed01")
    wanted = await pushes.asked(pushed, "r-pushed01")
    end = await pushes.judge(wanted)
    assert isinstance(end, Accepted), end
    assert (end.commit, end.base, end.checks, end.rounds) == (pushed, main, CHECKS, 1)
    assert await pushes.git.head("notes") == pushed
    [proof] = await registry.proofs("notes")
    assert proof.body["commit"] == pushed
    assert await pushes.judge(wanted) == end  # killed after main moved: the same steps again end the same


async def test_commit_that_does_not_pass_leaves_main_and_says_why(pushes: Pushes) -> None:
    main = await with_main(pushes)
    pushed = await pushes.commit(RENAMED, main, "run/r-pushed02")
    pushes.engine.builds.append(BuildFailed(log="no such package", seconds=1))
    end = await pushes.judge(await pushes.asked(pushed, "r-pushed02"))
    assert isinstance(end, Escalated)
    assert (end.cause, end.rounds) == ("red", 1)
    assert f"the pushed commit {pushed[:12]} does not pass" in end.reason
    assert "no such package" in end.evidence
    assert await pushes.git.head("notes") == main


async def test_platform_files_wait_for_the_word_about_exactly_their_change(pushes: Pushes) -> None:
    main = await with_main(pushes)
    pushed = await pushes.commit({**RENAMED, "app.json": OTHER_MANIFEST}, main, "run/r-pushed03")
    wanted = await pushes.asked(pushed, "r-pushed03")
    asks = await pushes.judge(wanted)
    assert isinstance(asks, Escalated)
    assert (asks.cause, len(asks.digest), asks.rounds) == ("locked", 64, 0)
    assert "app.json" in asks.reason
    assert '+{"healthchecks"' in asks.evidence
    assert "app/miles.py" not in asks.evidence
    assert await pushes.judge(wanted, approved="0" * 64) == asks
    assert pushes.engine.built == []
    pushes.engine.builds.append(BuildFailed(log="x", seconds=1))
    end = await pushes.judge(wanted, approved=asks.digest)
    assert isinstance(end, Escalated)
    assert end.cause == "red"
    [built] = pushes.engine.built
    assert built["app.json"].decode() == OTHER_MANIFEST  # it was built with what was approved
    assert await pushes.git.head("notes") == main


async def test_why_it_is_not_delivered_stands_at_the_commit(pushes: Pushes, tmp_path: Path) -> None:
    main = await with_main(pushes)
    with github_place(tmp_path) as place:
        place.state.make(NAME)
        await pushes.registry.set_repository("notes", NAME)
        pushes.blocks.github, pushes.blocks.remote = place.app, place.remote_of(place.app)
        pushed = await pushes.commit(RENAMED, main, "run/r-pushed10")
        wanted = await pushes.asked(pushed, "r-pushed10")
        built = Accepted(commit=pushed, candidate="sha256:1", report=TestReport(outcome=Outcome.PASSED), rounds=1, checks=())
        stopped = Escalated(reason="its person stopped it")
        for end in (stopped, (built, Rejected(reason="it never answered"))):
            await in_flow(lambda end=end: tell_end(wanted, end, pushes.blocks))
        [check] = place.state.checks[NAME]
    assert (check["conclusion"], check["external_id"], check["head_sha"]) == ("failure", "r-pushed10", pushed)
    assert check["output"]["title"] == "the tests passed, and it did not go online: it never answered"


async def test_commit_that_lacks_what_is_on_main_is_not_built(pushes: Pushes) -> None:
    main = await with_main(pushes)
    pushed = await pushes.commit(RENAMED, main, "run/r-pushed04")
    await pushes.commit({"NEWS": "live"}, main, "main")
    end = await pushes.judge(await pushes.asked(pushed, "r-pushed04"))
    assert isinstance(end, Escalated)
    assert end.cause == "diverged"
    assert "pull, merge and push again" in end.reason
    assert pushes.engine.built == []
