"""A project's code as a zip: what was accepted last, whole, and over nobody's file."""

import os
import zipfile
from pathlib import Path

import pytest

from blocks.git.archives import write_zip
from blocks.git.block import BareGitHost
from domain.errors import BadInput, UnknownObject
from tests.fakes.git_server import git


async def test_zip_has_the_code_of_main_and_is_never_written_over_a_file(tmp_path: Path) -> None:
    host, work, target = BareGitHost(folder=str(tmp_path / "git")), tmp_path / "work", tmp_path / "notes.zip"
    work.mkdir()
    await host.create("notes")
    with pytest.raises(BadInput, match="no code yet"):
        await write_zip(tmp_path / "git", "notes", target)
    (work / "app.py").write_text("accepted")
    made = await host.commit_tree("notes", work, branch="main", parent=None, message="one", author="a <a@b.c>")
    (work / "app.py").write_text("not accepted")
    await host.commit_tree("notes", work, branch="run/r-1", parent=made.sha, message="two", author="a <a@b.c>")
    await write_zip(tmp_path / "git", "notes", target)
    with zipfile.ZipFile(target) as archive:
        assert archive.read("notes/app.py") == b"accepted"
        archive.extract("notes.bundle", tmp_path / "work")
    git(tmp_path / "work", "clone", "-q", "notes.bundle", "mine")
    assert git(tmp_path / "work" / "mine", "log", "--all", "--format=%D %s") == "HEAD -> main, origin/main, origin/HEAD one"
    with pytest.raises(BadInput, match="already"):
        await write_zip(tmp_path / "git", "notes", target)
    with pytest.raises(BadInput, match="nothing can be written"):
        await write_zip(tmp_path / "git", "notes", tmp_path / "nowhere" / "notes.zip")
    with pytest.raises(UnknownObject):
        await write_zip(tmp_path / "git", "bot", tmp_path / "bot.zip")  # reserved: an older project may be called so
    assert sorted(os.listdir(tmp_path)) == ["git", "notes.zip", "work"]
