"""The cheap sections run and say something; no figure decides a test."""

import asyncio
import io
import json
from contextlib import suppress

from rich.console import Console

from tests.bench import agent, api, gateway, junit, redaction
from tests.bench.figures import Section, document, machine, show, spread
from tests.bench.load import BODY, Target, steady_load
from tests.bench.shell_way import _steps
from tests.bench.telegram import percentile


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


def test_api_section_asks_every_read_and_a_bare_route() -> None:
    section = api.measure(seconds=0.1, connections=2, listeners=3, events=2)
    assert len(section.figures) == 2 + 3 * len(api.READS) + 2 * 4 + 1
    assert all(figure.value > 0 for figure in section.figures)


async def test_load_asks_as_often_as_it_says_and_names_what_was_lost() -> None:
    answers = iter(
        [b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nsound"] * 30 + [b"HTTP/1.1 502 Bad\r\nContent-Length: 0\r\n\r\n"]
    )

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                if head.startswith(b"POST"):
                    await reader.readexactly(len(BODY))
                writer.write(next(answers, b""))
                if b"close" in head.lower():
                    break
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, steady_load(Target(server.sockets[0].getsockname()[1], "notes.localhost"), 200) as load:
        assert await load.first(lambda answer: answer.lost.startswith("closed"), 30) is not None
    assert {answer.release for answer in load.answers if not answer.lost} == {"sound"}
    assert sum(not answer.lost for answer in load.answers) == 30
    assert load.lost["status 502"] == 1


def test_percentile_is_a_sample_by_nearest_rank() -> None:
    assert [percentile([4.0, 1.0, 3.0, 2.0], of) for of in (50, 95, 100)] == [2.0, 4.0, 4.0]
    assert percentile([float(number) for number in range(1, 101)], 95) == 95.0


def test_many_samples_are_shown_by_their_number_and_range() -> None:
    assert spread([1.0, 2.0]) == "1.00 2.00"
    assert spread([float(number) for number in range(20)]) == "20 samples, 0.00 to 19.00"


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
