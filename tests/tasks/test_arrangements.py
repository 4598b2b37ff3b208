"""A role by another engine, and Ralph's rounds: real git, a real worker process, a tiny CLI or the played model."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from pydantic import SecretStr

from blocks.claude.block import Claude
from blocks.git.block import BareGitHost
from blocks.installation import Installation
from blocks.process_engine.block import ProcessEngine
from blocks.registry.block import SqlRegistry
from domain.checks import HttpCheck, HttpStep
from domain.cli_agents import LOOP, Arrangement
from domain.engines import Engine
from domain.errors import BadInput, CapabilityMissing
from domain.failures import feedback
from domain.outcomes import Abandoned, Developed
from domain.plans import Plan, PlannedFile
from domain.reports import Outcome
from domain.workers import WorkerSpec
from flows.engineering import verdict
from tasks.brief_talk import lease
from tasks.cli import cli_agent
from tasks.cli.claude_code import CLAUDE_CODE
from tasks.developer import develop, dismiss_developer
from tasks.janitor import remove_orphans
from tasks.preparer import prepare_repository
from tasks.workplace import usual_worker
from tests.blocks.engine_bench import process_engine, shared_folder
from tests.fakes.engine import FakeEngine, FakeWorker
from tests.fakes.messages_api import Say, ScriptedMessagesAPI, use
from tests.fakes.services import MemoryWakeups
from tests.tasks.conftest import brief, request

PLAN = Plan(
    summary="one file",
    files=(PlannedFile(path="hello.txt", purpose="all"),),
    test_plan=("keeps",),
    checks=(HttpCheck(id="list", covers="keep", title="listed", steps=(HttpStep(path="/notes"),)),),
)
SHELL = "tests.fakes.shell_agent:AGENT"
CURIOUS = "tests.fakes.shell_agent:CURIOUS"


class Workshop:
    """Rounds of one run."""

    def __init__(self, registry: SqlRegistry, git: BareGitHost, engine: ProcessEngine, base: str) -> None:
        self.registry, self.git, self.base = registry, git, base
        self.engine: Engine = engine

    async def develop(
        self, arrangement: Arrangement, number: int = 1, feedback: str | None = None, url: str | None = None
    ) -> Developed | Abandoned:
        return await develop.fn(
            request(), number, self.base, PLAN, feedback, "claude-sonnet-5-5", self.git, self.engine,
            Claude(api_key=SecretStr("test-key"), base_url=url), self.registry, MemoryWakeups(), arrangement=arrangement,
        )  # fmt: skip

    async def read(self, work: Developed | Abandoned, *names: str) -> dict[str, str]:
        assert isinstance(work, Developed), work
        return await self.git.read("notes", work.commit, names)


class Asking(FakeEngine):
    """Says what it is asked for, and gives nothing."""

    async def spawn(self, spec: WorkerSpec) -> FakeWorker:
        raise CapabilityMissing(f"asked for {spec.capabilities}")


@pytest_asyncio.fixture
async def workshop(registry: SqlRegistry, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Workshop]:
    engine = process_engine(shared_folder(tmp_path_factory))
    engine = engine.model_copy(update={"gateway_port": 1, "gateway_key": SecretStr("nobody asks a model")})
    git = BareGitHost(folder=str(tmp_path / "git"))
    yield Workshop(registry, git, engine, await prepare_repository.fn("r-000001", brief(), git))
    await dismiss_developer.fn("r-000001", engine)


async def test_adapter_that_nobody_here_knows_develops_and_is_told_the_next_report(workshop: Workshop) -> None:
    one = await workshop.develop(Arrangement(engine=SHELL))
    two = await workshop.develop(Arrangement(engine=SHELL), 2, "it is red")
    assert (await workshop.read(one, "hello.txt")) == {"hello.txt": "hello\n"}
    assert (await workshop.read(two, "asked.txt")) == {"asked.txt": "The Tester's report of round 1:\n\nit is red"}
    assert [line.text for line in await workshop.registry.progress("r-000001")] == ["write", "write"]


async def test_lost_worker_of_a_cli_begins_at_the_last_committed_round(workshop: Workshop) -> None:
    await workshop.develop(Arrangement(engine=CURIOUS))
    await dismiss_developer.fn("r-000001", workshop.engine)
    two = await workshop.develop(Arrangement(engine=CURIOUS), 2, "it is red")
    files = await workshop.read(two, "rounds.txt", "asked.txt")
    assert files["rounds.txt"] == "x\nx\n"
    assert files["asked.txt"].startswith("Build the new project.")
    assert files["asked.txt"].endswith("The Tester's report of round 1:\n\nit is red")


async def test_ralph_by_a_cli_gets_the_same_task_again_and_finds_the_report_in_a_file(workshop: Workshop) -> None:
    ralph = Arrangement(engine=CURIOUS, ralph=True)
    one = await workshop.read(await workshop.develop(ralph), "asked.txt", "report.txt", "rounds.txt")
    two = await workshop.read(await workshop.develop(ralph, 2, "it is red"), "asked.txt", "report.txt", "rounds.txt")
    assert (one["asked.txt"], one["rounds.txt"], two["rounds.txt"]) == (two["asked.txt"], "x\n", "x\nx\n")
    assert one["report.txt"] == "There was no test yet."
    assert two["report.txt"].endswith("it is red")
    assert [worker.identity for worker in await workshop.engine.workers("r-000001")] == ["r-000001-developer-2"]


async def test_ralph_by_our_loop_remembers_nothing_but_the_files(workshop: Workshop) -> None:
    ralph = Arrangement(engine=LOOP, ralph=True)
    script = [Say([use("bash", command="echo 1 >>n.txt; echo i >i.pyc")]), Say([use("finish", summary="done")])]
    script += [Say([use("bash", command="ls >>n.txt")]), Say([use("finish", summary="done")])]
    with ScriptedMessagesAPI(script) as api:
        await workshop.develop(ralph, url=api.url)
        two = await workshop.develop(ralph, 2, "it is red", url=api.url)
    first, third = (api.requests[place].body["messages"] for place in (0, 2))
    assert (len(third), str(third).count("it is red")) == (1, 0)
    assert first[0]["content"][0]["text"] == third[0]["content"][0]["text"]
    listed = (await workshop.read(two, "n.txt"))["n.txt"].splitlines()
    assert (listed[0], "n.txt" in listed, "i.pyc" in listed) == ("1", True, False)


async def test_workspace_that_cannot_be_taken_goes_back_to_its_developer_and_moves_nothing(workshop: Workshop) -> None:
    link = "echo venv >.gitignore; mkdir venv; ln -s /usr/bin/python3 venv/python; echo 1 >n.txt"
    script = [Say([use("bash", command=link)]), Say([use("finish", summary="done")])]
    script += [Say([use("bash", command="rm -r venv")]), Say([use("finish", summary="done")])]
    with ScriptedMessagesAPI(script) as api:
        one = await workshop.develop(Arrangement(engine=LOOP), url=api.url)
        assert isinstance(one, Developed)
        report = await verdict(request(), 1, one, workshop.base, (), ())
        two = await workshop.develop(Arrangement(engine=LOOP), 2, feedback(report), url=api.url)
    assert (one.commit, await workshop.git.head("notes", "main")) == (workshop.base, workshop.base)
    assert (report.outcome, report.passed) == (Outcome.NOT_TAKEN, False)
    assert "'venv/python' is a link to '/usr/bin/python3', outside of the folder" in str(api.requests[2].last_blocks)
    assert await workshop.read(two, "n.txt", "venv/python") == {"n.txt": "1\n"}


async def test_worker_has_what_the_installation_and_the_kind_name_and_spares_have_the_same(workshop: Workshop) -> None:
    asked = Installation(home="h", engine="docker", model="m", capabilities=("node",)).arrangement_of("developer")
    workshop.engine = Asking()
    with pytest.raises(CapabilityMissing, match="'git', 'python', 'node'"):
        await workshop.develop(asked)
    assert usual_worker(asked.capabilities).capabilities == ("node",)


async def test_developer_has_github_when_the_project_has_a_repository_and_else_it_is_said(workshop: Workshop) -> None:
    asked = Installation(home="h", engine="docker", model="m", capabilities=("github",)).arrangement_of("developer")
    workshop.engine = Asking()
    with pytest.raises(CapabilityMissing, match=r"asked for \('git', 'python'\)"):
        await workshop.develop(asked)
    [said] = await workshop.registry.progress("r-000001")
    assert "works without GitHub" in said.text
    assert "`slipway repository notes OWNER/NAME`" in said.text
    await workshop.registry.set_repository("notes", "anna/notes")
    with pytest.raises(CapabilityMissing, match=r"asked for \('git', 'python', 'github'\)"):
        await workshop.develop(asked)
    assert len(await workshop.registry.progress("r-000001")) == 1


async def test_developer_with_github_is_told_its_repository_and_others_are_not(workshop: Workshop) -> None:
    await workshop.registry.set_repository("notes", "anna/notes")
    github = Arrangement(engine=CURIOUS, capabilities=("github",), github_url="https://git.example.org")
    told = await workshop.read(await workshop.develop(github), "asked.txt")
    assert "https://git.example.org/anna/notes over https" in told["asked.txt"]
    await dismiss_developer.fn("r-000001", workshop.engine)
    plain = await workshop.read(await workshop.develop(Arrangement(engine=CURIOUS), 2, "it is red"), "asked.txt")
    assert "GitHub" not in plain["asked.txt"]


def test_engines_are_found_by_name_and_what_is_none_is_said() -> None:
    assert (cli_agent(LOOP), cli_agent("claude-code")) == (None, CLAUDE_CODE)
    with pytest.raises(BadInput, match="choose one of anthropic, claude-code"):
        cli_agent("codex")


async def test_worker_of_a_brief_is_left_alone_by_the_janitor_while_it_is_written(registry: SqlRegistry) -> None:
    engine, wakeups = FakeEngine(), MemoryWakeups()
    spec = WorkerSpec(identity="r-000009-product-owner", project="new-r-000009", run="r-000009", role="product_owner")
    await engine.spawn(spec)
    await wakeups.lock(lease("r-000009"), spec.identity, 60)
    assert await remove_orphans.fn(registry, engine, wakeups) == []
    await wakeups.unlock(lease("r-000009"), spec.identity)
    assert await remove_orphans.fn(registry, engine, wakeups) == ["r-000009-product-owner"]
