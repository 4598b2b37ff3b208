"""The command line over a desk without Prefect: what each command prints, and with which code it ends."""

import asyncio
import json
import logging
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from blocks.installation import Installation
from blocks.registry.block import SqlRegistry
from blocks.registry.schema import migrate
from deployments.commands.sessions import Shared
from deployments.commands.table import run
from deployments.data_folder import Up
from deployments.desk.previewing import take_away
from deployments.desk.requests import run_id
from deployments.terminal import BAD_INPUT, DONE, FAILED_RUN, FAULT, INTERRUPTED, PERSON, UNREACHABLE
from domain.errors import BudgetSpent, ModelKeyMissing, ModelKeyRefused, ServiceUnreachable
from domain.previews import Preview
from domain.proposals import Proposal
from domain.registry import Registry
from domain.releases import Release, ReleaseState, live
from domain.runs import Origin, ReleaseRequest, Run, RunState
from domain.vault import newest
from tests.fakes.desk import FakeDesk, Hints
from tests.fakes.engine import FakeEngine
from tests.fakes.vault import MemoryVault
from tests.tasks.conftest import NOW

UP = Up(
    home="/home", pid=1, prefect_api_url="http://ui/api", prefect_ui_url="http://ui", apps_url="http://localhost:8080",
    http_port=8080, base_domain="localhost", redis_url="unix:///r", caddy_admin="unix//c", engine="process", replay=False,
)  # fmt: skip


class CliDesk(FakeDesk):
    """A desk whose runs end at once, as `ends` says."""

    ends = RunState.DELIVERED
    wishes: ClassVar[list[tuple[bool | None, bool]]] = []
    """Of each change, whether it was to be previewed, and with no data."""

    def __init__(self, registry: SqlRegistry, vault: MemoryVault, engine: FakeEngine) -> None:
        super().__init__(registry, Hints(), vault, engine)
        place = Installation(home="/home", engine="process", model="m")
        self.blocks = SimpleNamespace(installation=place, vault=vault, engine=engine, git=Files())

    async def propose(
        self,
        text: str,
        origin: Origin,
        *,
        name: Any = None,
        kind: Any = None,
        preview: bool | None = None,
        scratch: bool = False,
        **more: Any,
    ) -> Proposal:
        proposal = await super().propose(text, origin, **more)
        self.wishes.append((preview, scratch))
        return proposal

    async def start(self, proposal: Proposal) -> Run:
        started = await super().start(proposal)
        await self.go_on(started.id, "plan", text="the architect writes the plan")
        await self.end(started.id, self.ends, "it ended", "http://notes.localhost:8080")
        return started

    async def resume_waiting(self, project: str) -> list[str]:
        return []

    async def drop(self, project: str, number: int | None, who: str) -> Preview:
        at = self.blocks
        return await take_away(project, number, who, self.registry, at.engine, at.proxy, self.wakeups, at.git)

    async def release_again(self, project: str, why: str, who: str) -> Run:
        """Let a release with the newest values take the place of the one that serves, unless the run is to fail."""
        serving = live(await self.registry.releases(project))
        assert serving is not None
        commit, candidate, origin = serving.commit, serving.candidate, Origin(channel="cli", person=who)
        request = ReleaseRequest(
            run=run_id(None), project=project, request=why, commit=commit, candidate=candidate, origin=origin
        )
        run = await self.registry.add_run(request, NOW)
        if self.ends is RunState.DELIVERED:
            given = {key: info.reference for key, info in newest(await self.vault.listed(project)).items()}
            await serve(self.registry, project, run.id, candidate, given)
        await self.end(run.id, self.ends, "the gate said no", "")
        return run


async def serve(registry: Registry, project: str, run: str, candidate: str, secrets: dict[str, str]) -> Release:
    """Let a release with these references go live; the one before is kept."""
    fence = await registry.next_fence(project)
    version = await registry.add_environment(project, secrets, {})
    made = await registry.add_release(project, run, "c" * 40, candidate, version.number, NOW, fence=fence)
    return await registry.promote(project, made.number, "127.0.0.1:1", ReleaseState.KEPT, "", NOW, fence=fence)


class Files:
    """A git host whose every commit has this app.json."""

    app_json = "{}"

    async def exists(self, project: str) -> bool:
        return False

    async def read(self, project: str, commit: str, paths: Sequence[str]) -> dict[str, str]:
        return {"app.json": self.app_json}


class Bench:
    """Runs commands in this process, each in an event loop of its own, as the program does."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._url = f"sqlite+aiosqlite:///{folder}/registry.db"
        self._capsys = capsys
        self.up = UP
        self.vault = MemoryVault()
        self.engine = FakeEngine()
        self.prepare: Callable[[CliDesk], None] = lambda desk: None
        self.out = self.err = ""

    @asynccontextmanager
    async def session(self) -> AsyncIterator[tuple[Any, Up]]:
        await migrate(self._url)
        registry = SqlRegistry(url=self._url, budget_micro_usd=5_000_000)
        desk = CliDesk(registry, self.vault, self.engine)
        self.prepare(desk)
        try:
            yield desk, self.up
        finally:
            await registry.close()

    def __call__(self, *words: str) -> int:
        code = run(words, Shared(here=self.session))
        self.out, self.err = self._capsys.readouterr()
        return code

    def failing(self, error: BaseException) -> None:
        self.prepare = lambda desk: desk.errors.append(error)  # type: ignore[arg-type]  # Ctrl-C is no Exception


@pytest.fixture
def slipway(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(logging, "lastResort", logging.lastResort)
    for name in ("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW"):
        monkeypatch.setenv(name, os.environ.get(name, "ERROR"))
    return Bench(tmp_path, capsys)


def test_everything_is_empty_at_first_and_says_how_to_begin(slipway: Bench) -> None:
    assert slipway("status") == DONE
    assert 'no project yet: `slipway new "' in slipway.out
    assert slipway("runs") == DONE
    assert 'no run yet: `slipway new "' in slipway.out
    assert slipway("status", "--json") == DONE
    assert json.loads(slipway.out) == {"projects": [], "ui": "http://ui", "apps": "http://localhost:8080"}


def test_request_is_shown_line_by_line_to_its_end_with_its_link_whole(slipway: Bench) -> None:
    assert slipway("new", "keep notes", "--yes") == DONE
    lines = slipway.out.splitlines()
    assert "# keep notes" in lines
    assert any(line.startswith("http://ui/runs/flow-run/flow-of-r-") for line in lines)
    assert lines[-1].endswith("it ended")
    assert "\x1b" not in slipway.out


def test_release_that_does_not_run_is_not_told_as_if_it_did(slipway: Bench) -> None:
    async def released() -> None:
        async with slipway.session() as (desk, _):
            await serve(desk.registry, "keep-notes", "r-1", "sha256:1", {})

    assert slipway("new", "keep notes", "--yes") == DONE
    asyncio.run(released())
    assert slipway("status", "keep-notes") == DONE
    assert "release 1  http" in slipway.out
    assert "(does not run now: " in slipway.out
    slipway.engine.reachable = False
    assert slipway("status", "keep-notes") == DONE
    assert "does not run" not in slipway.out


def test_long_lines_stay_one_line_where_nobody_looks_at_a_terminal(slipway: Bench) -> None:
    text = "notes " * 30
    assert slipway("new", text, "--yes") == DONE
    assert text.strip() in slipway.out.splitlines()


def test_json_is_one_document_and_alone_on_stdout(slipway: Bench) -> None:
    assert slipway("new", "keep notes", "--yes", "--json") == DONE
    document = json.loads(slipway.out)
    assert (document["state"], document["message"], document["project"]) == ("delivered", "it ended", "keep-notes")


@pytest.mark.parametrize(("ends", "code"), [(RunState.FAILED, FAILED_RUN), (RunState.CANCELLED, FAILED_RUN)])
def test_run_without_a_release_is_a_failed_command(slipway: Bench, ends: RunState, code: int) -> None:
    slipway.prepare = lambda desk: setattr(desk, "ends", ends)
    assert slipway("new", "keep notes", "--yes") == code


def test_started_and_not_waited_for_names_the_command_that_follows_it(slipway: Bench) -> None:
    assert slipway("new", "keep notes", "--yes", "--no-wait") == DONE
    assert "`slipway logs keep-notes --follow`" in slipway.out


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (ModelKeyMissing(), PERSON, "set ANTHROPIC_API_KEY"),
        (ModelKeyRefused(), PERSON, "set a valid ANTHROPIC_API_KEY"),
        (BudgetSpent("notes", 5.0, 5.0), PERSON, "SLIPWAY_BUDGET_USD"),
        (ServiceUnreachable("the model service", "being called", "refused"), UNREACHABLE, "ANTHROPIC_BASE_URL"),
        (OSError(28, "No space left on device"), PERSON, "the disk is full: free some space"),
        (PermissionError(13, "denied", "/x"), PERSON, "no permission for /x"),
        (ConnectionRefusedError(), UNREACHABLE, "the Prefect server does not answer"),
        (RuntimeError("Failed to reach API at http://x"), UNREACHABLE, "the Prefect server does not answer"),
        (KeyboardInterrupt(), INTERRUPTED, "interrupted"),
        (ZeroDivisionError("by zero"), FAULT, "run it again with --debug"),
    ],
)
def test_each_failure_is_one_sentence_and_a_code(slipway: Bench, error: BaseException, code: int, words: str) -> None:
    slipway.failing(error)
    assert slipway("new", "keep notes", "--yes", "--json") == code
    told = json.loads(slipway.out)
    assert told["exit"] == code
    assert words in told["error"]
    assert slipway.err.splitlines()[-1] == f"slipway: {told['error']}"
    assert "Traceback" not in slipway.err


@pytest.mark.parametrize(
    ("error", "code"),
    [(ModelKeyMissing(), PERSON), (ConnectionRefusedError(), UNREACHABLE), (ZeroDivisionError("by zero"), FAULT)],
)
@pytest.mark.parametrize(("flag", "setting"), [(("--debug",), ""), ((), "true")])
def test_debug_shows_the_traceback_before_the_same_sentence_and_the_same_code(
    slipway: Bench, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, flag: tuple[str, ...], setting: str
) -> None:
    monkeypatch.setenv("SLIPWAY_DEBUG", setting)
    slipway.failing(error)
    assert slipway(*flag, "new", "keep notes", "--yes", "--json") == code
    told = json.loads(slipway.out)
    assert told["exit"] == code
    assert slipway.err.startswith("Traceback")
    assert slipway.err.splitlines()[-1] == f"slipway: {told['error']}"


def test_settings_that_cannot_be_used_leave_the_command_to_say_so(slipway: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIPWAY_ROUNDS", "many")
    slipway.failing(ZeroDivisionError("by zero"))
    assert slipway("new", "keep notes", "--yes") == FAULT
    assert "Traceback" not in slipway.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("new", "", "--yes"), "the request is empty"),
        (("new", "a" * 100_000, "--yes"), "100,000 characters"),
        (("new", "\x00", "--yes"), "control characters"),
        (("new", "keep notes"), "add --yes"),
        (("status", "nope"), "`slipway status` lists what there is"),
        (("logs", "../../etc"), "`slipway status` lists what there is"),
        (("history", "🙂"), "`slipway status` lists what there is"),
        (("cancel", "r-nope"), "`slipway runs` lists what there is"),
        (("down", "nope"), "there is no project 'nope'"),
        (("secret", "set", "notes", "../x"), "cannot name a variable"),
        (("status", "--bogus"), "No such option: --bogus: see `slipway status --help`"),
        (("bogus",), "No such command 'bogus'"),
        (("new",), "Missing argument"),
        (("replay", "/nowhere"), "does not exist"),
    ],
)
def test_bad_input_is_refused_in_one_line(slipway: Bench, words: tuple[str, ...], told: str) -> None:
    assert slipway(*words) == BAD_INPUT
    assert slipway.out == ""
    assert slipway.err.startswith("slipway: ")
    assert told in slipway.err
    assert slipway.err.count("\n") == 1


def test_bad_option_is_a_document_too_when_json_was_asked_for(slipway: Bench) -> None:
    assert slipway("status", "--json", "--bogus") == BAD_INPUT
    assert json.loads(slipway.out)["exit"] == BAD_INPUT


def test_several_projects_are_a_line_each_and_one_is_shown_with_its_runs(slipway: Bench) -> None:
    for text in ("keep notes", "count cats"):
        slipway("new", text, "--yes")
    assert slipway("status") == DONE
    assert [line.split()[0] for line in slipway.out.splitlines()[1:3]] == ["keep-notes", "count-cats"]
    assert slipway("status", "keep-notes") == DONE
    assert "Last run: it ended" in slipway.out
    assert slipway("runs", "--json") == DONE
    assert [(run["project"], run["state"]) for run in json.loads(slipway.out)["runs"]] == [
        ("count-cats", "delivered"),
        ("keep-notes", "delivered"),
    ]
    assert slipway("runs") == DONE
    assert [line.split()[1] for line in slipway.out.splitlines()[1:3]] == ["count-cats", "keep-notes"]
    assert slipway("logs", "keep-notes", "--follow") == DONE
    assert "the architect writes the plan" in slipway.out
    assert slipway("open", "keep-notes") == BAD_INPUT
    assert slipway("history", "keep-notes") == DONE
    assert slipway.out == "nothing was changed in keep-notes yet\n"


def test_ended_run_is_not_cancelled_again(slipway: Bench) -> None:
    slipway("new", "keep notes", "--yes", "--json")
    run_id = json.loads(slipway.out)["run"]
    assert slipway("cancel", run_id) == DONE
    assert "had ended before: nothing was changed" in slipway.err
    assert f"{run_id} is delivered" in slipway.out
