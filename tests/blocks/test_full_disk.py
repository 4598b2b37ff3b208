"""A disk that fills under the registry is told with its cure, and what was written before stays."""

import subprocess
import sys
from pathlib import Path

# RLIMIT_FSIZE makes this process's writes fail as a full disk does; SQLite calls it "disk I/O error".
WRITER = """
import asyncio, resource, signal, sys
from datetime import UTC, datetime
from blocks.registry.block import SqlRegistry
from tests.registry_database import lay_registry
from domain.audit import AuditLine
from domain.errors import SlipwayError

def line(what):
    return AuditLine(project="notes", at=datetime.now(UTC), actor="me", what=what)

async def main(url):
    await lay_registry(url)
    registry = SqlRegistry(url=url, budget_micro_usd=1)
    await registry.audit(line("kept"))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 18, resource.RLIM_INFINITY))
    try:
        for _ in range(1000):
            await registry.audit(line("x" * 4000))
    except SlipwayError as error:
        print(type(error).__name__, error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await registry.audit(line("after"))
    told = [line.what for line in await registry.history("notes")]
    print(told[0], told[-1])
    await registry.close()

asyncio.run(main(sys.argv[1]))
"""


def test_full_disk_is_worth_another_try_and_loses_nothing(tmp_path: Path) -> None:
    words = [sys.executable, "-c", WRITER, f"sqlite+aiosqlite:///{tmp_path}/registry.db"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    told, kept = done.stdout.splitlines()
    assert told.startswith("ServiceUnreachable the registry did not answer while writing")
    assert told.endswith("the disk is full or fails, free some space on it")
    assert kept == "kept after"
