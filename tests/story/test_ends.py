"""How a run ends that is not delivered: a model that never gets it right, forbidden files, a person who stops it."""

import signal
from typing import Any

import psutil
import pytest

from domain.runs import Progress
from tests.story import tales
from tests.story.installation import Installation, until
from tests.story.player import Tale
from tests.story.test_secrets import processes_of

pytestmark = pytest.mark.story


@pytest.mark.parametrize(
    ("tale", "rounds", "why"),
    [
        pytest.param(tales.LUCK, 3, "the tests still fail after 3 rounds", id="a new failure each time"),
        pytest.param(tales.STUBBORN, 2, "the same failure came twice", id="the same failure twice"),
    ],
)
def test_a_model_that_never_gets_it_right_asks_its_person_and_ends_with_the_reason_when_told_to_stop(
    on_processes: Installation, tale: Tale, rounds: int, why: str
) -> None:
    said = on_processes.say("new", tale.request, "--yes", "--json")
    run = said.document
    assert (said.code, run["state"], run["rounds"]) == (3, "waiting", rounds), said
    assert why in run["message"]
    ended = stopped(on_processes, run)
    assert (ended["state"], ended["rounds"]) == ("failed", rounds)
    assert f"{why}; local:" in ended["message"]
    assert not on_processes.releases(run["project"])
    told = on_processes.registry(lambda registry: registry.unsent("cli"))
    assert [n.key for n in told if n.run == run["run"]] == [f"{run['run']}:question-1", f"{run['run']}:end"]


def stopped(place: Installation, run: dict[str, Any]) -> dict[str, Any]:
    """Answer a waiting run with stop, and return it when it has ended."""
    said = place.say("answer", run["run"], "stop")
    assert said.code == 0, said

    def ended() -> dict[str, Any] | None:
        found = next(each for each in place.runs(run["project"]) if each["run"] == run["run"])
        return found if found["ended"] else None

    found = until(ended, "the stopped run has ended")
    assert found is not None
    return found


def test_a_run_that_is_cancelled_while_it_asks_is_over_everywhere(on_processes: Installation) -> None:
    said = on_processes.say("new", tales.MEDDLING.request, "--yes", "--json")
    run = said.document
    assert (said.code, run["state"]) == (3, "waiting"), said
    assert "belong to the platform: Dockerfile" in run["question"]["diagnosis"]["evidence"]
    assert on_processes.say("cancel", run["run"]).code == 0
    late = on_processes.say("answer", run["run"], "guidance", "leave the Dockerfile alone")
    assert (late.code, "has ended (cancelled)" in late.err) == (2, True), late
    flow_run = {"flow_runs": {"id": {"any_": [run["flow_run"].rpartition("/")[2]]}}}
    until(lambda: on_processes.prefect("/flow_runs/filter", flow_run)[0]["state_type"] == "CANCELLED", "Prefect says so")
    until(lambda: not processes_of(on_processes, run["run"]), "nothing works for the run")


def test_a_name_that_never_went_online_is_free_again(on_processes: Installation) -> None:
    """Comes after the hopeless cases: one of them had the name `birds`."""
    before = on_processes.registry(lambda registry: registry.project("birds"))
    assert before is not None
    again = on_processes.say("new", tales.STUBBORN.request, "--name", "birds", "--yes", "--json", "--no-wait")
    assert (again.code, again.document["project"]) == (0, "birds"), again
    after = on_processes.registry(lambda registry: registry.project("birds"))
    assert after is not None
    assert after.created > before.created
    assert on_processes.say("new", tales.STUBBORN.request, "--name", "birds", "--yes").code == 2
    assert on_processes.say("cancel", again.document["run"]).code == 0


def test_ctrl_c_leaves_the_run_at_work_and_cancel_stops_it_at_once_with_its_worker(on_processes: Installation) -> None:
    asking = on_processes.start("new", tales.ENDLESS.request, "--yes")
    until(lambda: "sleep 118" in commands(on_processes), "the developer computes", 800)
    asking.send_signal(signal.SIGINT)
    left = on_processes.heard(asking)
    told = "slipway: interrupted; what was handed over goes on: see `slipway status`"
    assert (left.code, left.err.splitlines()[-1:]) == (130, [told]), left
    [found] = on_processes.runs("pi")
    assert (found["state"], "sleep 118" in commands(on_processes)) == ("running", True), found
    run = found["run"]

    said = on_processes.say("cancel", run, "--json")
    assert (said.code, said.document["state"]) == (0, "cancelled"), said
    until(lambda: not processes_of(on_processes, run), "worker and run are gone")
    assert "sleep 118" not in commands(on_processes)
    flow_run = on_processes.runs("pi")[0]["flow_run"].rpartition("/")[2]
    states = {"flow_runs": {"id": {"any_": [flow_run]}}}
    until(lambda: on_processes.prefect("/flow_runs/filter", states)[0]["state_type"] == "CANCELLED", "Prefect says so")
    lines: list[Progress] = list(on_processes.registry(lambda registry: registry.progress(run)))
    assert not [line for line in lines if line.kind == "report"]


def commands(place: Installation) -> str:
    return "\n".join(map(command_of, place.processes()))


def command_of(process: psutil.Process) -> str:
    """Return its command; empty when it has just ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""
