"""Where everything has to run, no skip hides that something did not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SKIPS = """
import pytest

@pytest.mark.skipif(True, reason="no engine")
def test_marked(): ...

def test_while_it_runs():
    pytest.skip("no Postgres")

@pytest.fixture
def server():
    pytest.skip("no server")

def test_in_its_fixture(server): ...

def test_that_runs(): ...
"""


@pytest.mark.parametrize(("required", "ends"), [("", "1 passed, 3 skipped"), ("1", "1 failed, 1 passed, 2 errors")])
def test_skip_of_any_kind_is_a_failure_where_docker_is_required(tmp_path: Path, required: str, ends: str) -> None:
    (tmp_path / "conftest.py").write_text("from tests.conftest import pytest_runtest_makereport\n")
    (tmp_path / "test_skips.py").write_text(SKIPS)
    here = Path(__file__).parents[1]
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", str(tmp_path)]
    environment = {
        **os.environ,
        "SLIPWAY_REQUIRE_DOCKER": required,
        "PYTHONPATH": str(here),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
    said = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert ends in said.stdout, said.stdout + said.stderr
    assert (said.returncode != 0) is bool(required)
    assert ("nothing may be skipped here" in said.stdout) is bool(required)
