"""Prefect's database with its tables: made once per test run, copied for each server of it.

A new one runs two hundred migrations, ten seconds each time on a busy machine; `tests/story/test_demo.py` waits for them.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

FOLDER = "TESTS_PREFECT_DATABASE"
"""Names the folder for all processes of a test run; tests/conftest.py sets it."""


def lay_prefect_database(file: Path) -> None:
    """Lay a database with all tables and no rows there, readable by this user alone."""
    shutil.copyfile(_made(Path(os.environ[FOLDER])), file)
    file.chmod(0o600)


def _made(folder: Path) -> Path:
    """Return the database; of several processes of a test run the first makes it."""
    folder.mkdir(mode=0o700, exist_ok=True)
    made = folder / "made.db"
    with (folder / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            fresh = folder / "fresh.db"
            environment = {**os.environ, "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{fresh}"}
            command = [sys.executable, "-m", "prefect", "server", "database", "upgrade", "-y"]
            subprocess.run(command, env={**environment, "PREFECT_HOME": str(folder)}, check=True)
            fresh.replace(made)
    return made
