"""A private Postgres for a test session: own data folder, own unix socket, no port, gone at the end."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SERVERS = Path("/usr/lib/postgresql")
USER = "postgres"
ADMIN_PASSWORD = "adm1n-canary"


def server_folder() -> Path | None:
    """Return the folder with `initdb` and `pg_ctl` of the newest installed server; None when there is none."""
    found = sorted(SERVERS.glob("*/bin/initdb"), key=lambda path: int(path.parent.parent.name))
    return found[-1].parent if found else None


@dataclass(frozen=True)
class SharedServer:
    """A server on loopback that writes all statements down, for databases of several projects."""

    url: str
    """As the role `slipway`, which may make databases and roles and is no superuser."""
    superuser: str
    log: Path


@contextmanager
def private_server(programs: Path) -> Iterator[str]:
    """Start a server and yield the async URL of its first database."""
    with _server(programs, "-c listen_addresses='' -c max_connections=60") as folder:
        yield f"postgresql+asyncpg://{USER}@/postgres?host={folder}"


@contextmanager
def shared_server(programs: Path, port: int) -> Iterator[SharedServer]:
    """Start a server on a port of loopback, where only passwords let in."""
    options = f"-c listen_addresses=127.0.0.1 -c port={port} -c log_statement=all -c max_connections=40"
    rules = "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
    with _server(programs, options, rules) as folder:
        psql = (str(programs / "psql"), "-q", "-h", str(folder), "-p", str(port), "-U", USER)
        _run(folder, *psql, "-c", f"CREATE ROLE slipway LOGIN CREATEDB CREATEROLE PASSWORD '{ADMIN_PASSWORD}'")
        yield SharedServer(
            url=f"postgresql://slipway:{ADMIN_PASSWORD}@127.0.0.1:{port}/postgres",
            superuser=f"postgresql://{USER}@/postgres?host={folder}&port={port}",
            log=folder / "log",
        )


@contextmanager
def _server(programs: Path, options: str, rules: str = "") -> Iterator[Path]:
    """Yield the folder of a server that runs; `rules` are who gets in, else everybody does."""
    folder = Path(tempfile.mkdtemp(prefix="slipway-pg-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, USER)
        _run(folder, str(programs / "initdb"), "-D", str(folder / "data"), "-U", USER, "-A", "trust", "-N", "-E", "UTF8")
        if rules:
            (folder / "data" / "pg_hba.conf").write_text(rules)
        options = f"{options} -c unix_socket_directories={folder} -c fsync=off"
        control = (str(programs / "pg_ctl"), "-D", str(folder / "data"), "-l", str(folder / "log"), "-w")
        _run(folder, *control, "-o", options, "start")
        try:
            yield folder
        finally:
            _run(folder, *control, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


def _run(folder: Path, *argv: str) -> None:
    """Run a server program; it refuses root, so root steps down to the postgres user."""
    step_down = ("runuser", "-u", USER, "--") if os.geteuid() == 0 else ()
    subprocess.run((*step_down, *argv), check=True, cwd=folder, stdout=subprocess.DEVNULL)
