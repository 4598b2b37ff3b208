"""Archives as nobody should make them."""

import io
import tarfile

Member = tuple[tarfile.TarInfo, bytes]


def member(name: str, content: bytes = b"", type: bytes = tarfile.REGTYPE, link: str = "", mode: int = 0o644) -> Member:
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname, info.mode = len(content), type, link, mode
    return info, content


def archive(*members: Member, format: int = tarfile.DEFAULT_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=format) as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def raw(*headers: tuple[bytes, bytes]) -> bytes:
    """Return an archive of headers of these types with these bodies as they are, then one plain file."""
    parts = [_block(type, body) for type, body in headers]
    return b"".join([*parts, tarfile.TarInfo("f").tobuf(), bytes(1024)])


def _block(type: bytes, body: bytes) -> bytes:
    info = tarfile.TarInfo("x")
    info.type, info.size = type, len(body)
    return info.tobuf(tarfile.USTAR_FORMAT) + body + bytes(-len(body) % 512)


def pax(**records: str) -> bytes:
    """Return the body of a pax header."""
    lines = []
    for name, value in records.items():
        text = f" {name.replace('_', '.')}={value}\n".encode()
        size = len(text) + len(str(len(text) + 2))
        lines.append(str(size).encode() + text)
    return b"".join(lines)
