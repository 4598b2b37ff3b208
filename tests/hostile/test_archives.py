"""Archives that come from workers: out of the folder, through links, or too much for us."""

import io
import os
import random
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from blocks.archives import is_git, pack, unpack
from domain.errors import UnsafeArchive
from domain.workers import Worker
from tests.hostile.attempts import HANG_SECONDS, shell
from tests.hostile.tars import Member, archive, member, pax, raw

LIMIT = 1_000_000
Held = Callable[[str], None]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return an empty folder whose neighbour must stay as it is."""
    (tmp_path / "secret").write_text("untouched")
    inside = tmp_path / "inside"
    inside.mkdir()
    return inside


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
def test_member_is_refused(folder: Path, members: list[Member], held: Held) -> None:
    before = archive(member("innocent", b"1"), *members)
    with pytest.raises(UnsafeArchive) as refused:
        unpack(before, folder, LIMIT, 100)
    held(str(refused.value))
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


BUSY = {
    "a number of 60,000 digits in a pax header": [(b"x", b"1" * 60_000)],
    "digits in every pax header": [(b"x", b"9" * 8_000)] * 50,
    "digits inside of a pax value": [(b"x", pax(comment="7" * 7_000))] * 50,
    "a chain of 2,000 pax headers": [(b"x", pax(comment="x"))] * 2_000,
    "a chain of 2,000 long names": [(b"L", b"name\0")] * 2_000,
    "a long name of 100,000 bytes": [(b"L", b"n" * 100_000)],
    "a global pax header with another path": [(b"g", pax(path="../secret"))],
    "a pax header with another path": [(b"x", pax(path="../../secret"))],
    "a pax header with an absolute path": [(b"x", pax(path="/tmp/slipway-evil"))],
    "a pax header with a negative size": [(b"x", pax(size="-1024"))],
    "a pax header with a huge size": [(b"x", pax(size="9" * 30))],
    "a pax header that is cut off": [(b"x", b"99 path=x")],
    "a sparse file by pax": [(b"x", pax(GNU_sparse_major="1", GNU_sparse_minor="0", GNU_sparse_realsize="9" * 15))],
    "an old sparse file": [(b"S", b"x")],
    "an old sparse file that goes on at the end": [(b"S", b"")],
    "a file of several volumes": [(b"M", b"x")],
    "a type nobody knows": [(b"Z", b"x")],
}


@pytest.mark.parametrize("headers", BUSY.values(), ids=BUSY.keys())
def test_header_is_refused_at_once(folder: Path, headers: list[tuple[bytes, bytes]], held: Held) -> None:
    began = time.monotonic()
    with pytest.raises(UnsafeArchive) as refused:
        unpack(raw(*headers), folder, LIMIT, 10_000)
    assert time.monotonic() - began < HANG_SECONDS
    assert (folder.parent / "secret").read_text() == "untouched"
    held(str(refused.value))


def test_thousands_of_hidden_members_are_counted(folder: Path, held: Held) -> None:
    with pytest.raises(UnsafeArchive, match="100 files"):
        unpack(archive(*(member(f".git/{n}") for n in range(500))), folder, LIMIT, 100)
    held("what is left out counts too")


def test_archives_damaged_at_random_never_raise_anything_else(folder: Path, held: Held) -> None:
    whole = archive(member("a", b"x"), member("d", type=tarfile.DIRTYPE), member("n" * 150, b"y"), format=tarfile.PAX_FORMAT)
    chance, refused = random.Random(7), 0  # noqa: S311
    for _ in range(1500):
        evil = bytearray(whole)
        for _ in range(chance.randrange(1, 6)):
            evil[chance.randrange(len(evil))] = chance.randrange(256)
        for header in range(0, len(evil) - 512, 512):  # what is changed shall not be refused for its checksum alone
            evil[header + 148 : header + 156] = b" " * 8
            evil[header + 148 : header + 156] = b"%06o\0 " % sum(evil[header : header + 512])
        try:
            unpack(bytes(evil), folder, LIMIT, 100)
        except UnsafeArchive:
            refused += 1
    assert refused > 500
    assert sorted(os.listdir(folder.parent)) == ["inside", "secret"]
    held(f"{refused} of 1,500 refused, nothing outside")


SPELLINGS = [
    ".git",
    ".GIT",
    "a/.Git/b",
    "git~1",
    "GIT~1/x",
    ".git ",
    ".git.",
    ".git . .",
    ".git::$INDEX_ALLOCATION/x",
    ".git:x",
]
SPELLINGS += [".g\u200cit", "\ufeff.git/x", "a\\.git\\hooks"]


@pytest.mark.parametrize("name", SPELLINGS, ids=ascii)
def test_git_folder_spelled(folder: Path, name: str, held: Held) -> None:
    unpack(archive(member(f"{name}/hooks/pre-commit", b"evil"), member("ok", b"1")), folder, LIMIT, 100)
    assert is_git(name)
    assert os.listdir(folder) == ["ok"]
    held("left out")


@pytest.mark.parametrize("name", [".gitignore", ".github", "git", "a.git", "..git", "gitx~1", ".git-x"])
def test_innocent_name_is_kept(folder: Path, name: str) -> None:
    unpack(archive(member(name, b"x")), folder, LIMIT, 100)
    assert os.listdir(folder) == [name]


def test_names_that_differ_in_case_only(folder: Path, held: Held) -> None:
    evil = archive(member("Link", type=tarfile.SYMTYPE, link="d"), member("d", type=tarfile.DIRTYPE), member("link", b"x"))
    unpack(evil, folder, LIMIT, 100)
    assert (folder.parent / "secret").read_text() == "untouched"
    assert not (folder / "d" / "x").exists()
    held("links are made last, files are never written through one")


def test_setuid_bits(folder: Path, held: Held) -> None:
    unpack(archive(member("a", b"x", mode=0o7777)), folder, LIMIT, 100)
    assert (folder / "a").stat().st_mode & 0o7777 == 0o755
    held("modes are ours: 0755")


def test_sparse_file_is_not_read_into_memory_when_packed(folder: Path, held: Held) -> None:
    with (folder / "sparse").open("wb") as file:
        file.truncate(500 * 10**9)
    with pytest.raises(UnsafeArchive) as refused:
        pack(folder, limit_bytes=1000)
    held(str(refused.value))


MADE = {
    "links out of the workspace": ("ln -s /etc/passwd a; ln -s ../../.. b", "outside of the folder"),
    "links that leave together": ("mkdir d; ln -s . d/here; ln -s d/here/../.. out", "leads out of the folder"),
    "a pipe": ("mkfifo pipe", "neither file, folder nor link"),
    "a newline in a name": ("touch \"$(printf 'a\\nb')\"", "control characters"),
    "a name that is not UTF-8": ("touch \"$(printf 'a\\377')\"", "not UTF-8"),
    "thousands of files": ("seq 3000 | xargs touch", "limit of 2,000 files"),
    "many hard links to one file": (
        "head -c 900000 /dev/zero >a; for n in 1 2 3; do ln a l$n; done",
        "limit of 1,000,000 bytes",
    ),
}


@pytest.mark.docker
@pytest.mark.parametrize(("line", "why"), MADE.values(), ids=MADE.keys())
async def test_workspace_with(agent: Worker, folder: Path, held: Held, line: str, why: str) -> None:
    assert (await shell(agent, line)).ok
    try:
        with pytest.raises(UnsafeArchive, match=why) as refused:
            unpack(await agent.get(), folder, LIMIT, 2000)
    finally:
        await shell(agent, "find /workspace -mindepth 1 -delete")
    assert os.listdir(folder.parent) in (["inside", "secret"], ["secret", "inside"])
    held(str(refused.value))
