"""Pages of what grows without end: where one ends, the next one begins, whatever came meanwhile."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol

from pydantic import AwareDatetime, Field

from domain.runs import Run
from domain.values import Value


class RunMark(Value):
    """The last run of a page."""

    created: AwareDatetime = Field(ge=datetime(2000, 1, 1, tzinfo=UTC), le=datetime(9000, 1, 1, tzinfo=UTC))
    id: str = Field(pattern=r"^r-[a-z0-9]{6,32}$")


class ProjectLine(Value):
    """How a project stands, as far as a list says it."""

    live: int | None = None
    """Number of the release that serves."""
    last: Run | None = None
    """The newest run."""
    micro_usd: int = 0
    """What was spent, in millionths of a USD."""


class ProjectLines(Protocol):
    """The registry's list of projects."""

    async def project_lines(self, slugs: Sequence[str]) -> Mapping[str, ProjectLine]:
        """Return how each of these projects stands, in as many questions for a hundred as for one."""
        ...


class Listings(Protocol):
    """The registry's pages."""

    async def run_page(self, person: str | None, project: str | None, after: RunMark | None, limit: int) -> Sequence[Run]:
        """Return runs, newest first, older than `after`: those that `domain.ownership.is_theirs` gives to the person.

        `person` None: everybody's. `project`: only its own.
        """
        ...
