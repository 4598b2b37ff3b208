"""Records in the data folder that nobody asks for after some time: receipts, logs of flow runs' processes, people's files."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from domain.inventory import Held

PLACES = {"receipt": ("egress/*.jsonl", "egress/*/*.jsonl"), "run-log": ("logs/runs/*.log",)} | {
    "attachment": ("attachments/people/*/*",),
    "attachment-of-run": ("attachments/runs/*/*",),
}
"""Patterns below the data folder, by kind."""


class KeptRecords:
    """The records of one installation; a receipt has its run's name, a run's attachment lies in a folder of that name."""

    def __init__(self, home: Path, installation: str) -> None:
        self._home = home
        self._installation = installation

    async def held(self) -> Sequence[Held]:
        return await asyncio.to_thread(lambda: list(self._all()))

    async def discard(self, held: Held) -> bool:
        try:
            await asyncio.to_thread((self._home / held.name).unlink)
        except FileNotFoundError:
            return False
        return True

    def _all(self) -> Iterator[Held]:
        for kind, patterns in PLACES.items():
            for path in sorted(path for pattern in patterns for path in self._home.glob(pattern)):
                try:
                    written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
                except FileNotFoundError:
                    continue
                name = str(path.relative_to(self._home))
                run = path.parent.name if kind == "attachment-of-run" else path.stem
                yield Held(kind=kind, name=name, installation=self._installation, run=run, made=written)
