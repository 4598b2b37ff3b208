"""A run that asks, at the command line: what is shown, what can be answered, and that one answer counts."""

import json
from io import StringIO

import pytest

from deployments.terminal import BAD_INPUT, DONE, FAILED_RUN, PERSON
from domain.runs import RunState
from tests.deployments.test_cli import Bench, CliDesk, slipway  # noqa: F401  (a fixture)


class Terminal(StringIO):
    """A person at the keyboard who types these lines, and then leaves."""

    def isatty(self) -> bool:
        return True


def asks(desk: CliDesk) -> None:
    """Let each run that starts ask its person, and end once it is answered."""

    async def ask(run: str, *_: object) -> None:
        await desk.ask(run)

    answer = desk.answer

    async def answered(run: str, *given: object) -> object:
        question = await answer(run, *given)  # type: ignore[arg-type]
        assert question.answer is not None
        ends = RunState.FAILED if question.answer.choice == "stop" else RunState.DELIVERED
        await CliDesk.end(desk, run, ends, "it ended after an answer", "http://notes.localhost:8080")
        return question

    desk.end, desk.answer = ask, answered  # type: ignore[assignment,method-assign]


@pytest.fixture
def waiting(slipway: Bench) -> str:  # noqa: F811
    """Return a run that waits for its person."""
    slipway.prepare = asks
    assert slipway("new", "keep notes", "--yes", "--json") == PERSON
    run: str = json.loads(slipway.out)["run"]
    slipway.prepare = lambda desk: None
    return run


def test_new_ends_with_its_own_code_and_names_the_command_that_answers(slipway: Bench) -> None:  # noqa: F811
    slipway.prepare = asks
    assert slipway("new", "keep notes", "--yes") == PERSON
    assert "`slipway answer r-" in slipway.out.splitlines()[-1]


def test_the_question_is_shown_with_a_command_for_each_answer(slipway: Bench, waiting: str) -> None:  # noqa: F811
    assert slipway("answer", waiting) == DONE
    for words in (
        "no progress: the tests still fail",
        "Tried: 3 rounds",
        "1 of 2 tests fails",
        "Without an answer it stops at",
    ):
        assert words in slipway.out
    for choice in ("guidance", "more_rounds 3", "change_wish", "stop"):
        assert f"slipway answer {waiting} {choice}" in slipway.out
    assert slipway("answer", waiting, "--json") == DONE
    shown = json.loads(slipway.out)
    assert (shown["number"], shown["diagnosis"]["kind"]) == (1, "no progress")
    assert set(shown["answers"]) == {"guidance", "more_rounds", "change_wish", "stop"}


@pytest.mark.parametrize("words", [("status",), ("runs",), ("status", "keep-notes"), ("logs", "keep-notes")])
def test_every_list_says_what_the_run_waits_for_and_what_answers(
    slipway: Bench,  # noqa: F811
    waiting: str,
    words: tuple[str, ...],
) -> None:
    assert slipway(*words) == DONE
    assert "the tests still fail" in slipway.out
    assert f"`slipway answer {waiting}`" in slipway.out


def test_an_answer_lets_the_run_go_on_and_a_second_one_is_told_so(slipway: Bench, waiting: str) -> None:  # noqa: F811
    resumed: list[str] = []
    slipway.prepare = lambda desk: setattr(desk, "resumed", resumed)
    assert slipway("answer", waiting, "guidance", "use SQLite") == DONE
    assert slipway.out == f"{waiting} goes on: `slipway logs keep-notes --follow` shows how\n"
    assert resumed == [f"flow-of-{waiting} question-1"]
    assert slipway("answer", waiting, "stop") == BAD_INPUT
    assert "had answered guidance: use SQLite; nothing was changed" in slipway.err
    assert slipway("status", "keep-notes", "--json") == DONE
    run = json.loads(slipway.out)["runs"][0]
    assert (run["state"], run["question"]) == ("queued", None)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("guidance",), "guidance needs words"),
        (("more_budget", "5"), "choose one of guidance"),
        (("guidance", "take", "--question", "7"), "its newest is question 1"),
        (("guidance", "the key is AKIAABCDEFGHIJKLMNOP"), "looks like a secret"),
    ],
)
def test_what_cannot_be_an_answer_is_refused_in_one_line(
    slipway: Bench,  # noqa: F811
    waiting: str,
    words: tuple[str, ...],
    told: str,
) -> None:
    assert slipway("answer", waiting, *words) == BAD_INPUT
    assert told in slipway.err
    assert slipway.err.count("\n") == 1


def test_runs_that_ask_nothing_say_so(slipway: Bench) -> None:  # noqa: F811
    assert slipway("answer", "r-nope") == BAD_INPUT
    assert "there is no run 'r-nope'" in slipway.err
    slipway("new", "keep notes", "--yes", "--json")
    assert slipway("answer", json.loads(slipway.out)["run"], "stop") == BAD_INPUT
    assert "has ended (delivered): there is nothing to answer" in slipway.err


def test_a_stopped_run_is_not_answered(slipway: Bench, waiting: str) -> None:  # noqa: F811
    assert slipway("cancel", waiting) == DONE
    assert slipway("answer", waiting, "guidance", "go on") == BAD_INPUT
    assert "has ended (cancelled)" in slipway.err


def test_a_secret_of_the_project_in_an_answer_is_kept_by_its_name(slipway: Bench, waiting: str) -> None:  # noqa: F811
    slipway.prepare = lambda desk: desk.vault.hold("keep-notes", "DOOR", "Kleeblatt-77")
    assert slipway("answer", waiting, "guidance", "the door opens for Kleeblatt-77") == DONE
    slipway.prepare = lambda desk: None
    assert slipway("logs", "keep-notes") == DONE
    assert "the door opens for «secret DOOR»" in slipway.out
    assert "Kleeblatt" not in slipway.out


def test_a_person_at_the_terminal_is_asked_there_and_the_run_is_followed_on(
    slipway: Bench,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slipway.prepare = asks
    monkeypatch.setattr("sys.stdin", Terminal("perhaps\nmore_rounds\nmany\nmore_rounds\n4\n"))
    assert slipway("new", "keep notes", "--yes") == DONE
    assert "'many' is no number of rounds" in slipway.out
    assert slipway.out.rstrip().endswith("it ended after an answer")


def test_a_person_who_stops_at_the_terminal_gets_the_code_of_a_failed_run(
    slipway: Bench,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slipway.prepare = asks
    monkeypatch.setattr("sys.stdin", Terminal("stop\n"))
    assert slipway("new", "keep notes", "--yes") == FAILED_RUN


def test_a_person_who_leaves_the_question_is_told_how_to_answer_later(
    slipway: Bench,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slipway.prepare = asks
    monkeypatch.setattr("sys.stdin", Terminal(""))
    assert slipway("new", "keep notes", "--yes") == PERSON
    assert "Answer later: `slipway answer r-" in slipway.out
