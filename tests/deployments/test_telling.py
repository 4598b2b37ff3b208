"""What a person says to a run at work, by the command line: written down for the right run, or refused with the cure."""

import asyncio
import json
from pathlib import Path

import pytest

from blocks.registry.block import SqlRegistry
from deployments.terminal import BAD_INPUT, DONE
from domain.proposals import Proposal
from domain.remarks import REMARK_LIMIT
from domain.runs import Origin, RunState
from tests.deployments.test_cli import Bench, CliDesk, slipway
from tests.fakes.desk import a_brief

__all__ = ["slipway"]


@pytest.fixture
def begin(slipway: Bench) -> Bench:
    """Give the bench two projects: `notes` with one run at work, `shop` with two."""

    async def runs() -> None:
        async with slipway.session() as (desk, _):
            for run, slug in (("r-000001", "notes"), ("r-000002", "shop"), ("r-000003", "shop")):
                proposal = Proposal(run=run, brief=a_brief(slug, slug), change=run[-1] == "3", request=slug, origin=Origin())
                await super(CliDesk, desk).start(proposal)

    asyncio.run(runs())
    return slipway


async def change(slipway: Bench, run: str, **fields: object) -> None:
    async with slipway.session() as (desk, _):
        await desk.registry.update_run(run, **fields)


def said(tmp_path: Path, run: str = "r-000001") -> list[str]:
    registry = SqlRegistry(url=f"sqlite+aiosqlite:///{tmp_path}/registry.db", budget_micro_usd=1)
    return [remark.text for remark in asyncio.run(registry.remarks(run))]


@pytest.mark.parametrize("whom", ["r-000001", "notes"])
def test_remark_is_kept_for_the_run_and_shown_in_its_progress(begin: Bench, tmp_path: Path, whom: str) -> None:
    assert begin("tell", whom, " make it \x1b[31mblue ") == DONE
    assert begin.out == "r-000001 hears it at its agent's next step\n"
    assert said(tmp_path) == ["make it blue"]
    assert begin("logs", "notes") == DONE
    assert "says: make it blue" in begin.out


def test_remark_as_json(begin: Bench) -> None:
    assert begin("tell", "notes", "blue", "--json") == DONE
    document = json.loads(begin.out)
    assert (document["run"], document["sequence"], document["text"]) == ("r-000001", 1, "blue")


@pytest.mark.parametrize(
    ("whom", "text", "sentence"),
    [
        ("r-999999", "blue", "there is no run or project 'r-999999'"),
        ("shop", "blue", "shop has several runs at work: name one of r-00000"),
        ("notes", "  ", "the remark is empty"),
        ("notes", "x" * (REMARK_LIMIT + 1), "at most 4,000 are read"),
    ],
)
def test_what_cannot_be_told_is_refused(begin: Bench, tmp_path: Path, whom: str, text: str, sentence: str) -> None:
    assert begin("tell", whom, text) == BAD_INPUT
    assert sentence in begin.err
    assert said(tmp_path) == []


@pytest.mark.parametrize(
    ("whom", "fields", "sentence"),
    [
        ("r-000001", {"state": RunState.DELIVERED}, "r-000001 has ended (delivered)"),
        ("notes", {"state": RunState.FAILED}, "nothing is being done on notes"),
        ("notes", {"step": "deploy"}, "the agents of r-000001 have done their work, it is at deploy"),
    ],
)
def test_run_without_an_agent_hears_nothing(begin: Bench, whom: str, fields: dict[str, object], sentence: str) -> None:
    asyncio.run(change(begin, "r-000001", **fields))
    assert begin("tell", whom, "blue") == BAD_INPUT
    assert sentence in begin.err


def test_remark_during_the_tests_is_kept_for_another_round_and_says_so(begin: Bench, tmp_path: Path) -> None:
    asyncio.run(change(begin, "r-000001", step="test"))
    assert begin("tell", "notes", "blue") == DONE
    assert begin.out == "r-000001 is being tested: its agent hears it when there is another round\n"
    assert said(tmp_path) == ["blue"]


def test_remark_to_a_run_that_waits_names_the_command_that_lets_it_go_on(begin: Bench, tmp_path: Path) -> None:
    asyncio.run(change(begin, "r-000001", state=RunState.WAITING))
    assert begin("tell", "notes", "blue") == DONE
    assert "waits for an answer (`slipway answer r-000001`)" in begin.out
    assert said(tmp_path) == ["blue"]


def test_secret_in_a_remark_is_taken_out(begin: Bench, tmp_path: Path) -> None:
    begin.prepare = lambda desk: desk.vault.hold("notes", "API_TOKEN", "hunter2-hunter2")
    assert begin("tell", "notes", "use hunter2-hunter2 for it") == DONE
    assert said(tmp_path) == ["use «secret API_TOKEN» for it"]
