"""What tests of the entry points share."""

from pathlib import Path

import pytest

from deployments.settings import Settings, variable


@pytest.fixture
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Take away every setting that this machine's environment or a `.env` would give."""
    for field in Settings.model_fields:
        monkeypatch.delenv(variable(field), raising=False)
    monkeypatch.chdir(tmp_path)
