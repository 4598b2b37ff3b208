"""A kind of project is a folder: what it says is all that Slipway knows of it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from domain.errors import BadInput
from tasks.kinds import TEMPLATES, kind_named, kinds
from tasks.preparer import render
from tests.tasks.conftest import brief

ROOMS = ("domain", "blocks", "tasks", "flows", "deployments")
ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of templates with one kind that Slipway has never heard of."""
    kind = tmp_path / "carrier-pigeon"
    (kind / "template").mkdir(parents=True)
    (kind / "kind.toml").write_text(
        'description = "Birds that carry notes."\nprocess = "loft"\nchat = true\nguide = "Feed them."\n'
    )
    (kind / "copier.yml").write_text("_subdirectory: template\n_templates_suffix: .jinja\nslug:\n  type: str\n")
    (kind / "template" / "Procfile.jinja").write_text("loft: fly {{ slug }}\n")
    return tmp_path


def test_folder_is_all_that_a_kind_needs(folder: Path, tmp_path: Path) -> None:
    [pigeon] = kinds(folder)

    assert (pigeon.name, pigeon.process, pigeon.chat, pigeon.guide) == ("carrier-pigeon", "loft", True, "Feed them.")
    assert kind_named("carrier-pigeon", folder) == pigeon
    (tmp_path / "made").mkdir()
    render(pigeon, brief(), tmp_path / "made")
    assert (tmp_path / "made" / "Procfile").read_text() == "loft: fly notes\n"


def test_unknown_kind_is_refused_with_what_there_is(folder: Path) -> None:
    with pytest.raises(BadInput, match="there is no kind 'web-service': choose one of carrier-pigeon"):
        kind_named("web-service", folder)


@pytest.mark.parametrize("name", [kind.name for kind in kinds()])
def test_project_takes_no_configuration_of_tests_from_the_folders_above_it(name: str, tmp_path: Path) -> None:
    """As seen in `make demo` without Docker: its data folder lies in our own repository, whose warnings are errors."""
    (tmp_path / "pyproject.toml").write_text('[tool.pytest.ini_options]\nfilterwarnings = ["error"]\n')
    made = tmp_path / "data" / "made"
    made.mkdir(parents=True)
    render(kind_named(name), brief(), made)
    argv = [sys.executable, "-m", "pytest", "--collect-only", "-p", "no:cacheprovider"]
    bare = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    said = subprocess.run(argv, cwd=made, env=bare, capture_output=True, text=True, check=False, timeout=120).stdout
    assert f"rootdir: {made}\nconfigfile: pytest.ini\n" in said, said


@pytest.mark.parametrize("name", [kind.name for kind in kinds()])
def test_no_room_names_a_kind(name: str) -> None:
    named = re.compile(rf"(?<![\w-]){name}(?![\w-])")
    sources = [path for room in ROOMS for path in (ROOT / room).rglob("*.py") if TEMPLATES not in path.parents]
    assert [str(path) for path in sources if named.search(path.read_text("utf-8"))] == []
