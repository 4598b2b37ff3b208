"""The real Claude Code from npm, in a worker, behind the gateway; only the model is played."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pydantic import SecretStr

from blocks.claude.block import Claude
from blocks.docker_engine.block import DockerEngine
from blocks.docker_engine.connection import DockerConnection
from blocks.docker_engine.networks import DockerNetworks
from blocks.git.block import BareGitHost
from blocks.mcp_doors import McpDoors
from deployments.base_image import Extras, Images, ensure_images
from deployments.gateway.models import Models
from deployments.gateway.service import models_of
from deployments.gateway.upstream import Upstream
from deployments.settings import load_settings
from domain.checks import HttpCheck, HttpStep
from domain.cli_agents import Arrangement
from domain.engines import Engine
from domain.errors import ModelKeyRefused
from domain.outcomes import Abandoned, Developed
from domain.plans import Plan, PlannedFile
from domain.talks import account
from tasks.brief_talk import Desk
from tasks.cli.claude_code import PROGRAM
from tasks.developer import develop, dismiss_developer
from tasks.led_by_cli import CliDesk
from tasks.preparer import prepare_repository
from tasks.product_owner import write_brief
from tasks.talk_tools import TALK_TOOLS
from tests.deployments.gateway_bench import KEY, MODEL, REAL_KEY, Place, opened
from tests.fakes.messages_api import Answer, Asked, Fault, Say, ScriptedMessagesAPI, thinking, use
from tests.fakes.services import MemoryWakeups
from tests.tasks.conftest import NOW, brief, request
from tests.tasks.talk_desk import ANN, TalkDesk, propose

OTHER = "claude-opus-5"
CLAUDE_CODE = Arrangement(engine="claude-code")
PLAN = Plan(
    summary="one file",
    files=(PlannedFile(path="app/notes.py", purpose="all"),),
    test_plan=("keeps",),
    checks=(HttpCheck(id="list", covers="keep", title="listed", steps=(HttpStep(path="/notes"),)),),
)


NOBODY = Claude(api_key=SecretStr("unused"))
"""The model of our own loop, which no CLI asks."""


def write(path: str, content: str) -> Say:
    return Say([use("Write", file_path=path, content=content)])


def finish(summary: str) -> Say:
    return Say([use("StructuredOutput", result={"summary": summary})])


@dataclass
class Shop:
    """Real git, a real engine and a real gateway before the played model."""

    place: Place
    engine: Engine
    git: BareGitHost
    wakeups: MemoryWakeups
    base: str
    model: Claude = field(default_factory=lambda: NOBODY)
    folder: Path = Path()

    async def develop(self, number: int = 1, feedback: str | None = None) -> Developed | Abandoned:
        return await develop.fn(
            request(), number, self.base, PLAN, feedback, MODEL, self.git, self.engine, self.model,
            self.place.registry, self.wakeups, arrangement=CLAUDE_CODE,
        )  # fmt: skip

    async def told(self) -> list[str]:
        return [line.text for line in await self.place.registry.progress("r-000001")]


@asynccontextmanager
async def shop(folder: Path, place: Place, engine: Engine) -> AsyncIterator[Shop]:
    git = BareGitHost(folder=str(folder / "git"))
    base = await prepare_repository.fn("r-000001", brief(), git)
    made = Shop(place, engine, git, MemoryWakeups(), base, folder=folder)
    try:
        yield made
    finally:
        await dismiss_developer.fn("r-000001", engine)


@pytest.fixture(scope="module")
def images() -> Images:
    bundle = os.environ.get("SSL_CERT_FILE")
    return asyncio.run(ensure_images(None, Path(bundle) if bundle else None, print, extras=Extras((PROGRAM,))))


@asynccontextmanager
async def docker_shop(
    folder: Path,
    images: Images,
    api: ScriptedMessagesAPI,
    budget: int = 5_000_000,
    key: str = REAL_KEY,
    models: Models | None = None,
) -> AsyncIterator[Shop]:
    installation = f"cli-{os.getpid()}"
    connection = DockerConnection(None)
    network = await DockerNetworks(connection, installation, folder).of_workers()
    upstream = Upstream(key, api.url)
    try:
        async with opened(
            folder, upstream, budget=budget, models=models, address=network.gateway, guests=network.subnet
        ) as place:
            engine = DockerEngine(
                installation=installation, base_image=images.base, worker_image=images.worker, tool_images=dict(images.tools),
                data_folder=str(folder), gateway_port=int(place.url.rpartition(":")[2]), gateway_key=SecretStr(KEY),
            )  # fmt: skip
            async with shop(folder, place, engine) as made:
                yield made
    finally:
        await connection.ask("removing the network", lambda api: api.remove_network(network.id))


@pytest.mark.docker
async def test_rounds_in_a_container_are_one_session_paid_through_the_gateway(tmp_path: Path, images: Images) -> None:
    script: list[Answer] = [write("/workspace/app/notes.py", "x = 1\n"), finish("Notes are kept.")]
    script += [Say([use("Bash", command="echo 'x = 2' >app/notes.py; env", description="mend")]), finish("Mended.")]
    with ScriptedMessagesAPI(script, key=REAL_KEY) as api:
        async with docker_shop(tmp_path, images, api) as made:
            one = await made.develop()
            two = await made.develop(2, "the test failed")
            cost = await made.place.registry.cost(run="r-000001")
            told = await made.told()
    api.assert_exhausted()
    assert isinstance(one, Developed), one
    assert isinstance(two, Developed), two
    files = [await made.git.read("notes", work.commit, ("app/notes.py",)) for work in (one, two)]
    assert files == [{"app/notes.py": "x = 1\n"}, {"app/notes.py": "x = 2\n"}]
    assert [file.path for file in (await made.git.patch("notes", made.base, two.commit)).files] == ["app/notes.py"]
    third = str(api.requests[2].body["messages"])
    assert ("x = 1" in third, "The Tester's report of round 1" in third) == (True, True)
    assert cost.calls == 4
    assert told == ["Write", "StructuredOutput", "Bash", "StructuredOutput"]
    assert REAL_KEY not in str(api.requests[3].body)


@pytest.mark.docker
async def test_spent_budget_ends_the_work_in_a_container(tmp_path: Path, images: Images) -> None:
    with ScriptedMessagesAPI([], key=REAL_KEY) as api:
        async with docker_shop(tmp_path, images, api, budget=10) as made:
            end = await made.develop()
    assert isinstance(end, Abandoned)
    assert (end.reason, api.requests) == ("out of budget", [])
    assert "the budget of notes is spent" in end.detail


@pytest.mark.docker
async def test_refused_key_of_the_operator_needs_a_person_and_its_mending_goes_on_in_the_session(
    tmp_path: Path, images: Images
) -> None:
    with ScriptedMessagesAPI([write("/workspace/app/notes.py", "x = 1\n"), finish("Done.")], key=REAL_KEY) as api:
        async with docker_shop(tmp_path, images, api, key="an old key") as made:
            for _ in range(4):
                with pytest.raises(ModelKeyRefused):
                    await made.develop()
            made.place.upstream.api_key = REAL_KEY
            end = await made.develop()
    assert isinstance(end, Developed), end


@pytest.mark.docker
async def test_second_model_works_on_while_the_wanted_one_is_overloaded(
    tmp_path: Path, images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(asked: Asked) -> Answer:
        if asked.body["model"] == MODEL and asked.turn == 1:
            return Fault(529, "overloaded_error")
        written = [thinking("a file"), use("Write", file_path="/workspace/app/notes.py", content="x = 1\n")]
        return finish("Done.") if asked.turn else Say(written)

    monkeypatch.chdir(tmp_path)
    models = models_of(load_settings(model=MODEL, fallback_model=OTHER))
    with ScriptedMessagesAPI(answer, key=REAL_KEY) as api:
        async with docker_shop(tmp_path, images, api, models=models) as made:
            made.model = Claude(api_key=SecretStr("unused"), fallback_model=OTHER)
            end = await made.develop()
            used = {line.model for line in await made.place.registry.usage(run="r-000001")}
    assert api.problems == []
    assert isinstance(end, Developed), end
    assert used == {MODEL, OTHER}


@pytest.mark.docker
@pytest.mark.parametrize("end_of_command", ["true", "false"])
async def test_what_the_person_says_reaches_the_model_beside_the_next_result(
    end_of_command: str, tmp_path: Path, images: Images
) -> None:
    loop, shops = asyncio.get_running_loop(), list[Shop]()
    laid = f'until [ -e "$SLIPWAY_TALK"/said/00000001 ]; do sleep 0.1; done; {end_of_command}'

    def answer(asked: Asked) -> Answer:
        if asked.turn:
            assert "<remark>\\nin blue\\n</remark>" in json.dumps(asked.body["messages"])
            return finish("Done.")
        said = shops[0].place.registry.add_remark("r-000001", "local:me", "in blue", NOW)
        asyncio.run_coroutine_threadsafe(said, loop).result(20)
        return Say([use("Bash", command=laid, description="work")])

    with ScriptedMessagesAPI(answer, key=REAL_KEY) as api:
        async with docker_shop(tmp_path, images, api) as made:
            shops.append(made)
            one = await made.develop()
            two = await made.develop(2, "the test failed")
    assert api.problems == []
    assert isinstance(one, Developed), one
    assert isinstance(two, Developed), two
    assert len(api.requests) == 3, "the remark was told once"


@pytest.mark.docker
async def test_session_that_was_killed_goes_on_where_it_was(tmp_path: Path, images: Images) -> None:
    def answer(asked: Asked) -> Answer:
        if asked.turn == 0:
            return write("/workspace/app/notes.py", "x = 1\n")
        if "You were interrupted" in str(asked.body["messages"]):
            return finish("Done.")
        return Say([use("Bash", command="kill -9 $PPID", description="die")])

    with ScriptedMessagesAPI(answer, key=REAL_KEY) as api:
        async with docker_shop(tmp_path, images, api) as made:
            end = await made.develop()
    assert api.problems == []
    assert isinstance(end, Developed), end
    assert "x = 1" in str(api.requests[-1].body["messages"])


@pytest.mark.docker
async def test_brief_is_written_by_a_cli_without_tools_and_its_worker_is_gone_then(tmp_path: Path, images: Images) -> None:
    incomplete, whole = brief(kind="rocket").model_dump(mode="json"), brief().model_dump(mode="json")
    script = [Say([use("StructuredOutput", **given)]) for given in (incomplete, whole)]
    with ScriptedMessagesAPI(script, key=REAL_KEY) as api:
        async with docker_shop(tmp_path, images, api) as made:
            wish = ("r-000009", "keep my notes", None, None, None, frozenset({"notes"}), MODEL)
            desk = Desk(CLAUDE_CODE, made.engine, made.wakeups)
            written = await write_brief.fn(*wish, NOBODY, made.place.registry, desk)
            cost = await made.place.registry.cost(project="new-r-000009")
            left = await made.engine.workers()
    api.assert_exhausted()
    assert (written.slug, cost.calls, list(left), made.wakeups.owners) == ("notes-2", 2, [], {})
    assert {tool["name"] for tool in api.requests[0].body["tools"]} <= {"StructuredOutput", "DeferredToolPlaceholder"}
    assert "kind must be one of" in str(api.requests[1].body["messages"])


@pytest.mark.docker
async def test_chat_is_answered_by_a_cli_that_has_our_tools_and_no_others(tmp_path: Path, images: Images) -> None:
    script: list[Answer] = [
        Say([use("mcp__slipway__list_projects"), use("mcp__slipway__propose", **propose()["input"])]),
        Say([use("StructuredOutput", text="Shall I build it?", questions=["In green?"])]),
        Say([use("mcp__slipway__start")]),
        Say([use("StructuredOutput", text="It is begun.", questions=[])]),
    ]
    with ScriptedMessagesAPI(script, key=REAL_KEY) as api:
        async with docker_shop(tmp_path, images, api) as made:
            desk = TalkDesk(made.place.registry, api.url)
            desk.cli = CliDesk(CLAUDE_CODE, made.engine, desk.wakeups, McpDoors(made.folder))
            shown, begun = await desk.talk("a tea timer"), await desk.talk("yes")
            cost = await made.place.registry.cost(account(ANN))
            left = await made.engine.workers()
    api.assert_exhausted()
    assert shown.proposal
    assert (shown.proposal.brief.slug, shown.reply.questions, begun.reply.text) == ("timer", ("In green?",), "It is begun.")
    assert [each.brief.slug for each in desk.deeds.started] == ["timer"]
    offered = {tool["name"] for tool in api.requests[0].body["tools"]}
    assert offered == {"StructuredOutput", *(f"mcp__slipway__{name}" for name in TALK_TOOLS)}
    assert "Shall I build it?" in str(api.requests[2].body["messages"]), "a new session knows what was said"
    assert (cost.calls, list(left), desk.wakeups.owners) == (4, [], {})
