"""What each run has used of the egress proxy, and where that ends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from blocks.egress_receipts import EgressReceipts
from domain.egress import Allowance
from domain.receipts import Passage

NOBODY = "unknown"
"""Whose receipt holds requests without a valid token. No run is called so."""
SPENT = "the traffic of this run is used up"


class Refused(Exception):
    """The request is not served: (HTTP status, why, whose it is); status 0 when a tunnel is open and can only be closed."""

    def __init__(self, status: int, why: str, run: str = NOBODY) -> None:
        super().__init__(status, why, run)
        self.status = status
        self.why = why
        self.run = run
        """Known when the request's own token says something else."""


@dataclass
class Account:
    """What one run has used so far, in bytes and connections, of `limit` bytes."""

    limit: int
    traffic: int = 0
    attempts: int = 0
    connections: int = 0

    def count(self, size: int) -> None:
        """Add bytes about to be passed; raise Refused when they are too many."""
        self.traffic += size
        if self.traffic > self.limit:
            raise Refused(0, SPENT)


class Accounts:
    """The accounts of all runs; after a restart they go on from the receipts."""

    def __init__(self, receipts: EgressReceipts, allowance: Allowance) -> None:
        self._receipts = receipts
        self._allowance = allowance
        self._accounts: dict[str, Account] = {}
        self._opening = asyncio.Lock()

    @asynccontextmanager
    async def admitted(self, run: str) -> AsyncIterator[Account]:
        """Count a connection of the run while it lasts; raise Refused when the run has used up what it may."""
        account = await self._of(run)
        if account.connections >= self._allowance.connections:
            raise Refused(429, "too many connections at once")
        if account.attempts >= self._allowance.attempts:
            raise Refused(429, "too many connections in all")
        if account.traffic >= account.limit:
            raise Refused(403, SPENT)
        account.connections += 1
        try:
            yield account
        finally:
            account.connections -= 1

    async def write_down(self, run: str, passage: Passage) -> None:
        """Add to the run's receipt, as long as it stays within the attempts of one run: no disk is filled with refusals."""
        account = await self._of(run)
        account.attempts += 1
        if account.attempts <= self._allowance.attempts:
            await self._receipts.append(run, passage)

    async def _of(self, run: str) -> Account:
        async with self._opening:
            if run not in self._accounts:
                past = await self._receipts.of_run(run)
                traffic = sum(passage.up + passage.down for passage in past)
                limit = self._allowance.megabytes * 1024 * 1024
                self._accounts[run] = Account(limit=limit, traffic=traffic, attempts=len(past))
        return self._accounts[run]
