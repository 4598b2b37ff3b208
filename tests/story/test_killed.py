"""Processes are killed at every step of one delivery; it ends as if nothing had happened."""

import sqlite3

import pytest

from domain.releases import ReleaseState
from tests.story import tales
from tests.story.installation import Installation, kill_tree, until
from tests.story.player import Place
from tests.story.test_secrets import processes_of

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
    until(lambda: place.runs(APP)[0]["ended"], "the run has ended", 240)
    return run


def kill_everything(place: Installation) -> None:
    """SIGKILL `slipway up` alone, and start it again as soon as the kernel has ended its children."""
    assert place.process is not None
    place.process.kill()
    place.process.wait()
    place.reopen()


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
    assert not [process for process in processes_of(place, run) if f"{APP}-v1" not in "".join(process.environ().values())]


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
