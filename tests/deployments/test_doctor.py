"""`slipway doctor`: what it finds, the cure it names, and its exit code."""

import json
from pathlib import Path
from typing import Any

import pytest

from deployments.commands.table import run
from deployments.terminal import DONE, FAILED_RUN


@pytest.fixture(autouse=True)
def sound_machine(no_settings: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Choose what does not depend on this machine: free ports, ordinary processes, a folder that is not there yet."""
    for name, value in {"HOME": tmp_path / "home", "ENGINE": "process", "HTTP_PORT": 0, "PREFECT_PORT": 0}.items():
        monkeypatch.setenv(f"SLIPWAY_{name}", str(value))


def findings(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, Any]]:
    """Return the findings of the one document on stdout, by name."""
    out, _ = capsys.readouterr()
    return {finding["name"]: finding for finding in json.loads(out)["findings"]}


def test_what_is_missing_is_told_with_its_cure_and_the_command_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor"]) == FAILED_RUN
    lines = capsys.readouterr().out.splitlines()
    model = next(number for number, line in enumerate(lines) if "no ANTHROPIC_API_KEY" in line)
    assert lines[model].startswith("✗ model")
    assert "→ export ANTHROPIC_API_KEY=" in lines[model + 1]
    assert lines[-1] == "1 to mend"


def test_json_is_one_document_with_every_finding(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--json"]) == FAILED_RUN
    found = findings(capsys)
    assert [name for name, finding in found.items() if finding["ok"] is False] == ["model"]
    assert {"python", "prefect", "git", "redis-server", "caddy", "data folder", "disk", "engine", "telegram"} <= set(found)
    assert found["engine"]["found"] == "ordinary processes, NOT isolated (SLIPWAY_ENGINE=process)"
    assert found["data folder"]["found"].endswith("(will be made by `slipway up`)")


def test_machine_that_lacks_nothing_is_sound(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-canary")
    assert run(["doctor", "--json"]) == DONE
    out = capsys.readouterr().out
    assert '"ok": false' not in out
    assert "sk-ant-canary" not in out


def test_docker_that_was_demanded_and_is_absent_is_to_mend(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLIPWAY_ENGINE", "docker")
    monkeypatch.setenv("SLIPWAY_DOCKER_HOST", "tcp://127.0.0.1:9")
    assert run(["doctor", "--json"]) == FAILED_RUN
    engine = findings(capsys)["engine"]
    assert (engine["ok"], engine["found"]) == (False, "no Docker engine answers")
    assert "docker.io" in engine["cure"]
