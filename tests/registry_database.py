"""An empty registry for a test: each process of a test run migrates one, and the others are copies of its file."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from sqlalchemy.engine import make_url

from blocks.registry.schema import migrate


@cache
def folder() -> Path:
    """Return where this process keeps the one that it copies."""
    made = Path(tempfile.mkdtemp(prefix="slipway-registry-"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


async def lay_registry(url: str) -> None:
    """Make the tables of an empty database, as `migrate` does; on Postgres by that itself."""
    at = make_url(url)
    if at.get_backend_name() != "sqlite" or not at.database:
        await migrate(url)
        return
    pattern = folder() / "registry.db"
    if not pattern.exists():
        begun = pattern.with_suffix(".begun")
        await migrate(f"sqlite+aiosqlite:///{begun}")
        begun.rename(pattern)
    _copy(pattern, Path(at.database))


def _copy(pattern: Path, to: Path) -> None:
    assert not to.exists(), f"{to} is there already: migrate it"
    shutil.copyfile(pattern, to)
