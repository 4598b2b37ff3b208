"""What a run has seen of its project's tests: it goes with the work through every round and every answer of its person."""

from pydantic import Field

from domain.dropped import KnownTest, known_tests, merged
from domain.repeats import flaky_names
from domain.reports import TestReport
from domain.values import Value

FLAKY_KEPT, NAME_KEPT = 100, 300


class Seen(Value):
    """The tests of all rounds so far."""

    known: tuple[KnownTest, ...] = Field(default=(), description="Those that ran: a later round without them needs a reason")
    flaky: tuple[str, ...] = Field(default=(), description="Those that passed one time and failed another, for the proof")

    def after(self, report: TestReport) -> "Seen":
        """Return this with what another round showed."""
        flaky = dict.fromkeys((*self.flaky, *(name[:NAME_KEPT] for name in flaky_names(report))))
        return Seen(known=merged(self.known, known_tests(report)), flaky=tuple(flaky)[:FLAKY_KEPT])
