"""What a person sees of a run in a terminal; and Ctrl-C, in a terminal of its own."""

import os
import pty
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any, cast

import pytest
from rich.console import Console

from deployments.asked_place import Place
from deployments.live import ended_code, picture, watch
from deployments.tables import show, table
from deployments.terminal import DONE
from domain.runs import Progress, RunState

AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ADDRESS = "http://notes.localhost:8080"


def a_run(state: RunState, **facts: Any) -> dict[str, Any]:
    times = {"created": AT.isoformat(), "ended": (AT + timedelta(seconds=75)).isoformat()}
    return {"project": "notes", "state": state.value, "message": "", "address": "", "cost_usd": 0.1208, **times, **facts}


def lines(*facts: tuple[str, str, str, dict[str, Any]]) -> list[Progress]:
    return [
        Progress(run="r-000001", sequence=n, at=AT, kind=kind, step=step, text=text, data=data)  # type: ignore[arg-type]
        for n, (kind, step, text, data) in enumerate(facts, 1)
    ]


SEEN = lines(
    ("step", "plan", "the architect writes the plan", {}),
    ("round", "develop", "round 1 of 3", {}),
    ("report", "test", "red", {"outcome": "failed", "passed": 8, "failed": 2}),
    ("round", "develop", "round 2 of 3", {}),
    ("log", "develop", "finish", {}),
    ("report", "test", "green", {"outcome": "passed", "passed": 10, "failed": 0}),
    ("step", "deploy", "starting", {}),
)


def seen(run: dict[str, Any], width: int = 80) -> str:
    screen = Console(file=StringIO(), width=width, force_terminal=True, no_color=True, highlight=False)
    screen.print(picture(run, SEEN))
    return screen.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def test_picture_shows_steps_rounds_tests_cost_time_and_the_address() -> None:
    text = seen(a_run(RunState.DELIVERED, address=ADDRESS, message="Notes is online"))
    assert text.count("✓") == 8
    for words in ("round 1: failed, 8 passed, 2 failed", "round 2: passed, 10 passed", "0.1208 USD", "1:15", ADDRESS):
        assert words in text


class Delivered:
    """A place whose run has just ended."""

    def __init__(self) -> None:
        self.asked = 0

    async def run(self, run: str) -> dict[str, Any]:
        self.asked += 1
        return a_run(RunState.DELIVERED, run=run, flow_run="http://ui/run", address=ADDRESS, message="Notes is online")

    async def progress(self, run: str, *, stay: bool) -> AsyncIterator[Progress]:
        for line in SEEN:
            yield line


@pytest.mark.parametrize(("terminal", "shown"), [(True, "✓  Deploy"), (False, "12:00:00 starting")])
async def test_run_is_drawn_on_a_terminal_and_listed_elsewhere(terminal: bool, shown: str) -> None:
    screen = Console(file=StringIO(), width=80, force_terminal=terminal, no_color=True, highlight=False)
    place = Delivered()
    ended = await watch(cast(Place, place), "r-000001", screen)
    said = screen.file.getvalue().replace(f"{AT.astimezone():%H:%M}", "12:00")  # type: ignore[attr-defined]
    assert ended_code(ended) == DONE
    assert place.asked < len(SEEN)  # lines that come at once need one look
    assert "http://ui/run" in said
    assert shown in said


def test_failed_step_is_marked_and_the_reason_is_whole() -> None:
    text = seen(a_run(RunState.FAILED, message="it never became healthy"))
    assert text.count("✗") == 1
    assert "it never became healthy" in text


@pytest.mark.parametrize("width", [30, 50])
def test_picture_fits_a_narrow_terminal(width: int) -> None:
    text = seen(a_run(RunState.RUNNING), width)
    assert max(len(line.strip("\x1b[0123456789;m")) for line in text.splitlines()) <= width


def test_narrow_table_leaves_columns_out_and_cuts_no_address() -> None:
    made = table("project", "state", "address", "cost")
    made.add_row("notes", "release 1", ADDRESS, "0.1208 USD")
    screen = Console(file=StringIO(), width=55)
    show(screen, made)
    text = screen.file.getvalue()  # type: ignore[attr-defined]
    assert ADDRESS in text
    assert "USD" not in text


QUESTION = """
import os, signal, sys, threading, time
from pathlib import Path
from deployments.terminal import confirmed, finish
def unheard():
    reading = Path(f"/proc/self/task/{os.getpid()}/syscall")
    while not reading.read_text().startswith("0 0x0 "):
        time.sleep(0.01)
    signal.raise_signal(signal.SIGINT)  # in this thread: the one that reads is not woken by it
async def work():
    if "unheard" in sys.argv:
        threading.Thread(target=unheard, daemon=True).start()
    if "noted" in sys.argv:
        signal.raise_signal(signal.SIGINT)
    return confirmed("Build this?", default=True)
signal.signal(signal.SIGINT, signal.default_int_handler)  # where tests run in a shell's background it is ignored
finish(work())
"""


def left(key: bytes, how: str = "") -> tuple[int, str]:
    """Be asked on a terminal and leave the question by this key, or `how`; return the code and what was said."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(  # a session of its own with this terminal, so that Ctrl-C is a signal as for a person
        ["setsid", "--ctty", "--wait", sys.executable, "-c", QUESTION, how], stdin=theirs, stdout=theirs, stderr=subprocess.PIPE
    )
    os.close(theirs)
    assert process.stderr is not None
    said = b""
    while key and b"Build this?" not in said:
        part = process.stderr.read1(1000)
        assert part, said
        said += part
    os.write(ours, key)
    said += process.stderr.read()
    process.stderr.close()
    code = process.wait(30)
    os.close(ours)
    return code, said.decode()


@pytest.mark.parametrize(("key", "how"), [(b"\x03", ""), (b"\x04", ""), (b"", "unheard"), (b"", "noted")])
def test_question_that_is_left_ends_at_once_with_a_sentence(key: bytes, how: str) -> None:
    code, said = left(key, how)
    assert code == 130
    assert said.rstrip().endswith("slipway: interrupted; nothing was started")
    assert "Traceback" not in said
