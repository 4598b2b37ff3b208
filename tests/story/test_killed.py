"""Processes are killed at every step of one delivery, of a release and of a rollback; each ends as if nothing had happened."""

import json
import os
import signal
import sqlite3
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

from blocks.registry.block import SqlRegistry
from deployments.data_folder import DataFolder
from deployments.desk.releasing import release_again
from deployments.supervision.processes import ProcessId, is_alive, parsed
from domain.releases import ReleaseState
from domain.runs import Origin
from tests.story import tales
from tests.story.installation import Installation, kill_tree, until
from tests.story.player import Place
from tests.story.test_secrets import processes_of

T = TypeVar("T")
Step = Callable[[], object]

APP = "links"
WISH = tales.LINKS.request
IN_PLAN: Place = (WISH, "architect", 0)
IN_CODE: Place = (WISH, "developer", 1)
BEFORE_TESTS: Place = (WISH, "developer", 3)

pytestmark = pytest.mark.story


@pytest.fixture(scope="module")
def place(on_processes: Installation) -> Installation:
    return on_processes


@pytest.fixture(scope="module")
def run(place: Installation) -> str:
    """Start a delivery, kill in each of its steps, wait for its end; return its id."""
    place.player.hangs.update((IN_PLAN, IN_CODE, BEFORE_TESTS))
    started = place.say("new", WISH, "--yes", "--json", "--no-wait")
    assert started.code == 0, started
    run: str = started.document["run"]
    for moment in (IN_PLAN, IN_CODE):
        until(lambda moment=moment: moment in place.player.hanging, f"a model call hangs at {moment[1:]}")
        kill_tree(place.service("runner"))
    until(lambda: BEFORE_TESTS in place.player.hanging, "the last model call hangs")
    kill_everything(place)
    for step in ("test", "deploy"):
        until(lambda step=step: step in steps(place, run), f"the run is at {step}")
        kill_tree(place.service("runner"))
    until(lambda: place.has_ended(APP), "the run has ended", 240)
    return run


def kill_everything(place: Installation) -> None:
    """SIGKILL `slipway up` alone, and start it again as soon as the kernel has ended its children."""
    assert place.process is not None
    place.process.kill()
    place.process.wait()
    place.reopen()


def test_the_apps_are_looked_at_as_soon_as_it_is_up_and_not_only_on_schedule(place: Installation) -> None:
    asked = {"flows": {"name": {"any_": ["health_watch"]}}, "flow_runs": {"start_time": {"is_null_": False}}}
    first = until(lambda: place.prefect("/flow_runs/filter", {**asked, "sort": "START_TIME_ASC", "limit": 1}), "it watches")[0]
    assert not first["auto_scheduled"], first


def steps(place: Installation, run: str) -> list[str]:
    return [line.step for line in place.registry(lambda registry: registry.progress(run)) if line.kind == "step"]


def test_the_run_ends_delivered(place: Installation, run: str) -> None:
    [found] = place.runs(APP)
    assert (found["run"], found["state"], found["rounds"]) == (run, "delivered", 1), found
    assert place.get(APP, "/l/none").status_code == 404


def test_there_is_one_repository_one_release_and_one_message(place: Installation, run: str) -> None:
    assert len(list((place.data / "git").glob(f"{APP}*"))) == 1
    assert [(release.number, release.state) for release in place.releases(APP)] == [(1, ReleaseState.LIVE)]
    told = place.registry(lambda registry: registry.unsent("cli"))
    assert [notification.key for notification in told if notification.run == run] == [f"{run}:end"]


def test_no_worker_and_no_rehearsal_is_left(place: Installation, run: str) -> None:
    assert not list((place.data / "engine" / "workers").glob(f"{run}*"))
    assert [path.name for path in (place.data / "engine" / "apps").glob(f"*{APP}*")] == [f"{APP}-v1"]
    until(lambda: set(processes_of(place, run)) <= set(processes_of(place, f"{APP}-v1")), "the release alone works for it")


def test_no_answer_was_asked_for_or_paid_twice(place: Installation, run: str) -> None:
    answered = {asked: times for asked, times in place.player.answered.items() if asked[0] == WISH}
    assert set(answered.values()) == {1}, answered
    assert {IN_PLAN, IN_CODE, BEFORE_TESTS} <= place.player.hanging
    with sqlite3.connect(place.data / "registry.db") as database:
        lines = list(database.execute("SELECT call, settled, spent FROM ledger WHERE run = ?", (run,)))
    database.close()
    settled = [line for line in lines if line[1]]
    assert len(settled) == len(answered), lines
    assert len(settled) == len({line[0] for line in settled})


def state_of(place: Installation, flow_run: str) -> dict[str, Any]:
    [found] = place.prefect("/flow_runs/filter", {"flow_runs": {"id": {"any_": [flow_run]}}})
    return found


def kill_at_each(place: Installation, flow_run: str, steps: Sequence[Step]) -> int:
    """Kill the process of the run at one step after the other, wait for the run's end, and return how often that was."""
    killed: set[ProcessId] = set()

    def at_work(step: Step) -> ProcessId | bool:
        """Return the process that is at the step; True when the run has ended."""
        found = state_of(place, flow_run)
        assert found["state_type"] not in ("FAILED", "CANCELLED"), found["state"]
        process = parsed(found["infrastructure_pid"])
        new = process if process is not None and process not in killed and is_alive(process) and step() else False
        return found["state_type"] == "COMPLETED" or new

    for step in steps:
        process = until(lambda step=step: at_work(step), "the run is at its next step, or has ended", rest=1.0)
        if isinstance(process, ProcessId):
            os.kill(process.pid, signal.SIGKILL)
            killed.add(process)
    until(lambda: at_work(lambda: False), "the run has come to its end", 240)
    return len(killed)


def ask(place: Installation, work: Callable[[SqlRegistry], Coroutine[Any, Any, T]]) -> T:
    """Do it with the installation's registry and its Prefect server."""
    access = {PREFECT_API_URL: place.up.prefect_api_url, PREFECT_API_AUTH_STRING: DataFolder(place.data).prefect_auth}
    with temporary_settings(access):
        return place.registry(work)


def states(place: Installation) -> dict[int, ReleaseState]:
    return {release.number: release.state for release in place.releases(APP)}


def runs_now(place: Installation, number: int) -> bool:
    """Tell whether the copy of this release runs, by what its supervisor wrote."""
    file = place.data / "engine" / "apps" / f"{APP}-v{number}" / "state.json"
    child = json.loads(file.read_text())["child"][0] if file.is_file() else 0
    return bool(child) and Path(f"/proc/{child}").exists()


def fence(place: Installation) -> int:
    return place.registry(lambda registry: registry.fence(APP))


@pytest.fixture(scope="module")
def released(place: Installation, run: str) -> str:
    """Release the same again; kill the run when it begins, has the project, has its row, its copy runs, it has switched."""
    before = fence(place)
    origin = Origin(channel="cli", person="local:me")
    begun = ask(place, lambda registry: release_again(APP, "killed", origin, "killed-release", registry))
    steps: Sequence[Step] = (
        lambda: True,
        lambda: fence(place) > before,
        lambda: 2 in states(place),
        lambda: runs_now(place, 2),
        lambda: states(place).get(2) is ReleaseState.LIVE,
    )
    assert kill_at_each(place, begun.flow_run, steps) >= 2
    return begun.id


@pytest.fixture(scope="module")
def rolled_back(place: Installation, released: str) -> None:
    """Go back; kill the rollback when it begins, has the project, the copy before runs again, it has switched."""
    before = fence(place)
    asked = place.start("rollback", APP, "--json")
    flow_run = until(lambda: rollbacks(place), "the rollback is known")[0]["id"]
    steps: Sequence[Step] = (
        lambda: True,
        lambda: fence(place) > before,
        lambda: runs_now(place, 1),
        lambda: states(place)[1] is ReleaseState.LIVE,
    )
    assert kill_at_each(place, flow_run, steps) >= 2
    assert place.heard(asked).document["outcome"] == "rolled back"


def rollbacks(place: Installation) -> list[dict[str, Any]]:
    runs = place.prefect("/flow_runs/filter", {"flows": {"name": {"any_": ["rollback"]}}})
    return [found for found in runs if found["parameters"]["project"] == APP]


def test_a_release_that_is_killed_at_each_step_serves_alone_and_is_told_once(place: Installation, released: str) -> None:
    check_one_serves(place, 2, {2: ReleaseState.LIVE, 1: ReleaseState.KEPT})
    assert told(place).count(f"{released}:end") == 1
    assert history(place).count("release 2 is live") == 1


def test_a_rollback_that_is_killed_at_each_step_is_one_step_back_and_is_told_once(
    place: Installation, rolled_back: None
) -> None:
    check_one_serves(place, 1, {2: ReleaseState.ROLLED_BACK, 1: ReleaseState.LIVE})
    assert told(place).count(f"{APP}:rollback-2-1") == 1
    assert history(place).count("rollback of release 2 to 1") == 1


def check_one_serves(place: Installation, number: int, wanted: dict[int, ReleaseState]) -> None:
    assert states(place) == wanted
    assert [n for n in wanted if runs_now(place, n)] == [number]
    assert place.get(APP, "/l/none").status_code == 404


def told(place: Installation) -> list[str]:
    return [note.key for note in place.registry(lambda registry: registry.unsent("cli"))]


def history(place: Installation) -> list[str]:
    return [line.what for line in place.registry(lambda registry: registry.history(APP))]
