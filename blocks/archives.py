"""Tar archives between workers and us: made the same way every time, and extracted without trusting them.

An archive from a worker is a stranger's. All headers are judged before the first byte is written, files are written
with modes of ours, and links are made last, so that no file is ever written through a link of the archive.
"""

import io
import os
import re
import stat
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from blocks.tar_headers import READ_ERRORS, Header
from domain.errors import UnsafeArchive

NAME_LIMIT = 1024
"""Bytes in one member's path."""
PART_LIMIT = 255
"""Bytes between two slashes, as Linux file systems have it."""


IGNORED_BY_HFS = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")


def is_git(path: str) -> bool:
    """Tell whether a `/`-separated path is or lies in a `.git`, in any spelling that some file system takes for one."""
    return any(map(_is_git_part, re.split(r"[/\\]", path)))


def _is_git_part(part: str) -> bool:
    """Know NTFS's short name, streams and dropped ends (as git's own is_ntfs_dotgit), and what HFS+ does not see."""
    seen = IGNORED_BY_HFS.sub("", part).casefold()
    return seen.split(":")[0].rstrip(" .") in (".git", "git~1")


def pack(folder: Path, skip: Callable[[str], bool] = is_git, limit_bytes: int | None = None) -> bytes:
    """Return the folder as a tar archive that depends on names, permission bits and contents only.

    Links are stored as links; sockets, pipes and devices are left out, as is every relative path that `skip` accepts.
    Raises UnsafeArchive when the contents are longer than `limit_bytes`.
    """
    buffer = io.BytesIO()
    total = 0
    with tarfile.open(fileobj=buffer, mode="w:", format=tarfile.PAX_FORMAT) as archive:
        for name, path in _walk(folder, "", skip):
            total += path.lstat().st_size if path.is_file() and not path.is_symlink() else 0
            if limit_bytes is not None and total > limit_bytes:
                raise UnsafeArchive(name, f"passes the limit of {limit_bytes:,} bytes for the whole folder")
            member, content = _packed(name, path)
            if member is None:
                continue
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def _walk(folder: Path, prefix: str, skip: Callable[[str], bool]) -> Iterator[tuple[str, Path]]:
    for entry in sorted(os.scandir(folder), key=lambda found: found.name):
        name = prefix + entry.name
        if skip(name):
            continue
        yield name, Path(entry.path)
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path), f"{name}/", skip)


def _packed(name: str, path: Path) -> tuple[tarfile.TarInfo | None, bytes]:
    mode = path.lstat().st_mode
    member = tarfile.TarInfo(name)
    member.mode = stat.S_IMODE(mode) & 0o777
    if stat.S_ISDIR(mode):
        member.type = tarfile.DIRTYPE
        return member, b""
    if stat.S_ISLNK(mode):
        member.type, member.linkname, member.mode = tarfile.SYMTYPE, os.readlink(path), 0o777
        return member, b""
    if not stat.S_ISREG(mode):
        return None, b""
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
        content = file.read()
    member.size = len(content)
    return member, content


def unpack(archive: bytes, into: Path, limit_bytes: int, limit_files: int) -> None:
    """Extract an uncompressed tar archive into the folder; nothing is written when any header is unsafe.

    `.git` is left out silently. Files get mode 0644 or 0755, folders 0755, and belong to us. Raises UnsafeArchive for absolute
    paths, `..`, links that leave the folder, devices and pipes, repeated names, names that are not plain text,
    more than `limit_bytes` or `limit_files`, and for what is no tar archive.
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:", tarinfo=Header) as opened:
            members = _judged(opened, limit_bytes, limit_files)
            if archive[opened.offset : opened.offset + tarfile.BLOCKSIZE].strip(tarfile.NUL) or opened.offset >= len(archive):
                raise UnsafeArchive("the archive", "is damaged or cut off: it does not end as a tar archive does")
            for name, member in members.items():
                if not member.issym():
                    _write(opened, name, member, into)
    except READ_ERRORS as error:
        raise UnsafeArchive("the archive", f"cannot be read: {error}") from error
    _link({name: member.linkname for name, member in members.items() if member.issym()}, into)


def _judged(opened: tarfile.TarFile, limit_bytes: int, limit_files: int) -> dict[str, tarfile.TarInfo]:
    """Return the members to write by their plain names, after all checks that need no disk."""
    members: dict[str, tarfile.TarInfo] = {}
    total = 0
    for number, member in enumerate(opened):
        if number > limit_files:  # the root itself is one; what is left out takes memory too
            raise UnsafeArchive(member.name[:100], f"passes the limit of {limit_files:,} files")
        name = _checked_name(member.name)
        if name == "." or is_git(name):
            continue
        _check_kind(name, member, members)
        earlier = members.get(name)
        if earlier is not None and not (earlier.isdir() and member.isdir()):
            raise UnsafeArchive(name, "stands in it twice")
        members[name] = member
        total += _size(member, members)
        if total > limit_bytes:
            raise UnsafeArchive(name, f"passes the limit of {limit_bytes:,} bytes")
    for name in members:
        if any((above := members.get(str(parent))) and not above.isdir() for parent in PurePosixPath(name).parents):
            raise UnsafeArchive(name, "lies below something that is no folder")
    return members


def _size(member: tarfile.TarInfo, members: dict[str, tarfile.TarInfo]) -> int:
    """Count a hard link as the copy that it becomes, so that many links to one big file meet the limit."""
    while member.islnk():
        member = members[_checked_name(member.linkname)]
    return member.size


def _checked_name(raw: str) -> str:
    try:
        size = len(raw.encode("utf-8"))
    except UnicodeEncodeError:
        raise UnsafeArchive(raw.encode("utf-8", "backslashreplace").decode(), "is not UTF-8") from None
    if any(ord(c) < 32 or 127 <= ord(c) < 160 for c in raw):
        raise UnsafeArchive(raw, "has control characters in its name")
    path = PurePosixPath(raw)
    if path.is_absolute():
        raise UnsafeArchive(raw, "is an absolute path")
    if ".." in path.parts:
        raise UnsafeArchive(raw, "leaves the folder by `..`")
    if size > NAME_LIMIT or any(len(part.encode()) > PART_LIMIT for part in path.parts):
        raise UnsafeArchive(raw[:100], "has too long a name")
    return str(path)


def _check_kind(name: str, member: tarfile.TarInfo, members: dict[str, tarfile.TarInfo]) -> None:
    if member.issparse():
        raise UnsafeArchive(name, "is a sparse file")
    if member.isreg() or member.isdir():
        return
    if member.islnk():
        aim = members.get(_checked_name(member.linkname))
        if aim is None or not (aim.isreg() or aim.islnk()):
            raise UnsafeArchive(name, f"is a hard link to {member.linkname!r}, which is no file before it in the archive")
    elif member.issym():
        target = os.path.normpath(os.path.join(os.path.dirname(name), member.linkname))
        if not member.linkname or os.path.isabs(member.linkname) or target.split("/")[0] == "..":
            raise UnsafeArchive(name, f"is a link to {member.linkname!r}, outside of the folder")
    else:
        raise UnsafeArchive(name, "is neither file, folder nor link")


def _write(opened: tarfile.TarFile, name: str, member: tarfile.TarInfo, into: Path) -> None:
    """Write a folder, or a file (a hard link as a copy), replacing a file or link that is there."""
    target = into / name
    _make_folders(target if member.isdir() else target.parent, into, name)
    if member.isdir():
        return
    source = opened.extractfile(member)
    if source is None:
        raise UnsafeArchive(name, "is a hard link to what is no file")
    content = source.read()
    _clear(target, name)
    mode = 0o755 if member.mode & 0o100 else 0o644
    with open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode), "wb") as file:
        os.fchmod(file.fileno(), mode)
        file.write(content)


def _make_folders(folder: Path, into: Path, name: str) -> None:
    """Make the folders between `into` and `folder`; a link or file that is there already is never gone through."""
    path = into
    for part in folder.relative_to(into).parts:
        path /= part
        if path.is_symlink() or (path.exists() and not path.is_dir()):
            raise UnsafeArchive(name, f"would be written through {part!r}, which is no folder here")
        if not path.exists():
            path.mkdir(mode=0o755)
            path.chmod(0o755)


def _clear(target: Path, name: str) -> None:
    """Take away the file or link that is there."""
    if target.is_dir() and not target.is_symlink():
        raise UnsafeArchive(name, "would replace a folder")
    target.unlink(missing_ok=True)


def _link(targets: dict[str, str], into: Path) -> None:
    """Make the links, then follow each: several harmless ones together may still lead out."""
    for name, aim in targets.items():
        _make_folders((into / name).parent, into, name)
        _clear(into / name, name)
        (into / name).symlink_to(aim)
    root = into.resolve()
    strays = [name for name in targets if not stays_inside(into / name, root)]
    if strays:
        for name in targets:
            (into / name).unlink()
        raise UnsafeArchive(strays[0], f"is a link to {targets[strays[0]]!r}, which leads out of the folder")


def stays_inside(link: Path, root: Path) -> bool:
    """Tell whether the link leads, through whatever other links, to a place in the resolved `root`."""
    try:
        return link.resolve().is_relative_to(root)
    except (OSError, RuntimeError):  # a loop of links leads nowhere
        return False
