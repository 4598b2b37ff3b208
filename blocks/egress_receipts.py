"""Receipts of the workers' ways out: a file of JSON lines for each run in `egress/` of the data folder, for its operator."""

import asyncio
from pathlib import Path
from typing import Literal

from domain.receipts import CredentialAnswer, Passage
from domain.values import Value


class EgressReceipts:
    """The receipts of one door of one installation: the proxy's, or those of the gateway to models in a folder of their own.

    A line is one write at the end of the file, so that a kill leaves whole lines.
    """

    def __init__(self, home: Path, door: Literal["proxy", "models"] = "proxy") -> None:
        self._folder = home / "egress" if door == "proxy" else home / "egress" / door

    async def append(self, run: str, passage: Passage) -> None:
        await asyncio.to_thread(_append, self._folder, run, passage)

    async def of_run(self, run: str) -> tuple[Passage, ...]:
        """Return what the run's workers did, oldest first; nothing when they never asked."""
        return tuple(map(Passage.model_validate_json, await asyncio.to_thread(_lines, self._folder, run)))


class CredentialReceipts:
    """What the gateway told the git of each run's workers, in a folder of its own."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "egress" / "git"

    async def append(self, run: str, answer: CredentialAnswer) -> None:
        await asyncio.to_thread(_append, self._folder, run, answer)

    async def of_run(self, run: str) -> tuple[CredentialAnswer, ...]:
        """Return the answers, oldest first; nothing when it never asked."""
        return tuple(map(CredentialAnswer.model_validate_json, await asyncio.to_thread(_lines, self._folder, run)))


async def receipt_of(home: Path, run: str) -> tuple[Passage, ...]:
    """Return what the run's workers did at both doors."""
    return await EgressReceipts(home).of_run(run) + await EgressReceipts(home, "models").of_run(run)


def _append(folder: Path, run: str, line: Value) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / f"{run}.jsonl").open("a") as file:
        file.write(line.model_dump_json(exclude_defaults=True) + "\n")


def _lines(folder: Path, run: str) -> list[str]:
    file = folder / f"{run}.jsonl"
    return file.read_text().splitlines() if file.exists() else []
