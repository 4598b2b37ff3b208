"""How the subgraphs of a delivery end. The caller matches on these."""

from typing import Literal

from pydantic import Field

from domain.checks import Check
from domain.errors import BudgetSpent, ModelKeyRefused, SlipwayError, TryAgain
from domain.releases import Release
from domain.reports import TestReport
from domain.values import Value

Cause = Literal["", "rounds_spent", "same_failure", "no_plan", "gave_up", "unfit", "budget", "model_key", "try_again", "broken"]
"""Why a run ended without a release, for doors that tell it in the person's language; empty when only words say it."""


class Handover(Value):
    """What the developer says when it is done."""

    summary: str = Field(
        min_length=1, max_length=4000, description="What was built or changed, and what was tested, for people"
    )


class Developed(Value):
    """A round's work, committed."""

    commit: str
    summary: str
    locked: tuple[str, ...] = Field(default=(), description="Platform files that it touched, against the rules")


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


class Escalated(Value):
    """Engineering's other end: a person must decide."""

    kind: Literal["escalated"] = "escalated"
    reason: str
    cause: Cause = ""
    evidence: str = ""
    report: TestReport | None = None
    rounds: int


class Released(Value):
    """The new release serves."""

    kind: Literal["released"] = "released"
    release: Release
    address: str


class SecretsMissing(Value):
    """The person has to provide these first."""

    kind: Literal["secrets missing"] = "secrets missing"
    names: tuple[str, ...]


class Rejected(Value):
    """The new release was not fit to serve; what served before still does."""

    kind: Literal["rejected"] = "rejected"
    reason: str
    evidence: str = ""


class Delivered(Value):
    """What a delivery came to."""

    run: str
    state: Literal["delivered", "failed"]
    message: str
    cause: Cause = ""
    address: str = ""
    rounds: int = 0
    release: int | None = None


def cause_of_giving_up(reason: str) -> Cause:
    """Name the cause of a conversation that ended without a result."""
    return "budget" if reason == "out of budget" else "gave_up"


def cause_of(error: SlipwayError) -> Cause:
    """Name the error's cause by who must act."""
    match error:
        case BudgetSpent():
            return "budget"
        case ModelKeyRefused():
            return "model_key"
        case TryAgain():
            return "try_again"
        case _:
            return "broken"
