"""What code prints, on its way to people: terminals, the Prefect UI, messages, and secrets among it."""

import io
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.console import Console

from deployments.live import detail, plain
from domain.patches import ChangedFile, Patch
from domain.protocols import Wakeups
from domain.redaction import Redactor
from domain.registry import Registry
from domain.report_tables import as_markdown
from domain.reports import CaseResult, Outcome, TestCase, TestReport
from domain.runs import Progress
from domain.trimming import tail
from tasks.artifacts import patch_markdown
from tasks.progress import Journal

Held = Callable[[str], None]
SECRET = "hunter2-and-Zaphod+42/="
ESCAPES = {
    "clear the screen": "\x1b[2J\x1b[H",
    "title of the window": "\x1b]0;owned\x07",
    "link": "\x1b]8;;http://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "clipboard": "\x1b]52;c;ZXZpbA==\x07",
    "answer back": "\x1b[6n\x1b[c\x05",
    "eight-bit controls": "\x9b2J\x9d0;owned\x9c",
    "device control": "\x1bPq#0;2;0;0;0#0~~@@vv\x1b\\",
    "carriage return": "real\rfake",
    "backspaces": "real\b\b\b\bfake",
    "bell": "\x07",
}


class Kept:
    """A registry that keeps one line, and wake-ups that nobody hears."""

    text = ""

    async def add_progress(self, run: str, kind: str, text: str, *facts: Any) -> Any:
        self.text = text
        return SimpleNamespace(sequence=1)

    async def publish(self, channel: str, text: str) -> None:
        return


async def journal_line(text: str) -> str:
    kept = Kept()
    await Journal("r-1", cast(Registry, kept), cast(Wakeups, kept)).write("log", text)
    return kept.text


def is_harmless(text: str) -> bool:
    return not any((ord(c) < 32 and c not in "\n\t") or 127 <= ord(c) < 160 for c in text)


@pytest.mark.parametrize("text", ESCAPES.values(), ids=ESCAPES.keys())
async def test_terminal_escape(held: Held, text: str) -> None:
    line = await journal_line(f"tests said: {text}")
    assert is_harmless(line)
    assert is_harmless(tail(text, 1000))
    progress = Progress(run="r-1", sequence=1, at=datetime.now(UTC), kind="log", step="test", text=line, data={})
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, color_system=None, width=100)
    console.print(plain(progress), markup=False)
    console.print(detail("test", [progress]))
    assert is_harmless(screen.getvalue())
    held("controls are dropped before a line is stored")


async def test_markup_of_the_terminal(held: Held) -> None:
    progress = Progress(
        run="r-1", sequence=1, at=datetime.now(UTC), kind="log", step="test", text="[link=http://evil]x[/] [bold]y", data={}
    )
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=100)
    console.print(plain(progress), markup=False, highlight=False)
    console.print(detail("test", [progress]))
    assert screen.getvalue().count("[link=http://evil]x[/]") == 2
    held("text is never read as markup")


@pytest.mark.parametrize("fence", ["``````", "`" * 40, "~~~"])
def test_diff_that_closes_its_fence_in_the_prefect_ui(held: Held, fence: str) -> None:
    diff = f" {fence}\n\n![x](http://evil.example/seen)\n<script>alert(1)</script>\n"
    shown = patch_markdown(Patch(base=None, commit="c", files=(ChangedFile(path="a", added=1, removed=0),), diff=diff))
    opening = next(line for line in shown.splitlines() if line.endswith("diff"))
    assert opening.removesuffix("diff").strip("`") == ""
    inside = shown.split(opening, 1)[1].rsplit(opening.removesuffix("diff"), 1)[0]
    assert diff in inside
    assert opening.removesuffix("diff") not in inside
    held("the fence is longer than any in the diff")


def test_file_name_that_is_a_picture_in_the_prefect_ui(held: Held) -> None:
    evil = ChangedFile(path="a` | ![x](http://evil.example/seen) <img src=x>", added=1, removed=0)
    shown = patch_markdown(Patch(base=None, commit="c", files=(evil,), diff=""))
    assert "![x](" not in shown
    assert "<img" not in shown
    held("escaped")


def test_names_and_logs_of_tests_in_the_prefect_ui(held: Held) -> None:
    evil = "](http://evil.example) ![x](http://evil.example/seen) <script>alert(1)</script> | </pre>"
    case = TestCase(suite=evil, name=evil, result=CaseResult.FAILED, message=evil)
    shown = as_markdown(TestReport(outcome=Outcome.FAILED, cases=(case,), summary=evil, log=evil))
    assert "<script" not in shown
    assert "![x](" not in shown.replace("&lt;", "<").split("<pre>")[0]
    held("escaped")


SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "backwards": lambda value: value[::-1],
    "in base64": lambda value: __import__("base64").b64encode(b"x" + value.encode() + b"yz").decode(),
    "in hexadecimal": lambda value: value.encode().hex(),
    "in an address": lambda value: __import__("urllib.parse").parse.quote(value, safe=""),
    "in JSON": lambda value: __import__("json").dumps({"key": value}),
    "with terminal escapes inside": lambda value: value[:5] + "\x1b[0m" + value[5:],
    "with zero bytes inside": lambda value: value[:5] + "\0" + value[5:],
    "with carriage returns inside": lambda value: value[:5] + "\r" + value[5:],
}


@pytest.mark.parametrize("spelled", SPELLINGS.values(), ids=SPELLINGS.keys())
async def test_secret_printed(held: Held, spelled: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> None:
    from tasks import redaction

    monkeypatch.setattr(redaction._FILTER, "redactor", Redactor({"KEY": SECRET}))
    line = await journal_line(f"the key is {spelled(SECRET)} indeed")
    assert spelled(SECRET) not in line
    assert SECRET not in line
    assert "«secret KEY»" in line
    held("«secret KEY»")


@pytest.mark.limit
async def test_secret_printed_letter_by_letter(held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    from tasks import redaction

    monkeypatch.setattr(redaction._FILTER, "redactor", Redactor({"KEY": SECRET}))
    assert "h.u.n.t.e.r" in await journal_line(".".join(SECRET))
    held("only an app of the project itself has its secrets; no worker does (docs/engines.md)")
