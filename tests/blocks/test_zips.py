"""Zips of strangers: what is unpacked, and what is refused before anything is."""

import io
import stat
import tracemalloc
import zipfile
from collections.abc import Callable

import pytest

from blocks.zips import members
from domain.attachments import AttachmentRefused, Limits

LIMITS = Limits(members=5, unpacked_megabytes=0.1)


def zipped(*entries: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in entries:
            archive.writestr(name, content, compress_type=method)
    return buffer.getvalue()


def link(name: str, kind: int = stat.S_IFLNK) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = (kind | 0o777) << 16
    return info


def lying(content: bytes) -> bytes:
    """Let the directory and the header say that the member has one byte."""
    whole = zipped(("a.txt", content))
    size = len(content).to_bytes(4, "little")
    return whole.replace(size, (1).to_bytes(4, "little"))


def encrypted(content: bytes) -> bytes:
    """Set the flag in the header and in the directory."""
    return content.replace(b"PK\x03\x04\x14\x00\x00", b"PK\x03\x04\x14\x00\x01").replace(
        b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01"
    )


def test_plain_files_come_out_and_what_machines_add_is_left_out() -> None:
    content = zipped(
        ("site/", b""), ("site/index.html", b"<p>"), ("site/.git/config", b"x"), ("__MACOSX/._a", b"x"), (".DS_Store", b"x"),
        ("data.csv", b"a;b"),
    )  # fmt: skip
    assert dict(members("x.zip", content, LIMITS)) == {"site/index.html": b"<p>", "data.csv": b"a;b"}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (lambda: zipped(("../x", b"1")), "unsafe"),
        (lambda: zipped(("/etc/x", b"1")), "unsafe"),
        (lambda: zipped((link("a"), b"/etc/passwd")), "unsafe"),
        (lambda: zipped((link("a", stat.S_IFIFO), b"")), "unsafe"),
        (lambda: zipped(("a", b"1"), ("a/b", b"2")), "unsafe"),
        (lambda: zipped(("a.txt", b"1"), method=zipfile.ZIP_LZMA), "unsafe"),
        (lambda: encrypted(zipped(("a.txt", b"1" * 50))), "unsafe"),
        (lambda: zipped(*((f"{n}.txt", b"1") for n in range(6))), "bomb"),
        (lambda: zipped(("zeros.bin", bytes(200_000))), "bomb"),
        (lambda: lying(bytes(200_000)), "broken"),
        (lambda: zipped(("a.txt", b"1"))[:-10], "broken"),
        (lambda: b"PK\x03\x04" + bytes(100), "broken"),
    ],
)
def test_anything_else_is_refused(content: Callable[[], bytes], why: str) -> None:
    with pytest.raises(AttachmentRefused) as refused:
        list(members("x.zip", content(), LIMITS))
    assert refused.value.why == why


def test_a_name_that_stands_twice_is_refused() -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        content = zipped(("a", b"1"), ("a", b"2"))
    with pytest.raises(AttachmentRefused, match="twice"):
        list(members("x.zip", content, LIMITS))


@pytest.mark.parametrize("locator", [b"", b"PK\x06\x07" + bytes(16)], ids=["plain end", "64-bit end"])
@pytest.mark.parametrize("comment", [b"", b"a comment"])
def test_directory_with_too_many_entries_is_refused_before_the_library_reads_it(locator: bytes, comment: bytes) -> None:
    """Twenty thousand entries are eight megabytes of objects, and what the end of the directory says of them may be a lie."""
    whole = bytearray(zipped(*((f"{number}.txt", b"") for number in range(20_000)), method=zipfile.ZIP_STORED))
    end = whole.rfind(b"PK\x05\x06")
    whole[end + 8 : end + 12] = (1).to_bytes(2, "little") * 2
    whole[end + 20 :] = len(comment).to_bytes(2, "little") + comment
    whole[end:end] = locator
    tracemalloc.start()
    try:
        with pytest.raises(AttachmentRefused, match="at most 5 files"):
            list(members("x.zip", bytes(whole), LIMITS))
        assert tracemalloc.get_traced_memory()[1] < len(whole) * 1.5
    finally:
        tracemalloc.stop()


def test_zips_that_were_put_into_a_zip_as_they_are_do_not_count_as_its_entries() -> None:
    inner = zipped(*((f"{number}.txt", b"") for number in range(50)))
    content = zipped(("one.xlsx", inner), ("two.xlsx", inner), method=zipfile.ZIP_STORED)
    assert [path for path, _ in members("x.zip", content, LIMITS)] == ["one.xlsx", "two.xlsx"]
