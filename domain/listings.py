"""Pages of what grows without end: where one ends, the next one begins, whatever came meanwhile."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol

from pydantic import AwareDatetime, Field

from domain.runs import Run
from domain.values import Value


class RunMark(Value):
    """The last run of a page."""

    created: AwareDatetime = Field(ge=datetime(2000, 1, 1, tzinfo=UTC), le=datetime(9000, 1, 1, tzinfo=UTC))
    id: str = Field(pattern=r"^r-[a-z0-9]{6,32}$")


class Listings(Protocol):
    """The registry's pages."""

    async def run_page(self, person: str | None, project: str | None, after: RunMark | None, limit: int) -> Sequence[Run]:
        """Return runs, newest first, older than `after`: those that `domain.ownership.is_theirs` gives to the person.

        `person` None: everybody's. `project`: only its own.
        """
        ...
