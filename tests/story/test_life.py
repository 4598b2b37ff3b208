"""The life of one app, on either engine: built, changed, broken, brought back, taken down.

Each step is a fixture that stands on the one before, so that any test can be run alone. Where the engine plays no part it
is local processes, and there all of that life is led from elsewhere, by the HTTP API; a preview, whose copy of the data each
engine makes in its own way, is looked at where people get it: in containers. The conformance suite of
`tests/blocks/test_app_data.py` holds the copies of both to the same.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from blocks.plain_http import plain_client
from domain.releases import ReleaseState
from domain.runs import Notification
from tests.story import preview_tale, tales
from tests.story.installation import Installation, Spoken, docker, until
from tests.story.test_ends import stopped

APP = "lengths"
MILES = "/convert?value=2&unit=mile&to=m"
YARDS = "/convert?value=2&unit=yard&to=m"
BREAKS = {
    "process": ("/spill", "requests were answered with an error of the server"),
    "docker": ("/pause", "/health answers 503"),
}
"""By engine: what breaks the app (errors for people while it is healthy; its own word), and what is complained of."""
PACE = 0.02
"""Seconds between two requests of the steady load."""
ON_PROCESSES = pytest.mark.parametrize("place", ["process"], indirect=True)
ON_DOCKER = pytest.mark.parametrize("place", [pytest.param("docker", marks=pytest.mark.docker)], indirect=True)

pytestmark = pytest.mark.story


@pytest.fixture(scope="module", params=["process", pytest.param("docker", marks=pytest.mark.docker)])
def place(request: pytest.FixtureRequest) -> Installation:
    found: Installation = request.getfixturevalue("from_elsewhere" if request.param == "process" else "on_docker")
    return found


@pytest.fixture(scope="module")
def waiting(place: Installation) -> list[str]:
    """Return the spare workers that wait before the first run; local processes have none."""
    if place.engine != "docker":
        return []
    return until(place.spares, "a spare worker waits")


@pytest.fixture(scope="module")
def built(place: Installation, waiting: list[str]) -> Spoken:
    return place.say("new", tales.NEW.request, "--yes", "--json")


@pytest.fixture(scope="module")
def refused_rollback(place: Installation, built: Spoken) -> Spoken:
    return place.say("rollback", APP)


@pytest.fixture(scope="module")
def breaking_change(place: Installation, refused_rollback: Spoken) -> Spoken:
    return place.say("change", APP, tales.BREAKING.request, "--yes", "--json")


@dataclass
class Load:
    """What happened to a steady stream of requests."""

    good: int
    bad: list[str]


@pytest.fixture(scope="module")
def good_change(place: Installation, refused_rollback: Spoken) -> tuple[Spoken, Load]:
    command = place.start("change", APP, tales.FEET.request, "--yes", "--json")
    load = asyncio.run(steady_load(place, lambda: command.poll() is not None))
    return place.heard(command), load


@pytest.fixture(scope="module")
def by_hand(place: Installation, good_change: tuple[Spoken, Load]) -> Spoken:
    return place.say("rollback", APP, "--reason", "feet are vulgar", "--json")


@pytest.fixture(scope="module")
def broken(place: Installation, by_hand: Spoken) -> int:
    """Deliver once more, break what is live, and go on asking it; return the number of the broken release."""
    changed = place.say("change", APP, tales.INCHES.request, "--yes", "--json")
    assert changed.code == 0, changed
    bad = place.live(APP)
    assert bad is not None
    assert place.post(APP, BREAKS[place.engine][0]).status_code == 200

    def replaced() -> bool:
        place.get(APP, MILES)
        return (found := place.live(APP)) is not None and found.number != bad.number

    until(replaced, "another release serves")
    return bad.number


@pytest.fixture(scope="module")
def previewed(place: Installation, broken: int) -> Spoken:
    """Let the app keep something, and another change be shown first."""
    release = place.live(APP)
    assert release is not None
    docker("exec", f"slipway-{place.name}-{release.identity}", "sh", "-c", "echo 3 ells >/data/pattern")
    return place.say("change", APP, preview_tale.YARDS.request, "--yes", "--json", "--preview")


@pytest.fixture(scope="module")
def looked_at(place: Installation, previewed: Spoken) -> dict[str, Any]:
    """Return what the preview and what serves answer, and write into the preview."""
    assert previewed.code == 0, previewed
    document = place.say("status", APP, "--json").document
    seen = {"status": document, "kept": place.get(f"{APP}-1", "/kept").json(), "live": place.get(APP, YARDS).status_code}
    assert place.post(f"{APP}-1", "/kept").status_code == 200
    return {**seen, "shown": place.get(f"{APP}-1", YARDS).json(), "after": place.get(f"{APP}-1", "/kept").json()}


@pytest.fixture(scope="module")
def confirmed(place: Installation, looked_at: dict[str, Any]) -> list[Spoken]:
    return [place.say("preview", "confirm", APP, "--json") for _ in range(2)]


@pytest.fixture(scope="module")
def taken_down(place: Installation, broken: int, request: pytest.FixtureRequest) -> Spoken:
    if place.engine == "docker":
        request.getfixturevalue("confirmed")
    return place.say("down", APP, "--yes")


async def steady_load(place: Installation, ended: Callable[[], bool]) -> Load:
    """Ask about fifty times a second until `ended`, and a little longer."""
    load, waiting = Load(0, []), set[asyncio.Task[None]]()
    url, headers = place.url(MILES), place.host(APP)
    limits = httpx.Limits(max_connections=40)
    async with plain_client(timeout=60, limits=limits) as client:

        async def ask() -> None:
            try:
                answer = await client.get(url, headers=headers)
            except httpx.HTTPError as error:
                load.bad.append(repr(error))
                return
            if answer.status_code == 200 and answer.json() == {"result": 3218.688}:
                load.good += 1
            else:
                load.bad.append(f"{answer.status_code} {answer.text[:200]}")

        began = time.monotonic()
        while not ended() and time.monotonic() - began < 280:
            task = asyncio.create_task(ask())
            waiting.add(task)
            task.add_done_callback(waiting.discard)
            await asyncio.sleep(PACE)
        await asyncio.gather(*waiting)
    return load


def test_a_request_becomes_an_app_after_a_failing_round(place: Installation, built: Spoken) -> None:
    assert built.code == 0, built
    run = built.document
    assert (run["state"], run["project"], run["rounds"]) == ("delivered", APP, 2)
    assert len(run["reports"]) == 2
    assert "failed" in run["reports"][0]
    assert run["calls"] == 8


def test_the_developers_worker_was_waiting_already_and_another_waits_now(
    place: Installation, waiting: list[str], built: Spoken
) -> None:
    if place.engine == "docker":
        assert not set(waiting) & set(place.spares())
        assert until(place.spares, "another spare worker waits")


def test_the_app_answers_through_caddy(place: Installation, built: Spoken) -> None:
    assert built.document["address"] == f"http://{APP}.localhost:{place.up.http_port}"
    answer = place.get(APP, MILES)
    assert (answer.status_code, answer.json()) == (200, {"result": 3218.688})


def test_no_other_machine_reaches_anything_but_caddy(place: Installation, built: Spoken) -> None:
    assert place.open_to_others() == {("caddy", place.up.http_port)}
    if place.engine == "docker":
        label = f"label=slipway.installation={place.name}"
        assert not [ports for ports in docker("ps", "--format", "{{.Ports}}", "--filter", label) if "->" in ports]


def test_the_prefect_ui_tells_the_story_of_the_run(place: Installation, built: Spoken) -> None:
    run = built.document["run"]
    flow_runs = until(lambda: completed(place, built), "the flow runs of a told end are completed")
    assert {f"engineer {APP}", f"test {APP} round 2", f"deploy {APP}"} <= set(flow_runs)
    assert [name for name, found in flow_runs.items() if not {f"project:{APP}", f"run:{run}"} <= set(found["tags"])] == []
    kinds = {artifact["key"]: artifact["type"] for artifact in place.artifacts(built.document)}
    wanted = ("brief", "plan", "tests-1", "tests-2", "diff-1", "diff-2", "cost")
    texts = {f"{name}-{run}" for name in wanted} | {f"release-{APP}-1"}
    assert texts <= {key for key, kind in kinds.items() if kind == "markdown"}, kinds
    assert {f"developer-{number}-{run}": "progress" for number in (1, 2)}.items() <= kinds.items(), kinds


def completed(place: Installation, told: Spoken) -> dict[str, dict[str, Any]] | None:
    """Return the run's flow run and its subflows by name, once Prefect knows the end of all."""
    found = place.flow_runs(told.document)
    return {each["name"]: each for each in found} if {each["state_type"] for each in found} == {"COMPLETED"} else None


def test_commands_tell_where_the_app_is_what_ran_and_what_it_prints(place: Installation, built: Spoken) -> None:
    run, address = built.document["run"], built.document["address"]
    assert place.get(APP, MILES).status_code == 200
    opened = place.say("open", APP)
    assert (opened.code, opened.out) == (0, f"{address}\n")
    [listed] = [each for each in place.say("runs", "--json").document["runs"] if each["run"] == run]
    assert (listed["project"], listed["state"], listed["address"]) == (APP, "delivered", address)
    assert run in place.say("runs").out
    release = place.live(APP)
    assert release is not None
    said, _, printed = place.say("logs", APP).out.partition(f"--- release {release.number} prints:\n")
    assert said.startswith("--- r-")
    assert "Uvicorn running on" in printed
    assert f"GET {MILES}" in printed


def test_a_first_release_cannot_be_rolled_back_and_stays(place: Installation, refused_rollback: Spoken) -> None:
    assert refused_rollback.code not in (0, 70)
    assert "has no earlier good release" in refused_rollback.out + refused_rollback.err
    first = place.releases(APP)[-1]
    assert (first.number, first.went_live is not None) == (1, True)


@ON_PROCESSES
def test_a_change_that_breaks_an_earlier_check_never_goes_live(place: Installation, breaking_change: Spoken) -> None:
    run = breaking_change.document
    assert (breaking_change.code, run["state"]) == (3, "waiting"), breaking_change
    assert stopped(place, run)["state"] == "failed"
    assert "the same failure came twice" in run["message"]
    assert "not mile-http, mile-unseen" in run["reports"][-1]
    assert run["run"] not in {release.run for release in place.releases(APP)}


def test_a_good_change_replaces_the_app_without_a_lost_request(place: Installation, good_change: tuple[Spoken, Load]) -> None:
    changed, load = good_change
    assert changed.code == 0, changed
    assert load.bad == []
    assert load.good > 200
    assert changed.document["rounds"] == 1


def test_a_rollback_by_hand_serves_the_release_before(place: Installation, by_hand: Spoken) -> None:
    assert by_hand.code == 0, by_hand
    assert (by_hand.document["outcome"], by_hand.document["bad"], by_hand.document["good"]) == ("rolled back", 2, 1)
    assert {r.number: r.state for r in place.releases(APP)}[2] is ReleaseState.ROLLED_BACK


def test_a_broken_app_comes_back_with_nobodys_help(place: Installation, broken: int) -> None:
    good = place.live(APP)
    assert (broken, good and good.number) == (3, 1)
    assert until(lambda: place.get(APP, "/units").json() == ["m", "mile"], "the old release answers")
    assert (place.get(APP, "/health").status_code, place.get(APP, MILES).status_code) == (200, 200)
    told = until(lambda: [n for n in notifications(place) if n.key == f"{APP}:rollback-3-1"], "the person is told")
    assert len(told) == 1
    assert "was taken back because it was unhealthy: " in told[0].text
    assert BREAKS[place.engine][1] in told[0].text
    until(lambda: "rollback of release 3 to 1" in place.say("history", APP).out, "the history knows")
    assert BREAKS[place.engine][1] in place.say("history", APP).out


@ON_DOCKER
def test_a_change_is_shown_beside_what_serves_with_a_copy_of_its_data(
    place: Installation, previewed: Spoken, looked_at: dict[str, Any]
) -> None:
    address = f"http://{APP}-1.localhost:{place.up.http_port}"
    assert f"can be looked at as preview 1: {address} until" in previewed.document["message"]
    assert f"`slipway preview confirm {APP} 1`" in previewed.document["message"]
    [shown] = looked_at["status"]["previews"]
    assert (shown["state"], shown["running"], shown["address"]) == ("up", True, address)
    assert not [check for check in looked_at["status"]["checks"] if "yard" in check]
    assert (looked_at["kept"], looked_at["live"], looked_at["shown"]) == (["pattern"], 404, {"result": 1.8288})
    assert looked_at["after"] == ["pattern", "scribble"]


@ON_DOCKER
def test_what_was_looked_at_goes_live_once_with_the_data_that_is_there(
    place: Installation, looked_at: dict[str, Any], confirmed: list[Spoken]
) -> None:
    first, second = confirmed
    assert (first.code, first.document["run"]) == (0, second.document["run"]), confirmed
    release = place.live(APP)
    assert release is not None
    [shown] = looked_at["status"]["previews"]
    assert (release.number, release.run, release.candidate) == (4, first.document["run"], shown["candidate"])
    assert place.get(APP, "/kept").json() == ["pattern"]
    document = place.say("status", APP, "--json").document
    assert (document["title"], document["previews"]) == ("Grandmother's yards", [])
    assert [check for check in document["checks"] if "yard" in check]
    assert place.get(f"{APP}-1", "/health").status_code == 404


def notifications(place: Installation) -> Sequence[Notification]:
    return place.registry(lambda registry: registry.unsent(place.door))


def test_down_leaves_nothing_of_the_project(place: Installation, taken_down: Spoken) -> None:
    assert taken_down.code == 0, taken_down
    assert place.get(APP, MILES).status_code == 404
    assert not (place.data / "git" / f"{APP}.git").exists()
    assert place.say("status", APP).code == 2
    if place.engine == "docker":
        labels = ("--filter", f"label=slipway.installation={place.name}", "--filter", f"label=slipway.project={APP}")
        kinds = {"container": ["-a"], "volume": [], "network": [], "image": []}
        left = {kind: docker(kind, "ls", "-q", *more, *labels) for kind, more in kinds.items()}
        assert not any(left.values()), left
        assert not set(place.containers(running=False)) - set(place.spares())
    else:
        assert not [path for path in (place.data / "engine").rglob("*") if path.name.startswith(APP)]
