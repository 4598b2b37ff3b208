"""An app with a Redis of its own, on either engine: planned, rehearsed on another one, kept over two releases, gone with it."""

import pytest

from domain.resources import ResourceKind
from tests.story import tales
from tests.story.installation import Installation, Spoken

APP = "guests"

pytestmark = pytest.mark.story


@pytest.fixture(scope="module", params=["process", pytest.param("docker", marks=pytest.mark.docker)])
def place(request: pytest.FixtureRequest) -> Installation:
    found: Installation = request.getfixturevalue(f"on_{'processes' if request.param == 'process' else 'docker'}")
    return found


@pytest.fixture(scope="module")
def built(place: Installation) -> Spoken:
    return place.say("new", tales.GUESTS.request, "--yes", "--json")


@pytest.fixture(scope="module")
def released_again(place: Installation, built: Spoken) -> Spoken:
    """Let somebody sign, and have the app released once more."""
    assert built.code == 0, built
    assert place.post(APP, "/guests", {"name": "Grace"}).status_code == 201
    return place.say("secret", "rotate", APP, "SESSION_SECRET")


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


def test_nothing_of_it_is_left_when_the_app_is_taken_down(place: Installation, taken_down: Spoken) -> None:
    assert taken_down.code == 0, taken_down
    assert place.registry(lambda registry: registry.resources(APP)) == ()
    left = place.containers(running=False) if place.engine == "docker" else [path.name for path in place.data.rglob("*-redis")]
    assert not [name for name in left if name.endswith(f"-{ResourceKind.REDIS.value}")]
