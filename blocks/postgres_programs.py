"""Postgres' own programs on this machine: where Debian's packages put them, and how `images/resource.sh` runs them."""

import asyncio
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from blocks.docker_engine.resource_image import SCRIPT
from blocks.process_engine.folders import SYSTEM_PATH
from domain.errors import Broken, NeedsPerson

FOLDER = Path("/usr/lib/postgresql")


def postgres_programs(version: int) -> Path:
    """Return the folder with programs that know a server of this version; raise NeedsPerson, with the cure, for none."""
    found = {int(path.parts[-3]): path.parent for path in FOLDER.glob("*/bin/pg_dump") if path.parts[-3].isdecimal()}
    if not found or max(found) < version:
        raise NeedsPerson(
            f"a database of a Postgres {version} cannot be saved without its programs: run `apt-get install "
            f"postgresql-client-{version}` as root on this machine, then try again"
        )
    return found[max(found)]


async def run_resource_script(
    what: str, told: str, environment: Mapping[str, str], *, reads: Path | None = None, writes: Path | None = None
) -> bytes:
    """Run `dump` or `restore` with files as its streams; raise Broken, with what it complained of, when it failed."""
    with ExitStack() as files:
        stdin = files.enter_context(reads.open("rb")) if reads else subprocess.DEVNULL
        stdout = files.enter_context(writes.open("wb")) if writes else subprocess.PIPE
        program = await asyncio.create_subprocess_exec(
            "/bin/sh",
            str(SCRIPT),
            what,
            env={"PATH": SYSTEM_PATH, **environment},
            stderr=subprocess.PIPE,
            stdin=stdin,
            stdout=stdout,
        )
        said, complaint = await program.communicate()
    if program.returncode or (what == "restore" and b"restored" not in said):
        raise Broken(f"the {told} failed: {complaint.decode('utf-8', 'replace')[-500:]}")
    return said or b""
