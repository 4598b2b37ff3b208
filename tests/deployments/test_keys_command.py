"""`slipway keys`: a key is printed once, and never again."""

import json
from pathlib import Path

import pytest

from deployments.people import person
from deployments.terminal import BAD_INPUT, DONE
from tests.deployments.test_cli import Bench, slipway  # noqa: F401  (a fixture)


@pytest.fixture
def bench(slipway: Bench, tmp_path: Path) -> Bench:  # noqa: F811
    (tmp_path / "home").mkdir()
    slipway.up = slipway.up.model_copy(update={"home": str(tmp_path / "home")})
    return slipway


def test_key_is_shown_once_listed_by_its_beginning_and_revoked(bench: Bench) -> None:
    assert bench("keys", "list") == DONE
    assert "`slipway keys add NAME`" in bench.out
    assert bench("keys", "add", "ci", "--expires", "30") == DONE
    shown = bench.out.strip()
    assert shown.startswith("slipway_")
    assert "not shown again" in bench.err
    assert bench("keys", "list", "--json") == DONE
    [row] = json.loads(bench.out)["keys"]
    assert (row["name"], row["owner"], row["scopes"], row["state"]) == ("ci", person(), ["read", "write"], "active")
    assert shown.startswith(row["prefix"])
    assert shown not in bench.out
    assert bench("keys", "list") == DONE
    assert row["prefix"] in bench.out
    assert bench("keys", "revoke", row["prefix"]) == DONE
    assert bench.out == f"{row['prefix']}… (ci) opens nothing any more\n"
    assert bench("keys", "list", "--json") == DONE
    assert json.loads(bench.out)["keys"][0]["state"] == "revoked"


def test_key_of_another_owner_and_scope_is_one_document(bench: Bench) -> None:
    assert bench("keys", "add", "ops", "--owner", "telegram:1001", "--scope", "operator", "--scope", "read", "--json") == DONE
    made = json.loads(bench.out)
    assert made["key"].startswith(made["prefix"])
    assert (made["owner"], made["scopes"], made["expires"]) == ("telegram:1001", ["operator", "read"], None)


@pytest.mark.parametrize("words", [("add", "ci", "--scope", "root"), ("add", "ci", "--expires", "0"), ("revoke", "ghost")])
def test_what_cannot_be_is_refused(bench: Bench, words: tuple[str, ...]) -> None:
    assert bench("keys", *words) == BAD_INPUT
