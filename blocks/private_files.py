"""Small files that only this user may read, written in one step."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path


def write_private(path: Path, content: str | bytes, *, once: bool = False) -> None:
    """Replace a file in one step: a reader, or a kill, finds the old one or the new; `once`: what is there stays."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # made with mode 0600
    fresh = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            if once:  # a link can outlive a power failure that its content does not (ext4)
                file.flush()
                os.fsync(file.fileno())
        if once:
            with suppress(FileExistsError):
                path.hardlink_to(fresh)
        else:
            fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
