"""An app with a Redis and a table of its own, on either engine: planned, rehearsed, kept over two releases, gone with it.

On processes its table also meets a release command that breaks on what is in it, and one that has to be taken back.
"""

from dataclasses import dataclass

import pytest

from domain.releases import ReleaseState
from domain.resources import ResourceKind
from tests.story import guests_tale
from tests.story.installation import Installation, Spoken

APP = "guests"

pytestmark = pytest.mark.story


@pytest.fixture(scope="module", params=["process", pytest.param("docker", marks=pytest.mark.docker)])
def place(request: pytest.FixtureRequest) -> Installation:
    found: Installation = request.getfixturevalue(f"on_{'processes' if request.param == 'process' else 'docker'}")
    return found


@pytest.fixture(scope="module")
def built(place: Installation) -> Spoken:
    return place.say("new", guests_tale.GUESTS.request, "--yes", "--json")


@pytest.fixture(scope="module")
def released_again(place: Installation, built: Spoken) -> Spoken:
    """Let somebody sign, and have the app released once more."""
    assert built.code == 0, built
    assert place.post(APP, "/guests", {"name": "Grace"}).status_code == 201
    return place.say("secret", "rotate", APP, "SESSION_SECRET")


@dataclass
class Broken:
    """A rotation whose release command did not like a row, and what the app had in its table afterwards."""

    said: Spoken
    wishes: list[str]


@pytest.fixture(scope="module")
def broken(place: Installation, released_again: Spoken) -> Broken:
    assert released_again.code == 0, released_again
    for guest, wish in {"Grace": "sun", "": "rain"}.items():
        assert place.post(APP, "/wishes", {"guest": guest, "wish": wish}).status_code == 201
    said = place.say("secret", "rotate", APP, "SESSION_SECRET")
    return Broken(said, place.get(APP, "/wishes").json())


@pytest.fixture(scope="module")
def renamed(place: Installation, broken: Broken) -> Spoken:
    return place.say("change", APP, guests_tale.HOPES.request, "--yes", "--json")


@pytest.fixture(scope="module")
def taken_back(place: Installation, renamed: Spoken) -> Spoken:
    """Write into the table as it is since the change, and go back to the one before with its data."""
    assert renamed.code == 0, renamed
    assert place.post(APP, "/wishes", {"guest": "Bea", "wish": "snow"}).status_code == 201
    assert place.get(APP, "/wishes").json() == ["sun", "rain", "snow"]
    return place.say("rollback", APP, "--data", "restore", "--json")


@pytest.fixture(scope="module")
def taken_down(place: Installation, released_again: Spoken) -> Spoken:
    return place.say("down", APP, "--yes")


def test_the_planned_addon_is_online_and_told(place: Installation, built: Spoken) -> None:
    assert built.code == 0, built
    [told] = place.say("status", APP, "--json").document["resources"]
    assert (told["kind"], told["state"]) == ("redis", "running")
    assert "Databases: redis running" in place.say("status", APP).out


def test_rows_outlive_a_release_and_no_rehearsal_has_written_any(place: Installation, released_again: Spoken) -> None:
    assert released_again.code == 0, released_again
    live = place.live(APP)
    assert live is not None
    assert live.number == 2
    assert place.get(APP, "/guests").json() == ["Grace"]


@pytest.mark.parametrize("place", ["process"], indirect=True)
def test_a_release_command_that_breaks_on_the_data_leaves_what_serves(place: Installation, broken: Broken) -> None:
    assert broken.said.code != 0, broken
    assert "its release command ended with exit code 1; what served before still does" in broken.said.out + broken.said.err
    assert {r.number: r.state for r in place.releases(APP)}[3] is ReleaseState.FAILED
    serving = place.live(APP)
    assert serving is not None
    assert (serving.number, broken.wishes) == (2, ["sun", "rain"])
    [run] = [r.run for r in place.releases(APP) if r.number == 3]
    told = [line.text for line in place.registry(lambda registry: registry.progress(run))]
    assert "the release command ended with exit code 1: a wish without a guest: nobody knows whose it is" in told


@pytest.mark.parametrize("place", ["process"], indirect=True)
def test_a_rollback_over_a_migration_brings_the_table_back_as_it_was(place: Installation, taken_back: Spoken) -> None:
    assert taken_back.code == 0, taken_back
    outcome = taken_back.document
    assert (outcome["outcome"], outcome["bad"], outcome["good"]) == ("rolled back", 4, 2)
    assert place.get(APP, "/wishes").json() == ["sun", "rain"]
    assert place.get(APP, "/guests").json() == ["Grace"]


def test_nothing_of_it_is_left_when_the_app_is_taken_down(place: Installation, taken_down: Spoken) -> None:
    assert taken_down.code == 0, taken_down
    assert place.registry(lambda registry: registry.resources(APP)) == ()
    left = place.containers(running=False) if place.engine == "docker" else [path.name for path in place.data.rglob("*-redis")]
    assert not [name for name in left if name.endswith(f"-{ResourceKind.REDIS.value}")]
