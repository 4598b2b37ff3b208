"""How a run ends that is not delivered: a model that never gets it right, forbidden files, a person who stops it."""

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
        pytest.param(tales.MEDDLING, 2, "belong to the platform: Dockerfile", id="platform files"),
    ],
)
def test_a_model_that_never_gets_it_right_ends_with_the_reason(
    on_processes: Installation, tale: Tale, rounds: int, why: str
) -> None:
    said = on_processes.say("new", tale.request, "--yes", "--json")
    run = said.document
    assert (said.code, run["state"], run["rounds"]) == (1, "failed", rounds), said
    assert why in run["message"]
    assert not on_processes.releases(run["project"])
    told = on_processes.registry(lambda registry: registry.unsent("cli"))
    assert [n.key for n in told if n.run == run["run"]] == [f"{run['run']}:end"]


def test_a_cancelled_run_stops_at_once_with_its_worker(on_processes: Installation) -> None:
    started = on_processes.say("new", tales.ENDLESS.request, "--yes", "--json", "--no-wait")
    assert started.code == 0, started
    run = started.document["run"]
    until(lambda: "sleep 118" in commands(on_processes), "the developer computes")

    said = on_processes.say("cancel", run, "--json")
    assert (said.code, said.document["state"]) == (0, "cancelled"), said
    until(lambda: not processes_of(on_processes, run), "worker and run are gone", 15)
    assert "sleep 118" not in commands(on_processes)
    flow_run = on_processes.runs("pi")[0]["flow_run"].rpartition("/")[2]
    states = {"flow_runs": {"id": {"any_": [flow_run]}}}
    until(lambda: on_processes.prefect("/flow_runs/filter", states)[0]["state_type"] == "CANCELLED", "Prefect says so")
    lines: list[Progress] = list(on_processes.registry(lambda registry: registry.progress(run)))
    assert not [line for line in lines if line.kind == "report"]


def commands(place: Installation) -> str:
    return "\n".join(" ".join(process.cmdline()) for process in place.processes())
