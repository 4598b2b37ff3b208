"""What the model gateway writes down of each call, for the run's receipt."""

import logging
from datetime import UTC, datetime

from blocks.egress_receipts import EgressReceipts
from deployments.egress.accounts import NOBODY
from domain.receipts import MODELS, Passage

LINES = 10_000
"""Of one run, and of all who prove none: nobody fills the disk with refusals."""

log = logging.getLogger("slipway.gateway")


class GatewayReceipts:
    """Counts the lines of each run; after a restart it goes on from those that are there."""

    def __init__(self, receipts: EgressReceipts, lines: int = LINES) -> None:
        self._receipts = receipts
        self._limit = lines
        self._lines: dict[str, int] = {}

    async def write_down(self, run: str | None, up: int, down: int, refused: str) -> None:
        """Add a call to the receipt of the run; what cannot be written is said in the log and held against nobody."""
        owner = run or NOBODY
        try:
            if owner not in self._lines:
                before = len(await self._receipts.of_run(owner))
                self._lines[owner] = max(before, self._lines.get(owner, 0))
            self._lines[owner] += 1
            if self._lines[owner] <= self._limit:
                passage = Passage(at=datetime.now(UTC), host=MODELS, up=up, down=down, refused=refused)
                await self._receipts.append(owner, passage)
        except OSError as error:
            log.error("a call of %s is not on its receipt: %s", owner, error)  # noqa: TRY400  (said whole)
