"""Zip archives of strangers: judged whole before the first byte is unpacked, and unpacked in memory within limits.

Nothing is taken that is no plain file or folder: links, devices, encrypted members, methods other than stored and deflated.
"""

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath

from blocks.archives import is_git
from domain.attachments import AttachmentRefused, Limits, path_complaint

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
ENCRYPTED = 0x1
ENTRY, END, LOCATOR = b"PK\x01\x02", b"PK\x05\x06", b"PK\x06\x07"
"""How an entry of the directory, its end, and the mark of its 64-bit end begin (APPNOTE.TXT, 4.3)."""
END_BYTES, LOCATOR_BYTES, COMMENT = 22, 20, 1 << 16
CHUNK = 1 << 16
UNREADABLE = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError, RuntimeError, OverflowError, KeyError, OSError,
)  # fmt: skip
"""What the standard library raises for broken archives (NotImplementedError is a RuntimeError)."""


def members(name: str, content: bytes, limits: Limits) -> Iterator[tuple[str, bytes]]:
    """Yield (path, bytes) of each file; raise AttachmentRefused, before the first one when the directory already shows why.

    `.git` and the folders that macOS adds are left out. Sizes are counted as they are read, whatever the directory says.
    """
    if entries_in(content) > limits.members * 2:  # folders count too
        raise AttachmentRefused(name, "bomb", f"at most {limits.members} files")
    with _readable(name):
        archive = zipfile.ZipFile(io.BytesIO(content))
    with archive:
        judged = _judged(name, archive.infolist(), limits)
        room = limits.unpacked
        for member in judged:
            with _readable(name):
                body = _read(name, archive, member, room)
            room -= len(body)
            yield member.filename, body


def entries_in(content: bytes) -> int:
    """Return how many entries the archive's directory has, at the least cost: the library makes an object of each at once.

    What its end says of their number is not believed. With an end of the 64-bit form, which says where the directory lies in
    another way, all that looks like an entry is counted.
    """
    last = content.rfind(END, max(0, len(content) - END_BYTES - COMMENT))
    if content[-END_BYTES:].startswith(END):
        last = len(content) - END_BYTES
    if last < 0 or content[last - LOCATOR_BYTES : last].startswith(LOCATOR):
        return content.count(ENTRY)
    size = int.from_bytes(content[last + 12 : last + 16], "little")
    return content.count(ENTRY, max(0, last - size), last)


def _judged(name: str, found: list[zipfile.ZipInfo], limits: Limits) -> list[zipfile.ZipInfo]:
    """Return the files to unpack, after all checks that need no unpacking."""
    for member in found:
        if wrong := path_complaint(member.filename) or _kind_complaint(member):
            raise AttachmentRefused(name, "unsafe", wrong)
    files = [member for member in found if not member.is_dir() and not _is_left_out(member.filename)]
    if len(files) > limits.members:
        raise AttachmentRefused(name, "bomb", f"at most {limits.members} files")
    if sum(member.file_size for member in files) > limits.unpacked:
        raise AttachmentRefused(name, "bomb", f"at most {limits.unpacked_megabytes:g} MB")
    _check_places(name, files)
    return files


def _check_places(name: str, files: list[zipfile.ZipInfo]) -> None:
    taken: set[str] = set()
    for member in files:
        if member.filename in taken:
            raise AttachmentRefused(name, "unsafe", f"{member.filename[:80]!r} twice")
        taken.add(member.filename)
    if below := next((path for path in taken if any(str(up) in taken for up in PurePosixPath(path).parents)), None):
        raise AttachmentRefused(name, "unsafe", f"{below[:80]!r}, which lies below a file")


def _kind_complaint(member: zipfile.ZipInfo) -> str:
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return f"{member.filename[:80]!r}, a link or a device"
    if member.flag_bits & ENCRYPTED:
        return f"{member.filename[:80]!r}, which is encrypted"
    return "" if member.compress_type in METHODS else f"{member.filename[:80]!r}, packed by an unusual method"


def _is_left_out(path: str) -> bool:
    return is_git(path) or path.split("/", maxsplit=1)[0] == "__MACOSX" or path.rsplit("/", maxsplit=1)[-1] == ".DS_Store"


def _read(name: str, archive: zipfile.ZipFile, member: zipfile.ZipInfo, room: int) -> bytes:
    found = bytearray()
    with archive.open(member) as source:
        while chunk := source.read(CHUNK):
            found += chunk
            if len(found) > room:
                raise AttachmentRefused(name, "bomb")
    return bytes(found)


@contextmanager
def _readable(name: str) -> Iterator[None]:
    try:
        yield
    except UNREADABLE as error:
        raise AttachmentRefused(name, "broken", type(error).__name__) from error
