"""The documents say what is true: commands, settings, dependencies, links and pictures that they name exist."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import typer

from deployments.commands.table import app
from deployments.settings import Settings, variable

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
DOCUMENTS = (README, ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md")))
NOT_OURS = {"templates", "mutant_runner.py"}
"""What runs in generated projects, with their libraries."""
ROOMS = ("domain", "blocks", "tasks", "flows", "deployments")
PICTURE_LIMIT = 300_000
INDEX_HOSTS = tuple(".".join(parts) for parts in (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("npmjs", "com")))


def code_in(document: Path) -> str:
    """Return what stands in backticks or indented as code."""
    text = document.read_text("utf-8")
    indented = [line for line in text.splitlines() if line.startswith("    ")]
    return "\n".join([*re.findall(r"`([^`]+)`", text), *indented])


def commands() -> dict[str, set[str]]:
    """Return the command line's commands, with the subcommands of those that have some."""
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    return {name: set(getattr(command, "commands", {})) for name, command in group.commands.items()}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_named_commands_exist(document: Path) -> None:
    known = commands()
    for name, word in re.findall(r"(?:^|[\s/])slipway ([a-z]+)(?: ([a-z]+))?", code_in(document)):
        assert name in known, f"{document.name} names `slipway {name}`"
        assert not known[name] or not word or word in known[name], f"{document.name} names `slipway {name} {word}`"


def test_every_command_has_its_line() -> None:
    named = set(re.findall(r"slipway ([a-z]+)", code_in(ROOT / "docs/commands.md")))
    assert set(commands()) <= named


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_named_make_targets_exist(document: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), flags=re.MULTILINE))
    named = set(re.findall(r"(?:^|[\s=])make ([a-z]+)", code_in(document), flags=re.MULTILINE))
    assert named <= targets


def written_settings() -> dict[str, str]:
    """Return the lines of `.env.example`."""
    lines = (ROOT / ".env.example").read_text("utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def comparable(value: str) -> str:
    """Return one text for `30` and `30.0`, `True` and `true`."""
    return value.lower().removesuffix(".0")


def test_example_has_exactly_the_settings() -> None:
    assert sorted(written_settings()) == sorted(map(variable, Settings.model_fields))


def test_copied_example_changes_nothing() -> None:
    defaults = {variable(name): comparable(str(field.default)) for name, field in Settings.model_fields.items()}
    differ = {name: text for name, text in written_settings().items() if text and comparable(text) != defaults[name]}
    assert differ == {}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_named_settings_exist(document: Path) -> None:
    known = set(map(variable, Settings.model_fields))
    assert set(re.findall(r"\bSLIPWAY_[A-Z_]+\b", document.read_text("utf-8"))) <= known


def test_every_dependency_has_its_line() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = sorted(re.split(r"[\[<>=~! ]", line, maxsplit=1)[0] for line in wanted)
    lines = re.findall(r"^\| `([a-z0-9-]+)` \|", (ROOT / "docs/dependencies.md").read_text("utf-8"), flags=re.MULTILINE)
    assert sorted(lines) == names


def imported(file: Path) -> set[str]:
    """Return the first names of the modules that a file imports."""
    nodes = list(ast.walk(ast.parse(file.read_text("utf-8"))))
    modules = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    modules += [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    return {module.partition(".")[0] for module in modules}


def test_every_library_that_is_imported_is_a_dependency_by_its_own_name() -> None:
    lines = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    named = {re.split(r"[\[<>=~! ]", line, maxsplit=1)[0].lower() for line in lines}
    files = [path for room in ROOMS for path in (ROOT / room).rglob("*.py") if not NOT_OURS & {*path.parts}]
    libraries = set().union(*map(imported, files)) - sys.stdlib_module_names - {*ROOMS}
    owners = packages_distributions()
    assert sorted(name for name in libraries if not named & {owner.lower() for owner in owners[name]}) == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_local_links_and_pictures_exist(document: Path) -> None:
    targets = re.findall(r"\]\(([^)\s#]+)[^)]*\)", document.read_text("utf-8"))
    missing = [target for target in targets if "://" not in target and not (document.parent / target).exists()]
    assert missing == []


def test_pictures_are_small_and_used() -> None:
    text = "".join(document.read_text("utf-8") for document in DOCUMENTS)
    for picture in (ROOT / "docs/pictures").iterdir():
        assert picture.stat().st_size < PICTURE_LIMIT, picture.name
        assert f"pictures/{picture.name}" in text, f"no document shows {picture.name}"


def test_no_file_names_a_package_index() -> None:
    command = ["git", "-C", str(ROOT), "grep", "--fixed-strings", "--files-with-matches"]
    for host in INDEX_HOSTS:
        command += ["-e", host]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 1, f"these name a package index: {found.stdout}{found.stderr}"
