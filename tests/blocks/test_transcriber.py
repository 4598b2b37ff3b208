"""Speech as text by a program: what it gets, and what becomes of one that fails."""

import sys

import pytest

from blocks.transcriber import CommandTranscriber
from domain.transcribing import HEARD_LIMIT, NotTranscribed

SECONDS = 60.0


def program(code: str, seconds: float = SECONDS) -> CommandTranscriber:
    return CommandTranscriber((sys.executable, "-c", f"import os, sys, time\n{code}"), seconds)


async def test_it_gets_a_path_and_its_words_come_back_without_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "key")
    code = "path = sys.argv[1]\nprint(' ', open(path).read(), path[-4:], os.environ.get('ANTHROPIC_API_KEY'), '; echo $HOME ')"
    assert await program(code).transcribe(b"a tea timer", ".ogg") == "a tea timer .ogg None ; echo $HOME"


async def test_long_words_are_cut_and_the_program_is_not_left_waiting() -> None:
    assert len(await program("print('x' * 5_000_000)").transcribe(b"", ".ogg")) == HEARD_LIMIT


@pytest.mark.parametrize(
    ("transcriber", "why"),
    [
        (program("sys.exit(3)"), "ended with code 3"),
        (program("time.sleep(600)", seconds=0.2), "took longer"),
        (CommandTranscriber(("/no/such/program",), SECONDS), "does not start"),
    ],
)
async def test_a_program_that_fails_is_an_error_of_one_kind(transcriber: CommandTranscriber, why: str) -> None:
    with pytest.raises(NotTranscribed, match=why):
        await transcriber.transcribe(b"", ".ogg")
