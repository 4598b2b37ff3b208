"""Archives: what we pack comes back the same, with modes of ours. Hostile ones stand in tests/hostile/test_archives.py."""

import io
import os
import stat
import tarfile
from pathlib import Path

import pytest

from blocks.archives import pack, unpack
from domain.errors import UnsafeArchive
from tests.hostile.tars import archive, member

LIMIT = 1_000_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return an empty folder whose neighbour must stay as it is."""
    (tmp_path / "secret").write_text("untouched")
    inside = tmp_path / "inside"
    inside.mkdir()
    return inside


def test_what_is_packed_comes_back_with_bytes_names_bits_links_and_empty_folders(tmp_path: Path, folder: Path) -> None:
    source = tmp_path / "source"
    (source / "пустая папка").mkdir(parents=True)
    (source / "ünïcode 🚢.bin").write_bytes(bytes(range(256)))
    (source / ("long-" * 40)).write_text("long names need more than a plain header")
    (source / "run.sh").write_text("#!/bin/sh\n")
    (source / "run.sh").chmod(0o755)
    (source / "link").symlink_to("run.sh")
    (source / ".git").mkdir()
    (source / ".git" / "config").write_text("[core]")

    unpack(pack(source), folder, LIMIT, 100)

    assert sorted(os.listdir(folder)) == sorted(["пустая папка", "ünïcode 🚢.bin", "long-" * 40, "run.sh", "link"])
    assert (folder / "ünïcode 🚢.bin").read_bytes() == bytes(range(256))
    assert os.access(folder / "run.sh", os.X_OK)
    assert not os.access(folder / ("long-" * 40), os.X_OK)
    assert os.readlink(folder / "link") == "run.sh"
    assert os.listdir(folder / "пустая папка") == []


def test_the_same_files_make_the_same_bytes_whenever_and_in_whatever_order_they_were_written(tmp_path: Path) -> None:
    for name, order in (("one", "abc"), ("two", "cba")):
        (tmp_path / name).mkdir()
        for letter in order:
            (tmp_path / name / letter).write_text(letter)
    os.utime(tmp_path / "two" / "a", (1, 1))
    assert pack(tmp_path / "one") == pack(tmp_path / "two")


def test_pack_leaves_out_what_it_is_told_to_and_pipes(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "keep").write_text("1")
    (tmp_path / "drop").write_text("2")
    packed = pack(tmp_path, skip=lambda path: path == "drop")
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        assert tar.getnames() == ["keep"]


def test_pack_refuses_a_folder_over_the_limit(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"0" * 1001)
    with pytest.raises(UnsafeArchive, match="1,000 bytes"):
        pack(tmp_path, limit_bytes=1000)


def test_git_folders_are_left_out_silently_in_any_spelling(folder: Path) -> None:
    unpack(
        archive(member(".git/config", b"[core]"), member("sub/.GIT/hooks/x", b"x"), member("sub/ok", b"1")), folder, LIMIT, 100
    )
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*")) == ["sub", "sub/ok"]


def test_modes_are_ours_and_setuid_is_dropped(folder: Path) -> None:
    unpack(archive(member("a", b"x", mode=0o6777), member("b", b"x", mode=0o666)), folder, LIMIT, 100)
    assert stat.S_IMODE((folder / "a").stat().st_mode) == 0o755
    assert stat.S_IMODE((folder / "b").stat().st_mode) == 0o644


def test_hard_link_becomes_a_file_of_its_own(folder: Path) -> None:
    unpack(archive(member("a", b"x"), member("b", type=tarfile.LNKTYPE, link="a")), folder, LIMIT, 100)
    assert (folder / "b").read_bytes() == b"x"
    assert (folder / "b").stat().st_nlink == 1


def test_a_file_replaces_the_link_that_was_there_and_not_what_it_points_at(folder: Path) -> None:
    (folder / "a").symlink_to("../secret")
    unpack(archive(member("a", b"new")), folder, LIMIT, 100)
    assert (folder / "a").read_bytes() == b"new"
    assert (folder.parent / "secret").read_text() == "untouched"


def test_nothing_is_written_through_a_link_that_was_there(folder: Path) -> None:
    (folder / "d").symlink_to("..")
    with pytest.raises(UnsafeArchive):
        unpack(archive(member("d/secret", b"evil")), folder, LIMIT, 100)
    assert (folder.parent / "secret").read_text() == "untouched"
