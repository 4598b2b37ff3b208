"""`make demo` as it is: the recorded session to its end, and the same folder brought up again."""

import signal
from collections.abc import Iterator

import psutil
import pytest

from domain.releases import ReleaseState
from tests.story.installation import END_SECONDS, RUN_SECONDS, START_SECONDS, Installation, Spoken

APP = "book-club"

pytestmark = pytest.mark.story


@pytest.fixture(scope="module")
def place() -> Iterator[Installation]:
    found = Installation("process", more={"ANTHROPIC_API_KEY": ""})
    try:
        yield found
    finally:
        found.remove()


@pytest.fixture(scope="module")
def shown(place: Installation) -> Spoken:
    return place.heard(place.start("demo", "--no-keep"), seconds=START_SECONDS + RUN_SECONDS)


@pytest.fixture(scope="module")
def up_again(place: Installation, shown: Spoken) -> psutil.Process:
    """Bring the demo's folder up."""
    place.reopen()
    assert place.process is not None
    return psutil.Process(place.process.pid)


def test_the_demo_delivers_in_two_rounds_and_leaves_nothing_running(place: Installation, shown: Spoken) -> None:
    assert shown.code == 0, shown
    lines = [" ".join(line.split()) for line in shown.out.splitlines()]
    assert any("a recorded model session answers" in line for line in lines)
    assert "Rounds: 2" in lines
    assert [line.split()[:2] for line in lines if line[:2] in ("1 ", "2 ")] == [["1", "failed"], ["2", "passed"]]
    assert any(line.startswith("Cost: 0.") and line.endswith("(as recorded)") for line in lines), lines
    assert any(
        line.startswith("Address: http://book-club.localhost:") and "answers 200 through Caddy" in line for line in lines
    )
    assert place.processes() == []


def test_the_next_up_serves_the_same_release(place: Installation, up_again: psutil.Process) -> None:
    assert place.get(APP, "/").status_code == 200
    assert [(release.number, release.state) for release in place.releases(APP)] == [(1, ReleaseState.LIVE)]


def test_a_second_up_says_so_and_changes_nothing(place: Installation, up_again: psutil.Process) -> None:
    before = {child.pid for child in up_again.children()}
    second = place.say("up")
    assert second.code == 0, second
    assert f"Slipway is up already: apps at {place.up.apps_url}" in second.err
    assert "nothing was changed" in second.err
    assert up_again.is_running()
    assert {child.pid for child in up_again.children()} == before
    assert place.get(APP, "/").status_code == 200


def test_after_ctrl_c_nothing_runs(place: Installation, up_again: psutil.Process) -> None:
    assert place.process is not None
    place.process.send_signal(signal.SIGINT)
    assert place.process.wait(END_SECONDS) == 0
    assert place.processes() == []
