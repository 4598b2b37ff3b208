"""A private Postgres for a test session: own data folder, own unix socket, no port, gone at the end."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SERVERS = Path("/usr/lib/postgresql")
USER = "postgres"


def server_folder() -> Path | None:
    """Return the folder with `initdb` and `pg_ctl` of the newest installed server; None when there is none."""
    found = sorted(SERVERS.glob("*/bin/initdb"), key=lambda path: int(path.parent.parent.name))
    return found[-1].parent if found else None


@contextmanager
def private_server(programs: Path) -> Iterator[str]:
    """Start a server and yield the async URL of its first database."""
    folder = Path(tempfile.mkdtemp(prefix="slipway-pg-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, USER)
        _run(folder, str(programs / "initdb"), "-D", str(folder / "data"), "-U", USER, "-A", "trust", "-N", "-E", "UTF8")
        options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off -c max_connections=60"
        control = (str(programs / "pg_ctl"), "-D", str(folder / "data"), "-l", str(folder / "log"), "-w")
        _run(folder, *control, "-o", options, "start")
        try:
            yield f"postgresql+asyncpg://{USER}@/postgres?host={folder}"
        finally:
            _run(folder, *control, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


def _run(folder: Path, *argv: str) -> None:
    """Run a server program; it refuses root, so root steps down to the postgres user."""
    step_down = ("runuser", "-u", USER, "--") if os.geteuid() == 0 else ()
    subprocess.run((*step_down, *argv), check=True, cwd=folder, stdout=subprocess.DEVNULL)
