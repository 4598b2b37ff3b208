"""Attachments in the data folder: a person's, then a run's, and the janitor takes either without the other."""

import hashlib
from pathlib import Path

import pytest

from blocks.attachment_files import AttachmentFiles
from blocks.kept_records import KeptRecords
from domain.attachments import Attachment, AttachmentRefused, Kind, owner_of
from tests.blocks.test_zips import zipped

ANN = owner_of("telegram:1")


def made(name: str, content: bytes, kind: Kind = "text") -> Attachment:
    return Attachment(name=name, kind=kind, digest=hashlib.sha256(content).hexdigest(), owner=ANN, bytes=len(content))


async def test_what_a_run_was_given_stays_when_the_persons_own_is_gone(tmp_path: Path) -> None:
    files, records = AttachmentFiles(tmp_path), KeptRecords(tmp_path, "ours")
    csv = made("prices.csv", b"a;b")
    await files.keep(csv, b"a;b")
    await files.give("r-1", [csv])
    await files.give("r-1", [csv])
    held = {(each.kind, each.run) for each in await records.held()}
    assert held == {("attachment", csv.digest), ("attachment-of-run", "r-1")}

    assert await records.discard(next(each for each in await records.held() if each.kind == "attachment"))
    with pytest.raises(AttachmentRefused, match="send it again"):
        await files.content(csv)
    await files.give("r-1", [csv])  # given before: nothing is missing
    (tmp_path / "out").mkdir()
    await files.lay_out("r-1", [csv], tmp_path / "out")
    assert (tmp_path / "out" / "prices.csv").read_bytes() == b"a;b"
    with pytest.raises(AttachmentRefused, match="send it again"):
        await files.give("r-2", [csv])


async def test_a_zip_is_laid_out_unpacked(tmp_path: Path) -> None:
    files, content = AttachmentFiles(tmp_path), zipped(("pages/index.html", b"<p>"), ("a.txt", b"x"))
    site = made("site.zip", content, "zip")
    await files.keep(site, content)
    await files.give("r-1", [site])
    (tmp_path / "out").mkdir()
    await files.lay_out("r-1", [site], tmp_path / "out")
    found = {
        str(path.relative_to(tmp_path / "out")): path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()
    }
    assert found == {"site/pages/index.html": b"<p>", "site/a.txt": b"x"}


async def test_a_file_that_the_disk_has_spoilt_counts_as_gone(tmp_path: Path) -> None:
    files, csv = AttachmentFiles(tmp_path), made("prices.csv", b"a;b")
    await files.keep(csv, b"a;b")
    (tmp_path / "attachments" / "people" / ANN / csv.digest).write_bytes(b"")
    with pytest.raises(AttachmentRefused, match="not kept"):
        await files.content(csv)


async def test_a_person_keeps_only_so_much_and_the_oldest_go_first(tmp_path: Path) -> None:
    files = AttachmentFiles(tmp_path, person_bytes=5)
    old, new = made("old.txt", b"old"), made("new.txt", b"new")
    await files.keep(old, b"old")
    await files.keep(new, b"new")
    assert await files.content(new) == b"new"
    with pytest.raises(AttachmentRefused, match="not kept"):
        await files.content(old)
