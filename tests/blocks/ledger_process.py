"""A process of its own that spends from a project's budget: `python -m tests.blocks.ledger_process URL NAME CALLS`."""

import asyncio
import sys

from blocks.registry.block import SqlRegistry
from domain.errors import BudgetSpent

BUDGET = 1_000_000
PRICE = 30_000


async def spend(url: str, name: str, calls: int) -> int:
    """Reserve `calls` calls at once and return how many were granted."""
    registry = SqlRegistry(url=url, budget_micro_usd=BUDGET)
    reserving = (registry.reserve(f"{name}/{n}", "notes", "r-1", "developer", "model", PRICE) for n in range(calls))
    results = await asyncio.gather(*reserving, return_exceptions=True)
    unexpected = [result for result in results if result is not None and not isinstance(result, BudgetSpent)]
    if unexpected:
        raise ExceptionGroup("reservations failed", [error for error in unexpected if isinstance(error, Exception)])
    return results.count(None)


if __name__ == "__main__":
    granted = asyncio.run(spend(sys.argv[1], sys.argv[2], int(sys.argv[3])))
    sys.stdout.write(f"{granted}\n")
