"""The cheap sections run and say something; no figure decides a test."""

import io
import json

from rich.console import Console

from tests.bench import agent, gateway, junit, redaction
from tests.bench.figures import Section, document, machine, show
from tests.bench.shell_way import _steps


def test_agent_section_counts_every_turn_and_finds_most_input_in_the_cache() -> None:
    section = agent.measure(turns=6, earlier=0)
    by_name = {figure.name: figure.value for figure in section.figures}
    assert section.title.endswith("6 turns")
    assert by_name["of these read from the cache"] > by_name["of these fresh"]


def test_junit_section_reads_every_case_that_it_wrote() -> None:
    section = junit.measure(size=200_000)
    assert [figure.name for figure in section.figures][:2] == ["size", "time"]


def test_redaction_section_finds_every_secret_of_its_own_log() -> None:
    assert [figure.unit for figure in redaction.measure(times=2).figures] == ["ms"] * 3


def test_gateway_section_compares_both_ways() -> None:
    section = gateway.measure(calls=2)
    assert [figure.unit for figure in section.figures] == ["ms", "ms", ""] * 4
    assert all(figure.value > 0 for figure in section.figures if not figure.unit)


def test_sections_are_shown_as_a_table_and_as_one_document() -> None:
    section = Section(name="up", title="Starting", notes=["warm"])
    section.add("new folder", "s", 3.0, 1.0, 2.0)
    console = Console(file=io.StringIO(), width=100)
    show(section, console)
    assert "2.00 s" in console.file.getvalue()  # type: ignore[attr-defined]
    figures = json.loads(document([section], machine()))["sections"]["up"]["figures"]
    assert figures == [{"name": "new folder", "unit": "s", "median": 2.0, "samples": [3.0, 1.0, 2.0], "note": ""}]


def test_steps_of_the_script_are_read_in_seconds() -> None:
    assert _steps(["1500 git 1", "20 test 1"]) == {"git 1": 1.5, "test 1": 0.02}
