"""`slipway preview`, and how a change is asked to be shown first."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from deployments.desk.previewing import preview_data
from deployments.terminal import BAD_INPUT, DONE
from domain.errors import BadInput
from domain.previews import PreviewedChange, PreviewState
from domain.runs import Project
from tests.deployments.test_cli import Bench, CliDesk, slipway  # noqa: F401  (a fixture among them)
from tests.fakes.desk import a_brief
from tests.fakes.services import MemoryProxy, MemoryWakeups

PROJECT = "keep-notes"
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
LATER = datetime.now(UTC) + timedelta(days=3)


def a_project(kind: str = "web-service") -> Project:
    brief = a_brief("notes", "Notes").model_copy(update={"kind": kind})
    return Project(slug="notes", title="Notes", kind=kind, owner="me", brief=brief, created=NOW, domain="notes.localhost")


@pytest.fixture
def bench(slipway: Bench) -> Bench:  # noqa: F811
    """A bench with one project that has a preview."""
    CliDesk.wishes.clear()
    assert slipway("new", "keep notes", "--yes") == DONE
    proxy, wakeups = MemoryProxy(), MemoryWakeups()

    def prepare(desk: CliDesk) -> None:
        desk.blocks.proxy, desk.wakeups = proxy, wakeups

    slipway.prepare = prepare
    return slipway


async def put_up(bench: Bench, **secrets: str) -> None:
    """Let a preview be up, with these references in its environment."""
    async with bench.session() as (desk, _):
        change = PreviewedChange(
            project=PROJECT,
            run="r-change1",
            commit="new",
            candidate="sha256:2",
            base="old",
            brief=a_brief(PROJECT, "Notes"),
            checks=(),
        )
        await desk.registry.add_preview(change, "localhost", datetime.now(UTC), LATER)
        version = (await desk.registry.add_environment(PROJECT, secrets, {})).number
        address = "http://keep-notes-1.localhost:8080"
        await desk.registry.move_preview(PROJECT, 1, PreviewState.UP, address=address, environment_version=version)


def up(bench: Bench) -> None:
    asyncio.run(put_up(bench))


def test_change_is_shown_first_when_it_says_so(bench: Bench) -> None:
    for words in ((), ("--preview",), ("--no-preview",), ("--preview", "--scratch")):
        assert bench("change", PROJECT, "add a search", "--yes", "--no-wait", *words) == DONE
    assert CliDesk.wishes[1:] == [(None, False), (True, False), (False, False), (True, True)]


@pytest.mark.parametrize(
    ("asked", "usual", "scratch", "shown"),
    [
        (None, False, False, ""), (None, True, False, "copy"), (False, True, False, ""), (True, False, False, "copy"),
        (True, False, True, "empty"), (None, False, True, "empty"),
    ],
)  # fmt: skip
def test_how_a_change_is_shown(asked: bool | None, usual: bool, scratch: bool, shown: str) -> None:
    assert preview_data(a_project(), "", asked, usual, scratch=scratch) == shown


@pytest.mark.parametrize(("asked", "scratch"), [(True, False), (None, True)])
@pytest.mark.parametrize(
    ("project", "app_json", "says"),
    [
        (a_project("telegram-bot"), "{}", "it has no previews, leave --preview out"),
        (a_project(), '{"addons": ["postgres"]}', "the live postgres of the app: make the change with --no-preview"),
    ],
)
def test_app_that_has_no_previews_goes_live_at_once_unless_one_is_asked_for(
    project: Project, app_json: str, says: str, asked: bool | None, scratch: bool
) -> None:
    assert preview_data(project, app_json, None, True, scratch=False) == ""
    assert preview_data(project, app_json, False, True, scratch=False) == ""
    with pytest.raises(BadInput, match=says):
        preview_data(project, app_json, asked, True, scratch=scratch)


def test_previews_are_listed_shown_opened_and_dropped(bench: Bench) -> None:
    assert bench("preview", "list", PROJECT) == DONE
    assert bench.out == f'{PROJECT} has no preview: `slipway change {PROJECT} "..." --preview` makes one\n'
    up(bench)
    assert bench("preview", "list", PROJECT, "--json") == DONE
    [shown] = json.loads(bench.out)["previews"]
    assert (shown["preview"], shown["state"], shown["address"]) == (1, "up", "http://keep-notes-1.localhost:8080")
    assert bench("status", PROJECT) == DONE
    assert "up, but not running" in bench.out
    assert bench("preview", "open", PROJECT) == DONE
    assert bench.out == "http://keep-notes-1.localhost:8080\n"
    assert bench("preview", "drop", PROJECT) == DONE
    assert bench.out == f"preview 1 of {PROJECT} is removed\n"
    assert bench("status", PROJECT, "--json") == DONE
    assert json.loads(bench.out)["previews"] == []
    assert bench("preview", "drop", PROJECT, "1") == BAD_INPUT
    assert "is removed already: nothing was changed" in bench.err


def test_confirmation_starts_the_run_and_names_what_follows_it(bench: Bench) -> None:
    up(bench)
    assert bench("preview", "confirm", PROJECT, "--no-wait") == DONE
    first = bench.out
    assert f"`slipway logs {PROJECT} --follow`" in first
    assert bench("preview", "confirm", PROJECT, "1", "--no-wait") == DONE
    assert bench.out == first


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("confirm", PROJECT), f"{PROJECT} has no preview: `slipway preview list {PROJECT}` lists what there is"),
        (("open", PROJECT, "7"), f"{PROJECT} has no preview 7"),
        (("drop", "ghost"), "there is no project 'ghost'"),
        (("list", "ghost"), "there is no project 'ghost'"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(bench: Bench, words: tuple[str, ...], told: str) -> None:
    assert bench("preview", *words) == BAD_INPUT
    assert told in bench.err
    assert (bench.out, bench.err.count("\n")) == ("", 1)
