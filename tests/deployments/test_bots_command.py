"""`slipway bots`: what a person is told; no token is shown, and none is an argument."""

import io
import json

import pytest

from deployments.terminal import BAD_INPUT, DONE
from tests.deployments.test_cli import Bench, CliDesk, slipway  # noqa: F401  (a fixture among them)
from tests.fakes.bot_accounts import MemoryAccounts

OWN, ONE = (f"{number}:" + "A" * 35 for number in (42, 111))


@pytest.fixture
def bench(slipway: Bench) -> Bench:  # noqa: F811
    """A bench whose Telegram knows two bots, of which one is Slipway's own."""

    def prepare(desk: CliDesk) -> None:
        desk.blocks.accounts = MemoryAccounts({OWN: "slipway_bot", ONE: "one_bot"})
        desk.bot_token = OWN

    slipway.prepare = prepare
    return slipway


def test_bot_is_added_from_standard_input_listed_and_retired(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    assert bench("bots", "list") == DONE
    assert "`slipway bots add`" in bench.out
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{ONE}\n"))
    assert bench("bots", "add") == DONE
    assert bench.out == "@one_bot is in the pool and free\n"
    assert bench("bots", "list", "--json") == DONE
    [row] = json.loads(bench.out)["bots"]
    assert {**row, "since": ""} == {"id": "111", "username": "one_bot", "state": "free", "project": "", "since": ""}
    assert bench("bots", "list") == DONE
    assert "@one_bot" in bench.out
    assert "AAAA" not in bench.out
    assert bench("bots", "retire", "@one_bot") == DONE
    assert bench.out == "@one_bot is retired, and its token forgotten\n"


@pytest.mark.parametrize(("token", "told"), [(OWN, "Slipway's own bot"), ("nonsense", "no bot token"), (" ", "empty")])
def test_token_that_cannot_be_pooled_is_refused(bench: Bench, monkeypatch: pytest.MonkeyPatch, token: str, told: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(token))
    assert bench("bots", "add") == BAD_INPUT
    assert told in bench.err
    assert "AAAA" not in bench.err


def test_bot_that_is_not_there_is_told(bench: Bench) -> None:
    assert bench("bots", "retire", "ghost") == BAD_INPUT
    assert "`slipway bots list`" in bench.err
