"""How the subgraphs of a delivery end. The caller matches on these."""

from typing import Literal

from pydantic import Field

from domain.checks import Check
from domain.complaints import Complaint
from domain.errors import (
    BudgetSpent,
    LeaseLost,
    ModelKeyMissing,
    ModelKeyRefused,
    NeedsPerson,
    RunCancelled,
    SlipwayError,
    TryAgain,
)
from domain.previews import Preview
from domain.releases import Release
from domain.reports import DroppedTest, TestReport
from domain.seen import Seen
from domain.values import Value

Cause = Literal[
    "",
    "rounds_spent",
    "same_failure",
    "no_plan",
    "gave_up",
    "stuck",
    "refused",
    "flaky",
    "unfit",
    "budget",
    "model_key",
    "environment",
    "try_again",
    "broken",
    "locked",
    "red",
    "diverged",
]
"""Why a run ended without a release, for doors that tell it in the person's language; empty when only words say it."""

REFUSAL = "the model refused to go on"
"""How the detail of a conversation begins whose model refused (stop reason `refusal`); `tasks.agent` says it."""


class Handover(Value):
    """What the developer says when it is done."""

    summary: str = Field(
        min_length=1, max_length=4000, description="What was built or changed, and what was tested, for people"
    )
    dropped: tuple[DroppedTest, ...] = Field(
        default=(),
        max_length=50,
        description="Tests that were run before and are no longer, or are skipped, each with the reason. A person reads it; "
        "without one the work is refused",
    )


class Developed(Value):
    """A round's work, committed."""

    commit: str
    summary: str
    untaken: str = Field(default="", description="Why the workspace was refused: `commit` is then what it began with")
    locked: tuple[str, ...] = Field(default=(), description="Platform files that it touched, against the rules")
    dropped: tuple[DroppedTest, ...] = Field(default=(), description="Tests that it gave up, with its reasons")


class Abandoned(Value):
    """The developer's conversation ended without work to test."""

    reason: str
    detail: str


class Accepted(Value):
    """Engineering's good end: this commit, as this candidate, passed everything."""

    kind: Literal["accepted"] = "accepted"
    commit: str
    candidate: str
    report: TestReport
    rounds: int
    checks: tuple[Check, ...]
    base: str = ""
    """Commit of main that it changes."""
    reservations: tuple[str, ...] = ()
    """What is to be said about it all the same, in sentences for people."""
    seen: Seen = Seen()


class Escalated(Value):
    """Engineering's other end: a person must decide."""

    kind: Literal["escalated"] = "escalated"
    reason: str
    cause: Cause = ""
    evidence: str = ""
    report: TestReport | None = None
    rounds: int = 0
    """Number of the last round that was begun; 0 when none was, or when a service failed."""
    seen: Seen = Seen()
    """Tests of all rounds up to that one."""
    wish: str = ""
    """What the person wants otherwise, while no Brief has come of it."""
    digest: str = ""
    """What its owner is asked to approve, where that is what stops it."""


class Released(Value):
    """The new release serves."""

    kind: Literal["released"] = "released"
    release: Release
    address: str


class Previewed(Value):
    """The change is up beside what serves, until its person confirms it."""

    kind: Literal["previewed"] = "previewed"
    preview: Preview


class SecretsMissing(Value):
    """The person has to provide these first."""

    kind: Literal["secrets missing"] = "secrets missing"
    names: tuple[str, ...]
    complaints: dict[str, Complaint] = Field(default_factory=dict, description="What is wrong with those that were given")


class Rejected(Value):
    """The new release was not fit to serve; what served before still does."""

    kind: Literal["rejected"] = "rejected"
    reason: str
    evidence: str = ""
    started: bool = True
    """A release was made of it and has failed; a run makes one only, so this one cannot try again."""


class Overtaken(Value):
    """The run's release served, and another does now: while the run was interrupted it was replaced or taken back.

    Or `release` is another run's, and serves instead of what this run was to put online again.
    """

    kind: Literal["overtaken"] = "overtaken"
    release: Release
    address: str
    reason: str


Outcome = tuple[Accepted, Released | Previewed | Rejected | Overtaken] | Escalated
"""How the work of a delivery ended, before it is told."""


class Delivered(Value):
    """What a delivery came to."""

    run: str
    state: Literal["delivered", "failed"]
    message: str
    cause: Cause = ""
    address: str = ""
    rounds: int = 0
    release: int | None = None
    preview: int | None = None
    """Its number, when it is up to be looked at and not online yet."""


GIVING_UP: dict[str, Cause] = {"out of budget": "budget", "gave up": "gave_up"}
"""By how a conversation ended; every other end (out of steps, out of time, stuck) is being stuck."""


def cause_of_giving_up(reason: str, detail: str = "") -> Cause:
    """Name the cause of a conversation that ended without a result."""
    return "refused" if detail.startswith(REFUSAL) else GIVING_UP.get(reason, "stuck")


def planless(end: Abandoned, rounds: int) -> Escalated:
    """Return the end of work for which the architect found no plan; only its own word says that there can be none."""
    cause = cause_of_giving_up(end.reason, end.detail)
    return Escalated(
        reason=f"the architect found no plan: {end.reason}",
        cause="no_plan" if cause == "gave_up" else cause,
        evidence=end.detail,
        rounds=rounds,
    )


def interrupted(error: SlipwayError) -> Escalated:
    """Return the end of a subgraph that an error stopped: the same step may go on later."""
    return Escalated(reason=str(error), cause=cause_of(error))


def cause_of(error: SlipwayError) -> Cause:
    """Name the error's cause by who must act."""
    match error:
        case BudgetSpent():
            return "budget"
        case ModelKeyRefused() | ModelKeyMissing():
            return "model_key"
        case RunCancelled():
            return ""
        case NeedsPerson():
            return "environment"
        case TryAgain() | LeaseLost():
            return "try_again"
        case _:
            return "broken"
