"""The platform writes a plan's addons into app.json; a change of the developer's own is still refused."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from blocks.git.block import BareGitHost
from domain.addons import addons_of
from domain.resources import ResourceKind
from tasks.addons import write_addons

BASE = '{"name": "notes", "formation": {"web": {"quantity": 1}}}\n'
PLANNED = (ResourceKind.POSTGRES,)


async def commits(folder: Path, *texts: str) -> tuple[BareGitHost, list[str]]:
    """Commit these texts of app.json one after the other, and return their commits."""
    git, parent, made = BareGitHost(folder=str(folder / "git")), None, []
    await git.create("notes")
    for number, text in enumerate(texts):
        tree = folder / f"tree-{number}"
        tree.mkdir()
        (tree / "app.json").write_text(text)
        commit = await git.commit_tree("notes", tree, branch="main", parent=parent, message="m", author="a <a@b>")
        parent = commit.sha
        made.append(commit.sha)
    return git, made


async def test_planned_addons_are_in_the_commit_and_the_rest_of_the_file_stays(tmp_path: Path) -> None:
    git, [base] = await commits(tmp_path, BASE)
    (tmp_path / "app.json").write_text(BASE)
    for _ in range(2):
        assert await write_addons("notes", tmp_path, (base, base), PLANNED, git)
    text = (tmp_path / "app.json").read_text()
    assert json.loads(text) == {**json.loads(BASE), "addons": ["postgres"]}


async def test_later_plan_adds_to_what_an_earlier_round_has_written(tmp_path: Path) -> None:
    git, [base] = await commits(tmp_path, BASE)
    (tmp_path / "app.json").write_text(BASE)
    await write_addons("notes", tmp_path, (base, base), PLANNED, git)
    (tmp_path / "again").mkdir()
    git, [base, began] = await commits(tmp_path / "again", BASE, (tmp_path / "app.json").read_text())
    assert await write_addons("notes", tmp_path, (base, began), [*PLANNED, ResourceKind.REDIS], git)
    assert [addon.kind for addon in addons_of((tmp_path / "app.json").read_text())] == [*PLANNED, ResourceKind.REDIS]


def edited(file: Path) -> None:
    file.write_text('{"name": "notes", "addons": ["postgres", "redis"]}')


def linked(file: Path) -> None:
    file.unlink()
    file.symlink_to("elsewhere.json")


@pytest.mark.parametrize("change", [edited, linked, Path.unlink])
async def test_developers_own_change_stays_as_it_is_and_is_not_the_platforms(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    git, [base] = await commits(tmp_path, BASE)
    file = tmp_path / "app.json"
    file.write_text(BASE)
    change(file)
    before = file.read_text() if file.is_file() else None
    assert not await write_addons("notes", tmp_path, (base, base), PLANNED, git)
    assert (file.read_text() if file.is_file() else None) == before


async def test_plan_without_addons_leaves_the_file_alone(tmp_path: Path) -> None:
    git, [base] = await commits(tmp_path, BASE)
    edited(tmp_path / "app.json")
    assert not await write_addons("notes", tmp_path, (base, base), (), git)
    assert addons_of((tmp_path / "app.json").read_text())
