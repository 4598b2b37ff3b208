"""What a person may look at: a change while nothing is proved of it, the code as a zip, which copies run."""

import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deployments.desk.looking import size_of
from domain.runs import DeliveryRequest, Origin
from tests.fakes.desk import FakeDesk, a_brief


def folder_of(folder: Path, files: dict[str, str]) -> Path:
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


async def committed(desk: FakeDesk, folder: Path, branch: str, parent: str | None, **files: str) -> str:
    """Commit a folder of just these files."""
    folder_of(folder, files)
    made = await desk.git.commit_tree("notes", folder, branch=branch, parent=parent, message="work", author="A <a@b.invalid>")
    return made.sha


async def test_change_is_what_the_run_did_also_when_others_were_accepted_meanwhile(desk: FakeDesk, tmp_path: Path) -> None:
    request = DeliveryRequest(
        run="r-aaaaaa", project="notes", change=True, request="x", brief=a_brief("notes", "Notes"), origin=Origin()
    )
    run = await desk.registry.add_run(request, datetime.now(UTC))
    await desk.git.create("notes")
    first = await committed(desk, tmp_path / "1", "main", None, readme="notes\n")
    await committed(desk, tmp_path / "2", f"run/{run.id}", first, readme="notes\n", search="by word\n")
    await committed(desk, tmp_path / "3", "main", first, readme="notes\n", colours="red\n")
    change = await desk.look.change(run)
    assert change is not None
    assert [file.path for file in change.files] == ["search"]
    assert "red" not in change.diff


async def test_zip_is_an_open_file_that_leaves_nothing_behind(
    desk: FakeDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    assert await desk.look.archive("notes") is None
    await desk.git.create("notes")
    await committed(desk, tmp_path / "1", "main", None, readme="notes\n")
    zipped = await desk.look.archive("notes")
    assert zipped is not None
    with zipped:
        assert (size_of(zipped) > 0, list((tmp_path / "temporary").iterdir())) == (True, [])
        assert "notes/readme" in zipfile.ZipFile(zipped).namelist()
