"""Read a few files of a commit, as text.

True afterwards: nothing changed. Blocks: git host.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from domain.protocols import GitHost

LIMIT = 200_000
"""Bytes read of one file: platform files are small, and a huge one must not fill our memory."""


async def read_files(project: str, commit: str, names: Sequence[str], git: GitHost) -> dict[str, str]:
    """Return the text of each named file that the commit has; links are not followed."""
    with tempfile.TemporaryDirectory(prefix="slipway-read-") as folder:
        root = Path(folder) / "clone"
        root.mkdir()
        await git.checkout(project, commit, root)
        paths = {name: root / name for name in names}
        return {name: read_text(path) for name, path in paths.items() if path.is_file() and not path.is_symlink()}


def read_text(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(LIMIT).decode("utf-8", "replace")
