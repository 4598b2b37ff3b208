"""`slipway proof`: what it shows, and what its exit code says of the signature."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from blocks.installation import Installation
from blocks.proof_key import FILE
from blocks.registry.block import SqlRegistry
from deployments.commands.table import run
from deployments.terminal import BAD_INPUT, DONE, FAILED_RUN
from domain.seen import Seen
from tasks.proof import prove
from tests.deployments.test_cli import Bench, slipway  # noqa: F401  a fixture
from tests.registry_database import lay_registry
from tests.tasks.conftest import brief, request
from tests.tasks.test_proof import FLAKY, JUDGED


async def fill(folder: Path) -> None:
    url = f"sqlite+aiosqlite:///{folder}/registry.db"
    await lay_registry(url)
    registry = SqlRegistry(url=url, budget_micro_usd=5_000_000)
    await registry.add_project(brief(), "anna", "notes.localhost", datetime.now(UTC))
    await registry.add_run(request(), datetime.now(UTC))
    installation = Installation(home=str(folder), engine="docker", model="claude-sonnet-5-5")
    await prove.fn(request(), "c" * 40, JUDGED, Seen().after(FLAKY).flaky, installation, registry)
    await registry.close()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SLIPWAY_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    asyncio.run(fill(tmp_path))
    return tmp_path


def test_a_proof_is_shown_with_its_signature(slipway: Bench, home: Path) -> None:  # noqa: F811
    assert slipway("proof", "notes") == DONE
    for words in ("sha256:1", "It loses data.", "app/a.py:3 a = 1 => a = 2", "list: it is listed", "The signature holds."):
        assert words in slipway.out


def test_what_json_printed_can_be_verified_later_and_a_changed_file_fails(slipway: Bench, home: Path) -> None:  # noqa: F811
    assert slipway("proof", "notes", "--run", "r-000001", "--json") == DONE
    saved, file = json.loads(slipway.out), home / "saved.json"
    assert saved["genuine"] is True
    file.write_text(slipway.out)
    assert slipway("proof", "notes", "--verify", str(file)) == DONE

    saved["proof"]["verdict"] = "all was well"
    file.write_text(json.dumps(saved))
    assert slipway("proof", "notes", "--verify", str(file)) == FAILED_RUN
    assert "DOES NOT HOLD" in slipway.out


def test_saved_proof_is_verified_also_when_nothing_is_up(slipway: Bench, home: Path) -> None:  # noqa: F811
    assert slipway("proof", "notes", "--json") == DONE
    (home / "saved.json").write_text(slipway.out)
    assert run(("proof", "notes", "--verify", str(home / "saved.json"))) == DONE


def test_another_installations_key_does_not_make_it_genuine(slipway: Bench, home: Path) -> None:  # noqa: F811
    (home / FILE).unlink()
    assert slipway("proof", "notes", "--json") == FAILED_RUN
    assert json.loads(slipway.out)["genuine"] is False
    assert not (home / FILE).exists()


def test_what_is_not_there_or_is_no_proof_is_said(slipway: Bench, home: Path) -> None:  # noqa: F811
    assert slipway("proof", "notes", "--run", "r-unknown") == BAD_INPUT
    assert "no proof of run 'r-unknown'" in slipway.err
    (home / "other.json").write_text("{}")
    assert slipway("proof", "notes", "--verify", str(home / "other.json")) == BAD_INPUT
    assert "holds no proof" in slipway.err
