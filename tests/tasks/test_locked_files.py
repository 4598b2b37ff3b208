"""The platform's files against every way to change them that git can record, on real repositories."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from blocks.git.block import BareGitHost
from domain.candidates import Built
from domain.patches import is_locked, locked_files
from tasks.tester import build_candidate
from tests.fakes.engine import FakeEngine

PROJECT = {
    "Dockerfile": "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\n",
    "Procfile": "web: serve\n",
    "app.json": '{"environments": {"test": {"scripts": {"test": "python -m pytest"}}}}\n',
    ".dockerignore": ".git\n",
    ".github/workflows/ci.yml": "on: push\n",
    "app/main.py": "value = 1\n",
}


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def linked_workflows(folder: Path) -> None:
    for path in (".github/workflows/ci.yml", ".github/workflows", ".github"):
        (folder / path).unlink() if (folder / path).is_file() else (folder / path).rmdir()
    write(folder, **{"elsewhere/workflows/ci.yml": "on: push\njobs: {}\n"})
    (folder / ".github").symlink_to("elsewhere")


def in_a_folders_place(folder: Path) -> None:
    (folder / "Dockerfile").unlink()
    write(folder, **{"Dockerfile/main": "FROM scratch\n"})


def linked(folder: Path) -> None:
    (folder / "Dockerfile").unlink()
    write(folder, **{"app/build": "FROM scratch\n"})
    (folder / "Dockerfile").symlink_to("app/build")


CHANGES: dict[str, tuple[Callable[[Path], object], set[str]]] = {
    "edited": (lambda f: write(f, Dockerfile="FROM scratch\n"), {"Dockerfile"}),
    "test command": (lambda f: write(f, **{"app.json": '{"environments": {}}'}), {"app.json"}),
    "deleted": (lambda f: (f / "Procfile").unlink(), {"Procfile"}),
    "renamed": (lambda f: os.rename(f / "Dockerfile", f / "Dockerfile.old"), {"Dockerfile"}),
    "mode": (lambda f: (f / "Dockerfile").chmod(0o755), {"Dockerfile"}),
    "link in its place": (linked, {"Dockerfile"}),
    "folder in its place": (in_a_folders_place, {"Dockerfile", "Dockerfile/main"}),
    "other case": (lambda f: write(f, dockerfile="FROM scratch\n"), {"dockerfile"}),
    "other case of the manifest": (lambda f: write(f, **{"App.JSON": "{}"}), {"App.JSON"}),
    "nested Dockerfile": (lambda f: write(f, **{"app/Dockerfile": "FROM scratch\n"}), {"app/Dockerfile"}),
    "ignore file of BuildKit": (
        lambda f: write(f, **{"Dockerfile.dockerignore": "tests\n"}),
        {"Dockerfile.dockerignore"},
    ),
    "CI workflow": (lambda f: write(f, **{".github/workflows/more.yml": "on: push\n"}), {".github/workflows/more.yml"}),
    "workflow's folder as a link": (linked_workflows, {".github/workflows/ci.yml", ".github"}),
    "workflow in other case": (lambda f: write(f, **{".GitHub/Workflows/a.yml": "x"}), {".GitHub/Workflows/a.yml"}),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_every_change_of_a_platform_file_is_seen_and_never_built(change: str, tmp_path: Path) -> None:
    alter, wanted = CHANGES[change]
    git = BareGitHost(folder=str(tmp_path / "git"))
    await git.create("notes")
    tree = tmp_path / "tree"
    write(tree, **PROJECT)
    base = await git.commit_tree("notes", tree, branch="main", parent=None, message="base", author="a <a@b>")
    alter(tree)
    write(tree, **{"app/main.py": "value = 2\n"})
    done = await git.commit_tree("notes", tree, branch="run/r-1", parent=base.sha, message="work", author="a <a@b>")

    assert set(locked_files(await git.patch("notes", base.sha, done.sha))) == wanted

    engine = FakeEngine(builds=[Built(candidate="sha256:1")])
    await build_candidate.fn("r-abc123", "notes", 1, done.sha, base.sha, git, engine)
    [built] = engine.built
    assert {path: text.decode() for path, text in built.items() if is_locked(path)} == {
        path: text for path, text in PROJECT.items() if is_locked(path)
    }
    assert built["app/main.py"] == b"value = 2\n"


async def test_release_line_of_the_procfile_is_the_developers_and_no_other(tmp_path: Path) -> None:
    git = BareGitHost(folder=str(tmp_path / "git"))
    await git.create("notes")
    tree = tmp_path / "tree"
    write(tree, **PROJECT)
    base = await git.commit_tree("notes", tree, branch="main", parent=None, message="base", author="a <a@b>")
    write(tree, Procfile="web: evil\nrelease: python -m app.migrate\n")
    done = await git.commit_tree("notes", tree, branch="run/r-1", parent=base.sha, message="work", author="a <a@b>")
    engine = FakeEngine(builds=[Built(candidate="sha256:1")])
    await build_candidate.fn("r-abc123", "notes", 1, done.sha, base.sha, git, engine)
    [built] = engine.built
    assert built["Procfile"] == b"web: serve\nrelease: python -m app.migrate\n"


@pytest.mark.parametrize(
    "path", ["app/main.py", "docs/app.json", "Dockerfiles/a", ".github/ISSUE_TEMPLATE/a.md", "x.Dockerfile"]
)
def test_files_with_like_names_are_the_developers_own(path: str) -> None:
    assert not is_locked(path)
