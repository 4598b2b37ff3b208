"""Archives: what we pack comes back the same, and nothing hostile gets out of the folder."""

import io
import os
import stat
import tarfile
from pathlib import Path

import pytest

from blocks.archives import pack, unpack
from domain.errors import UnsafeArchive

LIMIT = 1_000_000


def member(name: str, content: bytes = b"", type: bytes = tarfile.REGTYPE, link: str = "", mode: int = 0o644) -> tuple:
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname, info.mode = len(content), type, link, mode
    return info, content


def archive(*members: tuple) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


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


HOSTILE = {
    "absolute path": [member("/tmp/slipway-evil", b"x")],
    "parent": [member("../secret", b"x")],
    "parent in the middle": [member("a/../../secret", b"x")],
    "absolute link": [member("a", type=tarfile.SYMTYPE, link="/etc/passwd")],
    "link that leaves": [member("a/b", type=tarfile.SYMTYPE, link="../../secret")],
    "write through a link": [member("a", type=tarfile.SYMTYPE, link="."), member("a/b", b"x")],
    "write through a link, file first": [member("a/b", b"x"), member("a", type=tarfile.SYMTYPE, link=".")],
    "links that leave together": [
        member("d", type=tarfile.DIRTYPE),
        member("d/here", type=tarfile.SYMTYPE, link="."),
        member("out", type=tarfile.SYMTYPE, link="d/here/../.."),
    ],
    "loop of links": [member("a", type=tarfile.SYMTYPE, link="b"), member("b", type=tarfile.SYMTYPE, link="a")],
    "file replaces link": [member("a", type=tarfile.SYMTYPE, link="b"), member("a", b"x")],
    "link replaces file": [member("a", b"x"), member("a", type=tarfile.SYMTYPE, link="b")],
    "same file by another spelling": [member("a", b"x"), member("./a", b"y")],
    "file below a file": [member("a", b"x"), member("a/b", b"y")],
    "hard link out": [member("a", type=tarfile.LNKTYPE, link="../secret")],
    "hard link to an absolute path": [member("a", type=tarfile.LNKTYPE, link="/etc/passwd")],
    "hard link to nothing": [member("a", type=tarfile.LNKTYPE, link="missing")],
    "hard link to itself": [member("a", type=tarfile.LNKTYPE, link="a")],
    "hard link to a link": [member("a", type=tarfile.SYMTYPE, link="b"), member("c", type=tarfile.LNKTYPE, link="a")],
    "character device": [member("a", type=tarfile.CHRTYPE)],
    "block device": [member("a", type=tarfile.BLKTYPE)],
    "fifo": [member("a", type=tarfile.FIFOTYPE)],
    "newline in a name": [member("a\nb", b"x")],
    "escape in a name": [member("a\x1b[2Jb", b"x")],
    "control character beyond ASCII": [member("a\x9bb", b"x")],
    "name that is not UTF-8": [member("a\udcff", b"x")],
    "too long a part": [member("a" * 256, b"x")],
    "too long a path": [member("/".join(["a" * 200] * 6), b"x")],
    "too many bytes": [member("a", b"0" * 600_000), member("b", b"0" * 600_000)],
    "too many bytes by hard links": [
        member("a", b"0" * 600_000),
        member("b", type=tarfile.LNKTYPE, link="a"),
        member("c", type=tarfile.LNKTYPE, link="b"),
    ],
    "too many files": [member(f"f{n}") for n in range(101)],
}


@pytest.mark.parametrize("members", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_archive_is_refused_and_leaves_nothing_outside(folder: Path, members: list[tuple]) -> None:
    before = archive(member("innocent", b"1"), *members)
    with pytest.raises(UnsafeArchive):
        unpack(before, folder, LIMIT, 100)
    assert (folder.parent / "secret").read_text() == "untouched"
    assert sorted(os.listdir(folder.parent)) == ["inside", "secret"]
    assert not any(path.is_symlink() for path in folder.rglob("*"))
    assert not Path("/tmp/slipway-evil").exists()


def test_archive_refused_by_its_headers_writes_nothing_at_all(folder: Path) -> None:
    with pytest.raises(UnsafeArchive):
        unpack(archive(member("good", b"1"), member("../bad", b"2")), folder, LIMIT, 100)
    assert os.listdir(folder) == []


WHOLE = archive(member("a", b"x"), member("b", b"0" * 5000))
DAMAGED = {
    "junk": b"not a tar" * 100,
    "empty": b"",
    "cut in a file": WHOLE[:3000],
    "cut between two members": WHOLE[:1024],
    "cut in a header": WHOLE[:1300],
    "a header overwritten": WHOLE[:1024] + b"J" * 512 + WHOLE[1536:],
}


@pytest.mark.parametrize("junk", DAMAGED.values(), ids=DAMAGED.keys())
def test_what_is_no_whole_archive_is_refused(folder: Path, junk: bytes) -> None:
    with pytest.raises(UnsafeArchive):
        unpack(junk, folder, LIMIT, 100)


def test_compressed_bomb_is_refused_unread(folder: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        info, content = member("zeros", b"0" * 500_000)
        tar.addfile(info, io.BytesIO(content))
    with pytest.raises(UnsafeArchive):
        unpack(buffer.getvalue(), folder, LIMIT, 100)


def test_header_with_a_negative_size_is_refused_and_not_read_for_ever(folder: Path) -> None:
    evil = bytearray(archive(member("a", b"x")))
    evil[124:136] = b"\xff" * 10 + (-1024 & 0xFFFF).to_bytes(2, "big")
    evil[148:156] = b" " * 8
    evil[148:156] = b"%06o\0 " % sum(evil[:512])
    with pytest.raises(UnsafeArchive):
        unpack(bytes(evil), folder, LIMIT, 100)


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
