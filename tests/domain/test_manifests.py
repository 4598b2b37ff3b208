"""The test command of a project."""

import subprocess
from pathlib import Path

import pytest

from domain.manifests import DEFAULT_TEST_COMMAND, at_the_project, command_of_tests, manifest_from


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('{"environments": {"test": {"scripts": {"test": " make test "}}}}', "make test"),
        ('{"environments": {"test": {"scripts": {"test": ""}}}}', DEFAULT_TEST_COMMAND),
        ('{"environments": {"test": {"scripts": ["x"]}}}', DEFAULT_TEST_COMMAND),
        ('{"environments": []}', DEFAULT_TEST_COMMAND),
        ("", DEFAULT_TEST_COMMAND),
    ],
)
def test_command_comes_from_herokus_schema(text: str, wanted: str) -> None:
    assert command_of_tests(manifest_from(text)) == wanted


def test_command_runs_where_app_json_is_and_its_exit_code_comes_back(tmp_path: Path) -> None:
    (tmp_path / "app.json").write_text("{}")

    done = subprocess.run(at_the_project("pwd; exit 7"), cwd=tmp_path, capture_output=True, text=True, check=False)

    assert (done.stdout.strip(), done.returncode) == (str(tmp_path), 7)
