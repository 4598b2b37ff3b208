"""A run that comes to a halt asks its person, waits without a process, and goes on where it stopped."""

import sqlite3
from typing import Any

import pytest

from domain.escalations import Escalation
from domain.releases import ReleaseState
from tests.story import tales
from tests.story.installation import Installation, Spoken, kill_tree, until
from tests.story.test_secrets import processes_of

APP = "bush"
WISH = tales.ADVISED.request

pytestmark = pytest.mark.story


def questions(place: Installation, run: str) -> list[Escalation]:
    return list(place.registry(lambda registry: registry.escalations(run)))


def flow_run(place: Installation, run: dict[str, Any]) -> dict[str, Any]:
    [found] = place.prefect("/flow_runs/filter", {"flow_runs": {"id": {"any_": [run["flow_run"].rpartition("/")[2]]}}})
    return found


def asked_of_model(place: Installation) -> int:
    return sum(times for asked, times in place.player.answered.items() if asked[0] == WISH)


@pytest.fixture(scope="module")
def waiting(on_processes: Installation) -> dict[str, Any]:
    """Start a run that will ask, kill the runner as soon as its question is written down, and wait until it is suspended."""
    started = on_processes.say("new", WISH, "--yes", "--json", "--no-wait")
    assert started.code == 0, started
    run = started.document["run"]
    until(lambda: questions(on_processes, run), "the question is written down", 800)
    kill_tree(on_processes.service("runner"))
    until(lambda: flow_run(on_processes, on_processes.runs(APP)[0])["state_name"] == "Suspended", "the run is suspended")
    return until(lambda: on_processes.runs(APP)[0] if on_processes.runs(APP)[0]["question"] else None, "the run asks")


@pytest.fixture(scope="module")
def answers(on_processes: Installation, waiting: dict[str, Any]) -> list[Spoken]:
    """Kill the runner while the run waits, then answer twice at once, and wait for the end."""
    kill_tree(on_processes.service("runner"))
    said = [
        on_processes.start("answer", waiting["run"], "guidance", tales.ADVICE),
        on_processes.start("answer", waiting["run"], "more_rounds", "2"),
    ]
    heard = [on_processes.heard(command) for command in said]
    until(lambda: on_processes.has_ended(APP), "the run has ended", 800)
    return heard


def test_a_run_that_needs_a_person_waits_without_a_process_and_spends_nothing(
    on_processes: Installation, waiting: dict[str, Any]
) -> None:
    assert (waiting["state"], waiting["rounds"]) == ("waiting", 2)
    assert f"`slipway answer {waiting['run']}`" in waiting["message"]
    identity = waiting["flow_run"].rpartition("/")[2]
    until(lambda: not processes_of(on_processes, waiting["run"], identity), "no process and no worker is left")
    assert not list((on_processes.data / "engine" / "workers").glob(f"{waiting['run']}*"))
    before = asked_of_model(on_processes)
    shown = on_processes.say("answer", waiting["run"], "--json").document
    assert shown["diagnosis"]["kind"] == "no progress"
    assert "assert (1 + 1) == 3" in shown["diagnosis"]["evidence"]
    assert asked_of_model(on_processes) == before


def test_it_was_asked_once_although_its_process_was_killed_while_asking(
    on_processes: Installation, waiting: dict[str, Any]
) -> None:
    assert [question.number for question in questions(on_processes, waiting["run"])] == [1]
    told = on_processes.registry(lambda registry: registry.unsent("cli"))
    assert [n.key for n in told if n.run == waiting["run"]][:1] == [f"{waiting['run']}:question-1"]


def test_of_two_answers_one_counts_and_the_other_is_told_so(
    on_processes: Installation, waiting: dict[str, Any], answers: list[Spoken]
) -> None:
    assert sorted(said.code for said in answers) == [0, 2], answers
    [late] = [said for said in answers if said.code]
    assert "nothing was changed" in late.err
    [question] = questions(on_processes, waiting["run"])
    assert question.answer is not None
    assert question.answer.choice == ("more_rounds" if answers[0].code else "guidance")


def test_the_answer_takes_it_to_its_end_in_the_same_conversation(
    on_processes: Installation, waiting: dict[str, Any], answers: list[Spoken]
) -> None:
    run = on_processes.runs(APP)[0]
    assert (run["run"], run["state"], run["rounds"]) == (waiting["run"], "delivered", 4), run
    assert on_processes.get(APP, "/health").status_code == 200
    said = on_processes.registry(lambda registry: registry.load(f"{run['run']}/developer"))
    words = tales.ADVICE if not answers[0].code else "2 more rounds"
    assert [message for message in said if words in str(message.parts)]
    assert [message for message in said if "test_bush is gone" in str(message.parts)]


def test_there_is_one_repository_one_release_one_end_and_no_answer_was_paid_twice(
    on_processes: Installation, waiting: dict[str, Any], answers: list[Spoken]
) -> None:
    run = waiting["run"]
    assert len(list((on_processes.data / "git").glob(f"{APP}*"))) == 1
    assert [(release.number, release.state) for release in on_processes.releases(APP)] == [(1, ReleaseState.LIVE)]
    told = on_processes.registry(lambda registry: registry.unsent("cli"))
    assert [n.key for n in told if n.run == run] == [f"{run}:question-1", f"{run}:end"]
    answered = {asked: times for asked, times in on_processes.player.answered.items() if asked[0] == WISH}
    assert set(answered.values()) == {1}, answered
    with sqlite3.connect(on_processes.data / "registry.db") as database:
        settled = list(database.execute("SELECT call FROM ledger WHERE run = ? AND settled", (run,)))
    database.close()
    assert len(settled) == len(answered)
