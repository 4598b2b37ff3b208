"""Product Owner, Architect and Developer against the scripted Messages API, with real git and a real worker process."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from pydantic import SecretStr

from blocks.attachment_files import AttachmentFiles
from blocks.claude.block import Claude
from blocks.git.block import BareGitHost
from blocks.process_engine.block import ProcessEngine
from blocks.registry.block import SqlRegistry
from domain.attachments import Limits
from domain.briefs import Brief
from domain.checks import HttpCheck, HttpStep
from domain.errors import BadInput, NeedsPerson
from domain.outcomes import Abandoned, Developed
from domain.plans import Plan
from domain.workers import Command, WorkerSpec
from tasks.architect import write_plan
from tasks.attachments import take_in
from tasks.developer import accept_commit, develop, dismiss_developer
from tasks.preparer import prepare_repository
from tasks.product_owner import write_brief
from tests.blocks.engine_bench import process_engine
from tests.fakes.messages_api import Asked, ScriptedMessagesAPI, text, use
from tests.fakes.messages_api import Say as Answer
from tests.fakes.services import MemoryWakeups
from tests.tasks.conftest import brief, request

MODEL = "claude-sonnet-5-5"
CHECK = {"type": "http", "id": "list", "covers": "keep", "title": "listed", "steps": [{"path": "/notes"}]}
PLAN: dict[str, Any] = {
    "summary": "one file",
    "files": [{"path": "app/main.py", "purpose": "all"}],
    "test_plan": ["keeps"],
    "checks": [CHECK],
}


def say(*content: dict[str, Any]) -> Answer:
    return Answer(content)


def claude(api: ScriptedMessagesAPI) -> Claude:
    return Claude(api_key=SecretStr("test-key"), base_url=api.url)


async def ask_for_brief(api: ScriptedMessagesAPI, registry: SqlRegistry, **given: Any) -> Brief:
    wish = {"request": "keep my notes", "name": None, "kind": None, "present": None, "taken": frozenset({"notes"}), **given}
    return await write_brief.fn("r-000009", *wish.values(), MODEL, claude(api), registry)


def handed_in(**changes: Any) -> Answer:
    return say(use("submit_brief", **{**brief().model_dump(mode="json"), **changes}))


async def test_brief_gets_a_free_slug_and_the_request_reaches_the_model(registry: SqlRegistry) -> None:
    with ScriptedMessagesAPI([handed_in()]) as api:
        written = await ask_for_brief(api, registry)
    assert written.slug == "notes-2"
    assert "keep my notes" in str(api.requests[0].body["messages"])
    assert (await registry.cost(run="r-000009")).calls == 1


async def test_name_and_kind_of_the_person_go_before_the_models(registry: SqlRegistry) -> None:
    with ScriptedMessagesAPI([handed_in(slug="other")]) as api:
        written = await ask_for_brief(api, registry, name="my-notes", kind="web-service")
    assert (written.slug, written.kind) == ("my-notes", "web-service")


@pytest.mark.parametrize(
    ("given", "says"),
    [({"name": "notes"}, "already"), ({"name": "../x"}, "cannot name"), ({"kind": "rocket"}, "choose one of")],
)
async def test_what_cannot_be_used_is_refused_before_the_model_is_asked(
    registry: SqlRegistry, given: dict[str, str], says: str
) -> None:
    with ScriptedMessagesAPI([]) as api:
        with pytest.raises(BadInput, match=says):
            await ask_for_brief(api, registry, **given)
        assert api.requests == []


async def test_unknown_kind_of_the_model_is_told_to_it(registry: SqlRegistry) -> None:
    with ScriptedMessagesAPI([handed_in(kind="rocket"), handed_in()]) as api:
        written = await ask_for_brief(api, registry)
    assert written.kind == "web-service"
    assert "kind must be one of" in str(api.requests[1].body["messages"])


async def test_change_that_forgets_an_earlier_check_is_told_to_the_model(registry: SqlRegistry) -> None:
    forgotten = handed_in(slug="elsewhere", checks=[{"id": "new", "text": "given, when, then"}])
    named = handed_in(slug="elsewhere", checks=[{"id": "new", "text": "given, when, then"}], retires=["keep"])
    with ScriptedMessagesAPI([forgotten, named]) as api:
        written = await ask_for_brief(api, registry, present=brief())
    assert (written.slug, written.retires) == ("notes", ("keep",))


async def test_model_that_only_talks_needs_a_person(registry: SqlRegistry) -> None:
    with ScriptedMessagesAPI([say(text("hm"))] * 3) as api, pytest.raises(NeedsPerson, match="say it in other words"):
        await ask_for_brief(api, registry)


class Workshop:
    """Real git and a worker that is a local process; only the model is played."""

    def __init__(self, registry: SqlRegistry, repositories: Path, engine: ProcessEngine) -> None:
        self.registry = registry
        self.git = BareGitHost(folder=str(repositories))
        self.engine = engine
        self.wakeups = MemoryWakeups()
        self.base = ""

    async def develop(self, api: ScriptedMessagesAPI, number: int = 1, feedback: str | None = None) -> Developed | Abandoned:
        return await develop.fn(
            request(), number, self.base, Plan.model_validate(PLAN), feedback, MODEL,
            self.git, self.engine, claude(api), self.registry, self.wakeups,
        )  # fmt: skip

    async def names(self, commit: str) -> list[str]:
        return [file.path for file in (await self.git.patch("notes", self.base, commit)).files]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> ProcessEngine:
    return process_engine(tmp_path_factory.mktemp("engine"))


@pytest_asyncio.fixture
async def workshop(registry: SqlRegistry, tmp_path: Path, engine: ProcessEngine) -> AsyncIterator[Workshop]:
    made = Workshop(registry, tmp_path / "git", engine)
    made.base = await prepare_repository.fn("r-000001", brief(), made.git)
    yield made
    await dismiss_developer.fn("r-000001", made.engine)


async def test_prepared_repository_has_the_platform_files_and_preparing_again_changes_nothing(workshop: Workshop) -> None:
    patch = await workshop.git.patch("notes", None, workshop.base)
    paths = {file.path for file in patch.files}
    assert {"Dockerfile", "Procfile", "app.json", ".env.example", "app/main.py", ".github/workflows/tests.yml"} <= paths
    assert not any(path.endswith(".jinja") for path in paths)
    assert await prepare_repository.fn("r-000001", brief(), workshop.git) == workshop.base


async def test_plan_must_cover_the_brief_and_knows_the_files(workshop: Workshop) -> None:
    uncovering = say(use("submit_plan", **{**PLAN, "checks": [{**CHECK, "covers": "other"}]}))
    with ScriptedMessagesAPI([uncovering, say(use("submit_plan", **PLAN))]) as api:
        plan = await write_plan.fn(request(), workshop.base, MODEL, workshop.git, claude(api), workshop.registry)
    assert isinstance(plan, Plan)
    assert "no executable check covers 'keep'" in str(api.requests[1].body["messages"])
    assert "### app/main.py" in str(api.requests[0].body["messages"])
    assert list(await workshop.registry.checks("notes")) == []


async def test_files_of_the_request_are_in_the_workspace_and_become_part_of_the_repository(
    workshop: Workshop, tmp_path: Path
) -> None:
    files = AttachmentFiles(tmp_path)
    csv = await take_in("local:me", "prices.csv", b"tea;3", Limits(), files)
    wish = request().model_copy(update={"attachments": (csv,)})
    await files.give(wish.run, wish.attachments)
    copied = use("bash", command="cut -d';' -f1 attachments/prices.csv > app/names.txt && cat app/names.txt")
    with ScriptedMessagesAPI([say(copied), say(use("finish", summary="done"))]) as api:
        done = await develop.fn(
            wish, 1, workshop.base, Plan.model_validate(PLAN), None, MODEL, workshop.git, workshop.engine, claude(api),
            workshop.registry, workshop.wakeups, files=files,
        )  # fmt: skip
    assert isinstance(done, Developed)
    assert {"attachments/prices.csv", "app/names.txt"} <= set(await workshop.names(done.commit))
    assert "- attachments/prices.csv, text, 5 bytes" in str(api.requests[0].body["messages"])
    assert "tea" in str(api.requests[1].body["messages"][-1])


async def test_plan_cannot_replace_an_earlier_check(workshop: Workshop) -> None:
    earlier = HttpCheck(id="list", covers="keep", title="listed", steps=(HttpStep(path="/strict"),))
    await workshop.registry.set_checks("notes", "r-000001", [earlier], ())
    renamed = say(use("submit_plan", **{**PLAN, "checks": [{**CHECK, "id": "list-2"}]}))
    with ScriptedMessagesAPI([say(use("submit_plan", **PLAN)), renamed]) as api:
        plan = await write_plan.fn(request(), workshop.base, MODEL, workshop.git, claude(api), workshop.registry)
    assert isinstance(plan, Plan)
    assert [check.id for check in plan.checks] == ["list-2"]
    assert list(await workshop.registry.checks("notes")) == [earlier]


async def test_architect_that_gives_up_says_why(workshop: Workshop) -> None:
    with ScriptedMessagesAPI([say(use("give_up", reason="two wishes contradict each other"))]) as api:
        ended = await write_plan.fn(request(), workshop.base, MODEL, workshop.git, claude(api), workshop.registry)
    assert ended == Abandoned(reason="gave up", detail="two wishes contradict each other")


def write(path: str, content: str) -> dict[str, Any]:
    return use("str_replace_based_edit_tool", command="create", path=path, file_text=content)


async def test_rounds_become_commits_of_the_runs_branch_and_main_moves_only_when_accepted(workshop: Workshop) -> None:
    first = [say(write("app/notes.py", "x = 1\n")), say(use("finish", summary="first\nmore"))]
    second = [say(use("bash", command="echo 'x = 2' > app/notes.py")), say(use("finish", summary="second"))]
    with ScriptedMessagesAPI([*first, *second]) as api:
        one = await workshop.develop(api)
        two = await workshop.develop(api, 2, "the test failed")
    assert isinstance(one, Developed)
    assert isinstance(two, Developed)
    assert await workshop.names(two.commit) == ["app/notes.py"]
    assert two.locked == ()
    assert "The Tester's report of round 1" in str(api.requests[2].body["messages"])
    assert await workshop.git.head("notes") == workshop.base
    await accept_commit.fn("r-000001", "notes", two.commit, workshop.git)
    assert await workshop.git.head("notes") == two.commit


async def test_platform_files_that_were_touched_are_named(workshop: Workshop) -> None:
    script = [say(write("app/a.py", "a = 1\n"), write("Procfile", "web: evil\n")), say(use("finish", summary="done"))]
    with ScriptedMessagesAPI(script) as api:
        done = await workshop.develop(api)
    assert isinstance(done, Developed)
    assert done.locked == ("Procfile",)


async def test_release_line_is_the_developers_own(workshop: Workshop) -> None:
    procfile = (await workshop.git.read("notes", workshop.base, ("Procfile",)))["Procfile"]
    script = [say(write("Procfile", f"{procfile}release: python -m app.migrate\n")), say(use("finish", summary="done"))]
    with ScriptedMessagesAPI(script) as api:
        done = await workshop.develop(api)
    assert isinstance(done, Developed)
    assert done.locked == ()
    assert await workshop.names(done.commit) == ["Procfile"]


async def test_worker_that_was_lost_is_rebuilt_from_the_transcript_without_the_model(workshop: Workshop) -> None:
    def die(_: Asked) -> Answer:
        raise AssertionError("the model was asked for a step that it had answered")

    with ScriptedMessagesAPI([say(write("app/a.py", "a = 1\n")), say(use("finish", summary="done"))]) as api:
        await workshop.develop(api)
    await dismiss_developer.fn("r-000001", workshop.engine)
    with ScriptedMessagesAPI(die) as api:
        again = await workshop.develop(api)
    assert isinstance(again, Developed)
    assert await workshop.names(again.commit) == ["app/a.py"]


async def test_later_round_goes_on_in_the_worker_without_doing_its_commands_again(workshop: Workshop) -> None:
    first = [say(use("bash", command="echo once >> app/log.txt")), say(use("finish", summary="first"))]
    with ScriptedMessagesAPI([*first, say(use("finish", summary="second"))]) as api:
        await workshop.develop(api)
        two = await workshop.develop(api, 2, "the test failed")
    assert isinstance(two, Developed)
    assert (await workshop.git.read("notes", two.commit, ("app/log.txt",))) == {"app/log.txt": "once\n"}


async def test_worker_that_was_being_made_ready_at_a_kill_is_made_anew(workshop: Workshop) -> None:
    spec = WorkerSpec(identity="r-000001-developer", project="notes", run="r-000001", role="developer")
    half = await workshop.engine.spawn(spec)
    await half.run(Command(argv=("sh", "-c", "mkdir app && echo half > app/left.txt")))
    with ScriptedMessagesAPI([say(write("app/a.py", "a = 1\n")), say(use("finish", summary="done"))]) as api:
        done = await workshop.develop(api)
    assert isinstance(done, Developed)
    assert await workshop.names(done.commit) == ["app/a.py"]


async def test_developer_that_gives_up_leaves_main_as_it_is(workshop: Workshop) -> None:
    with ScriptedMessagesAPI([say(use("give_up", reason="the payment service is down"))]) as api:
        ended = await workshop.develop(api)
    assert ended == Abandoned(reason="gave up", detail="the payment service is down")
    assert await workshop.git.head("notes", "run/r-000001") is None
