"""Receipts of the workers' ways out: a file of JSON lines for each run in `egress/` of the data folder, for its operator."""

import asyncio
from pathlib import Path
from typing import Literal

from domain.receipts import Passage


class EgressReceipts:
    """The receipts of one door of one installation: the proxy's, or those of the gateway to models in a folder of their own.

    A line is one write at the end of the file, so that a kill leaves whole lines.
    """

    def __init__(self, home: Path, door: Literal["proxy", "models"] = "proxy") -> None:
        self._folder = home / "egress" if door == "proxy" else home / "egress" / door

    async def append(self, run: str, passage: Passage) -> None:
        await asyncio.to_thread(self._append, run, passage)

    async def of_run(self, run: str) -> tuple[Passage, ...]:
        """Return what the run's workers did, oldest first; nothing when they never asked."""
        return await asyncio.to_thread(self._read, run)

    def _append(self, run: str, passage: Passage) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._file(run).open("a") as file:
            file.write(passage.model_dump_json(exclude_defaults=True) + "\n")

    def _read(self, run: str) -> tuple[Passage, ...]:
        file = self._file(run)
        lines = file.read_text().splitlines() if file.exists() else []
        return tuple(map(Passage.model_validate_json, lines))

    def _file(self, run: str) -> Path:
        return self._folder / f"{run}.jsonl"


async def receipt_of(home: Path, run: str) -> tuple[Passage, ...]:
    """Return what the run's workers did at both doors."""
    return await EgressReceipts(home).of_run(run) + await EgressReceipts(home, "models").of_run(run)
