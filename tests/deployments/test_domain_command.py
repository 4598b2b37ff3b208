"""`slipway domain`: what a person is told, and what is there afterwards."""

import json

import pytest

from deployments.terminal import BAD_INPUT, DONE
from tests.deployments.test_cli import Bench, CliDesk, slipway  # noqa: F401  (a fixture among them)
from tests.fakes.services import MemoryProxy, MemoryWakeups

PROJECT = "keep-notes"


@pytest.fixture
def bench(slipway: Bench) -> Bench:  # noqa: F811
    """A bench with one project, and something to route it by."""
    proxy, wakeups = MemoryProxy(), MemoryWakeups()

    def prepare(desk: CliDesk) -> None:
        desk.blocks.proxy, desk.wakeups = proxy, wakeups

    slipway.prepare = prepare
    assert slipway("new", "keep notes", "--yes") == DONE
    return slipway


def domains(bench: Bench) -> list[str]:
    assert bench("domain", "list", PROJECT, "--json") == DONE
    found: list[str] = json.loads(bench.out)["domains"]
    return found


def test_domain_is_added_listed_shown_and_removed(bench: Bench) -> None:
    [own] = domains(bench)
    assert bench("domain", "add", PROJECT, f"API.{own}") == DONE
    assert (bench.out, bench.err) == (f"http://api.{own}:8080 leads to {PROJECT} once that is online\n", "")
    assert domains(bench) == [own, f"api.{own}"]
    assert bench("status", PROJECT) == DONE
    assert f"Domains: api.{own}" in bench.out
    assert bench("domain", "rm", PROJECT, f"api.{own}") == DONE
    assert bench.out == f"api.{own} does not lead to {PROJECT} any more\n"
    assert domains(bench) == [own]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("add", PROJECT, "https://shop.example.org"), "leave out scheme, port and path"),
        (("add", PROJECT, "other.localhost"), "where names belong to the projects that they name"),
        (("add", "ghost", "shop.example.org"), "there is no project 'ghost'"),
        (("rm", PROJECT, "shop.example.org"), f"`slipway domain list {PROJECT}` lists what there is"),
        (("list", "ghost"), "there is no project 'ghost'"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(bench: Bench, words: tuple[str, ...], told: str) -> None:
    assert bench("domain", *words) == BAD_INPUT
    assert told in bench.err
    assert (bench.out, bench.err.count("\n")) == ("", 1)
