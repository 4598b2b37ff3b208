"""Secrets, whole: waited for without a process, given to the app, rotated, and written down nowhere; on either engine.

On local processes they come from elsewhere, by the HTTP API. The app prints its whole environment, in encoded forms too; one
release of it breaks with that on its lips; an agent looks for the environment of everything that it can see.
"""

import base64
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import psutil
import pytest
from redis import Redis

from deployments.sockets import socket_folder
from domain.audit import AuditLine
from tests.story import at_rest, door_tale
from tests.story.canaries import Canaries, everywhere, prompts, said
from tests.story.installation import RUN_SECONDS, Installation, Spoken, docker, until

APP = "door"
FIRST, WRECKING, SECOND = "Kleeblatt/Hufeisen+77 ~x", "wreck/Distel+Dornen 13 ~y", "Marienkaefer/Pfennig+88 ~z"

pytestmark = pytest.mark.story


@pytest.fixture(scope="module", params=["process", pytest.param("docker", marks=pytest.mark.docker)])
def place(request: pytest.FixtureRequest) -> Installation:
    found: Installation = request.getfixturevalue("from_elsewhere" if request.param == "process" else "on_docker")
    return found


@pytest.fixture(scope="module")
def waiting(place: Installation) -> Spoken:
    return place.say("new", door_tale.DOOR.request, "--yes", "--json")


@pytest.fixture(scope="module")
def given(place: Installation, waiting: Spoken) -> Spoken:
    """Give the value from standard input, and wait until the run has ended by itself."""
    said = place.say("secret", "set", APP, "DOOR_PASSWORD", stdin=FIRST + "\n")
    until(lambda: place.has_ended(APP), "the run has ended", RUN_SECONDS)
    return said


@dataclass
class Rotation:
    """What a rotation said, and what the app was given afterwards."""

    said: Spoken
    environment: dict[str, str]


def rotated(place: Installation, key: str, value: str = "") -> Rotation:
    said = place.say("secret", "rotate", APP, key, stdin=value + "\n")
    return Rotation(said, place.get(APP, "/environment").json())


@pytest.fixture(scope="module")
def before(place: Installation, given: Spoken) -> dict[str, str]:
    found: dict[str, str] = place.get(APP, "/environment").json()
    return found


@pytest.fixture(scope="module")
def wrecked(place: Installation, before: dict[str, str]) -> Rotation:
    return rotated(place, "DOOR_PASSWORD", WRECKING)


@pytest.fixture(scope="module")
def changed(place: Installation, wrecked: Rotation) -> Rotation:
    return rotated(place, "DOOR_PASSWORD", SECOND)


@pytest.fixture(scope="module")
def remade(place: Installation, changed: Rotation) -> Rotation:
    return rotated(place, "SESSION_SECRET")


@pytest.fixture(scope="module")
def green(place: Installation, remade: Rotation) -> Spoken:
    return place.say("change", APP, door_tale.GREEN.request, "--yes", "--json")


@pytest.fixture(scope="module")
def kept_house(place: Installation, green: Spoken) -> dict[str, dict[str, Any]]:
    """Let the janitor and the digest do their work, and return the flow runs."""
    return {name: ran(place, name) for name in ("janitor", "digest")}


def ran(place: Installation, flow: str) -> dict[str, Any]:
    """Start the deployment, and return its flow run when that has ended."""
    with place.prefect_api() as api:
        deployment = api.get(f"/deployments/name/{flow}/main").json()["id"]
        begun = api.post(f"/deployments/{deployment}/create_flow_run", json={"state": {"type": "SCHEDULED"}}).json()["id"]

        def ended() -> dict[str, Any] | None:
            run: dict[str, Any] = api.get(f"/flow_runs/{begun}").json()
            return run if run["state"]["type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED") else None

        return until(ended, f"{flow} has ended", RUN_SECONDS)


@pytest.fixture(scope="module")
def canaries(before: dict[str, str], remade: Rotation, kept_house: object) -> Canaries:
    """Know every value that there ever was."""
    return Canaries(FIRST, WRECKING, SECOND, before["SESSION_SECRET"], remade.environment["SESSION_SECRET"])


def test_a_run_that_lacks_a_secret_waits_without_a_process(place: Installation, waiting: Spoken) -> None:
    run = waiting.document
    assert (waiting.code, run["state"], run["waits_for"]) == (3, "waiting", ["DOOR_PASSWORD"])
    assert f"slipway secret set {APP} DOOR_PASSWORD" in run["message"]
    flow_run = place.flow_run(run)
    until(lambda: not processes_of(place, run["run"], flow_run), "no process works for the run")


def processes_of(place: Installation, *names: str) -> list[psutil.Process]:
    """Return the processes that work for a run: its fork and its workers."""

    def told(process: psutil.Process) -> str:
        try:
            return " ".join((*process.cmdline(), *process.environ().values()))
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return ""

    return [process for process in place.processes() if any(name in told(process) for name in names)]


def test_the_secret_sets_the_run_going_to_its_end(place: Installation, given: Spoken, before: dict[str, str]) -> None:
    assert given.code == 0, given
    run = place.runs(APP)[-1]
    assert (run["state"], run["waits_for"]) == ("delivered", []), run
    assert run["run"] in given.out
    assert before["DOOR_PASSWORD"] == FIRST
    assert len(before["SESSION_SECRET"]) > 30


def test_a_rotation_that_breaks_the_app_leaves_the_old_release_with_the_old_value(
    place: Installation, before: dict[str, str], wrecked: Rotation
) -> None:
    assert wrecked.said.code == 1, wrecked.said
    assert f"release 1 of {APP} goes on with the value of before" in wrecked.said.out
    assert wrecked.environment == before
    told = place.registry(lambda registry: registry.unsent("cli"))  # of a rotation, by whatever door it came
    evidence = next(each.text for each in told if "not fit to serve" in each.text)
    assert re.search("«secret DOOR_PASSWORD[^»]*» breaks the door", evidence)
    assert "SESSION_SECRET «secret SESSION_SECRET" in evidence


def test_rotated_secrets_are_used_by_what_serves(
    place: Installation, before: dict[str, str], changed: Rotation, remade: Rotation
) -> None:
    assert (changed.said.code, remade.said.code) == (0, 0), (changed, remade)
    assert changed.environment["DOOR_PASSWORD"] == SECOND
    assert changed.environment["SESSION_SECRET"] == before["SESSION_SECRET"] != remade.environment["SESSION_SECRET"]
    assert "A rollback to release 1 brings the value of before back" in changed.said.out
    assert place.post(APP, "/door", {"word": FIRST}).status_code == 403
    assert place.post(APP, "/door", {"word": SECOND}).json() == {"door": "open"}
    history = place.say("history", APP, "--json").document["history"]
    kinds = [(line["what"], line["version"]) for line in history if "secret" in line["what"]]
    assert ("secret DOOR_PASSWORD rotated", 3) in kinds
    assert ("secret SESSION_SECRET rotated", 2) in kinds


def test_an_agent_that_looks_for_the_environment_gets_no_value(place: Installation, green: Spoken) -> None:
    assert green.code == 0, green
    seen = b"".join(prompts(place.asked)).decode()
    assert "peeked" in seen
    assert ("DOOR_PASSWORD=«secret DOOR_PASSWORD" in seen) is (place.engine == "process")  # without containers it is found


def test_the_operator_is_told_of_the_day_and_the_janitor_has_worked(
    place: Installation, kept_house: dict[str, dict[str, Any]]
) -> None:
    assert {run["state"]["type"] for run in kept_house.values()} == {"COMPLETED"}, kept_house
    told = [
        each.text for each in place.registry(lambda registry: registry.unsent("operator")) if each.key.startswith("digest:")
    ]
    assert len(told) == 1
    assert f"  {APP}: release 4 serves; 4 went online" in told[0]
    assert "not fit to serve" in told[0]


def test_the_values_are_written_down_nowhere(
    place: Installation, given: Spoken, changed: Rotation, green: Spoken, canaries: Canaries
) -> None:
    look = {"status": (APP, "--json"), "logs": (APP,), "history": (APP, "--json"), "runs": ("--json",)}
    words = [place.say(name, *more) for name, more in look.items()] + [
        place.say("secret", "list", APP),
        given,
        changed.said,
        green,
    ]
    terminal = "\n".join(each.out + each.err for each in words).encode()
    assert b"SESSION_SECRET \xc2\xabsecret SESSION_SECRET" in terminal  # the app printed it, and the log was looked at
    place.get(APP, f"/environment?word={quote(SECOND)}")
    searched = dict(everywhere(place))
    assert {"registry.db", "prefect/prefect.db", "Redis", "requests to models", "command lines"} <= set(searched)
    assert {"data/logs/runner.log", "data/logs/access.log", "data/encryption.key", f"objects of {APP}.git"} <= set(searched)
    assert any(name.startswith("data/prefect/storage/") for name in searched)
    assert ("layers of all images" in searched) is (place.engine == "docker")
    assert canaries.found([*searched.items(), ("terminal", [terminal])]) == []


def test_a_value_at_rest_is_ciphertext_whose_key_is_a_file_for_its_owner_alone(place: Installation, changed: Rotation) -> None:
    stored = at_rest.stored_block(place, f"slipway-{APP}-door-password")
    assert not Canaries(FIRST).sing([stored.encode()])
    assert at_rest.keys_in_database(place) == []
    assert FIRST in at_rest.opened(place, stored)  # who has the folder has the secrets
    modes = {path: at_rest.mode(path) for path in (place.data, place.data / "encryption.key", socket_folder(place.data))}
    assert list(modes.values()) == [0o700, 0o600, 0o700]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can ask as another user")
def test_another_user_of_the_machine_reads_no_file_and_is_answered_by_the_api(place: Installation, changed: Rotation) -> None:
    place.home.chmod(0o755)  # the data folder shall stand alone
    try:
        for words in (("cat", place.data / "encryption.key"), ("cat", place.data / "registry.db"), ("ls", place.data)):
            refused = at_rest.as_nobody(*map(str, words))
            assert (refused.returncode != 0, refused.stdout, b"Permission denied" in refused.stderr) == (True, b"", True)
    finally:
        place.home.chmod(0o700)
    assert b"Permission denied" in at_rest.as_nobody("ls", str(socket_folder(place.data))).stderr
    told = at_rest.asked_by_nobody(place, f"slipway-{APP}-door-password")
    assert "401 Unauthorized" in told
    assert json.dumps(FIRST)[1:-1] not in told


def test_a_leak_in_any_of_these_places_is_found(place: Installation, canaries: Canaries) -> None:
    """The control: one value is planted in each kind of place, each time in another form."""
    planted = dict(plant(place))
    found = set(canaries.found(everywhere(place)))
    assert set(planted) <= found, (set(planted) - found, found)
    assert canaries.found([("prompts", prompts([replace(place.asked[-1], body={"messages": [f"say {SECOND}"]})]))])


def plant(place: Installation) -> Iterator[tuple[str, None]]:
    """Plant leaks, and yield the names of the places in which they must be found."""
    (place.data / "logs" / "planted.log").write_bytes(b"x" * (1 << 22) + base64.b64encode(f"a{FIRST}b".encode()))
    yield "data/logs/planted.log", None
    line = AuditLine(project=APP, at=datetime.now(UTC), actor="test", what=SECOND.encode().hex())
    place.registry(lambda registry: registry.audit(line))
    yield "registry.db", None
    variable = {"name": "planted", "value": quote(WRECKING, safe="")}
    with place.prefect_api() as api:
        api.post("/variables/", json=variable).raise_for_status()
    yield "prefect/prefect.db", None
    with Redis.from_url(place.up.redis_url) as redis:
        redis.rpush("planted", SECOND)
    yield "Redis", None
    repository = place.data / "git" / f"{APP}.git"
    b"".join(said("git", "-C", str(repository), "hash-object", "-w", str(place.data / "logs" / "planted.log")))
    yield f"objects of {APP}.git", None
    if place.engine == "docker":
        yield from plant_in_images(place)


def plant_in_images(place: Installation) -> Iterator[tuple[str, None]]:
    """Make an image of the app's own with one value in a layer, and another in its environment."""
    label = f"slipway.installation={place.name}"
    image = docker("image", "ls", "-q", "--filter", f"label={label}", "--filter", f"label=slipway.project={APP}")[0]
    (container,) = docker("create", image, "true")
    leak = place.home / "leak"
    leak.write_text(FIRST)
    docker("cp", str(leak), f"{container}:/leak")
    (leaking,) = docker("commit", "--change", f"ENV LEAK={base64.b64encode(SECOND.encode()).decode()}", container)
    docker("rm", container)
    leak.unlink()
    short = leaking.removeprefix("sha256:")[:12]
    yield f"image {short}", None
    yield "layers of all images", None
