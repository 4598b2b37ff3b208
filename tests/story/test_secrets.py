"""A secret that only its person has: asked for, waited for without a process, given to the app and written down nowhere."""

import base64
import json
import subprocess
from pathlib import Path

import psutil
import pytest

from tests.story import tales
from tests.story.installation import Installation, Spoken, until

APP = "door"
VALUE = "Kleeblatt-Hufeisen-77~x"
FORMS = (VALUE, base64.b64encode(VALUE.encode()).decode(), VALUE.encode().hex())
"""As it may be written down, as it is or encoded."""

pytestmark = pytest.mark.story


@pytest.fixture(scope="module")
def waiting(on_processes: Installation) -> Spoken:
    return on_processes.say("new", tales.DOOR.request, "--yes", "--json")


@pytest.fixture(scope="module")
def given(on_processes: Installation, waiting: Spoken) -> Spoken:
    """Give the value from standard input, and wait until the run has ended by itself."""
    said = on_processes.say("secret", "set", APP, "DOOR_PASSWORD", stdin=VALUE + "\n")
    until(lambda: on_processes.runs(APP)[0]["ended"], "the run has ended")
    return said


def test_a_run_that_lacks_a_secret_waits_without_a_process(on_processes: Installation, waiting: Spoken) -> None:
    run = waiting.document
    assert (waiting.code, run["state"], run["waits_for"]) == (3, "waiting", ["DOOR_PASSWORD"])
    assert f"slipway secret set {APP} DOOR_PASSWORD" in run["message"]
    flow_run = run["flow_run"].rpartition("/")[2]
    until(lambda: not processes_of(on_processes, run["run"], flow_run), "no process works for the run")


def processes_of(place: Installation, *names: str) -> list[psutil.Process]:
    """Return the processes that work for a run: its fork and its workers."""

    def told(process: psutil.Process) -> str:
        try:
            return " ".join((*process.cmdline(), *process.environ().values()))
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return ""

    return [process for process in place.processes() if any(name in told(process) for name in names)]


def test_the_secret_sets_the_run_going_to_its_end(on_processes: Installation, given: Spoken) -> None:
    assert given.code == 0, given
    run = on_processes.runs(APP)[0]
    assert (run["state"], run["waits_for"]) == ("delivered", []), run
    assert run["run"] in given.out


def test_the_app_got_the_value(on_processes: Installation, given: Spoken) -> None:
    assert on_processes.post(APP, "/door", {"word": "barley"}).status_code == 403
    assert on_processes.post(APP, "/door", {"word": VALUE}).json() == {"door": "open"}


def test_the_value_is_written_down_nowhere(on_processes: Installation, given: Spoken) -> None:
    assert VALUE not in given.out + given.err
    forms = [form.encode() for form in FORMS]
    # The process engine's own folder holds the environment with which it starts the app again: owner only, by design.
    engine = on_processes.data / "engine"
    files = [path for path in on_processes.home.rglob("*") if path.is_file() and engine not in path.parents]
    assert {"prefect.db", "registry.db", "runner.log"} <= {path.name for path in files}
    found = [path for path in files if any(form in content(path) for form in forms)]
    assert found == []
    assert not any(form in history(on_processes.data / "git" / f"{APP}.git") for form in forms)


def content(path: Path) -> bytes:
    """Return what is in the file; SQLite's shared memory goes with the last connection, perhaps since it was listed."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def history(repository: Path) -> bytes:
    """Return the content of every object that the repository has."""
    command = ["git", "-C", str(repository), "cat-file", "--batch-all-objects", "--batch"]
    held = subprocess.run(command, capture_output=True, check=True).stdout
    assert b"DOOR_PASSWORD" in held
    return held


def test_no_model_and_no_api_saw_the_value(on_processes: Installation, given: Spoken) -> None:
    run = on_processes.runs(APP)[0]
    flow_runs, artifacts, lines = on_processes.flow_runs(run), on_processes.artifacts(run), on_processes.logs(run)
    prompts = [json.dumps(asked.body, ensure_ascii=False) for asked in on_processes.asked]
    assert f"deploy {APP}" in [flow_run["name"] for flow_run in flow_runs]
    assert artifacts
    assert lines
    assert any(tales.DOOR.request in prompt for prompt in prompts)
    for seen in (flow_runs, artifacts, lines, prompts):
        assert not any(form in str(seen) for form in FORMS)
