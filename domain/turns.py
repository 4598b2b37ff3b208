"""Whose turn it is after a round: the developer's, with something to mend; a person's; or nobody's, since it is done."""

from collections.abc import Sequence

from domain.failures import feedback, signature
from domain.mutants import MutationRun
from domain.mutants import as_text as mutant_text
from domain.outcomes import Abandoned, Cause, cause_of_giving_up
from domain.reports import Outcome, TestReport
from domain.reviews import Review
from domain.reviews import as_text as finding_text
from domain.values import Value
from domain.verdicts import refused


class Judged(Value):
    """What a round came to: the tester's report, and what else was found out about a green one."""

    number: int
    commit: str
    report: TestReport
    mutation: MutationRun = MutationRun()
    review: Review = Review()


class Back(Value):
    """The developer goes on, and is told this."""

    feedback: str


class Take(Value):
    """This round's work is accepted."""

    judged: Judged


class Stop(Value):
    """A person must decide."""

    reason: str
    cause: Cause
    evidence: str


Move = Back | Take | Stop


def examined(judged: Judged, mutation: MutationRun, review: Review) -> Judged:
    """Put what was found out about a green round to it; tests that notice nothing are no pass."""
    report = judged.report
    if mutation.blind:
        survivors = "\n".join(map(mutant_text, mutation.survivors))
        words = f"The tests pass, and prove nothing: {mutation.sentence}. Write tests that fail when the behaviour is wrong."
        report = refused(report, Outcome.TESTS_BLIND, words).model_copy(update={"log": survivors})
    return judged.model_copy(update={"report": report, "mutation": mutation, "review": review})


def next_move(rounds: Sequence[Judged], last: int, *, stubborn: bool = False) -> Move:
    """Decide from all rounds, the newest at the end; `last` is the number of the last one that may be red.

    A green round's survivors and blocking findings go back once each, even after the last round; when nothing
    better comes of it, what was green is taken all the same. `stubborn`: the same failure twice is no reason to stop.
    """
    *earlier, newest = rounds
    if newest.report.passed:
        words = _complaints(newest, earlier) if newest.number <= last else ""
        return Back(feedback=words) if words else Take(judged=newest)
    repeated = not stubborn and bool(earlier) and signature(newest.report) == signature(earlier[-1].report)
    if not repeated and newest.number < last:
        return Back(feedback=feedback(newest.report))
    return _fallback(rounds) or _stop(newest, repeated=repeated)


def after_giving_up(rounds: Sequence[Judged], work: Abandoned) -> Take | Stop:
    """Decide when the developer stopped: what was green before stays so."""
    reason = f"the developer stopped: {work.reason}"
    return _fallback(rounds) or Stop(reason=reason, cause=cause_of_giving_up(work.reason, work.detail), evidence=work.detail)


def reservations(judged: Judged) -> tuple[str, ...]:
    """Say what its person must know of accepted work, in sentences; that of survivors stands in the proof alone."""
    given_up = (f"a test was given up: {note}" for note in judged.report.notes)
    return (*given_up, *(f"the reviewer objects to {finding_text(each).removeprefix('- ')}" for each in judged.review.blocking))


def _complaints(newest: Judged, earlier: Sequence[Judged]) -> str:
    """Return what goes back of a green round: survivors and blocking findings, unless such went back before."""
    told = [each for each in earlier if each.report.passed]
    parts = []
    if newest.review.blocking and not any(each.review.blocking for each in told):
        found = "\n".join(map(finding_text, newest.review.blocking))
        parts.append(f"A reviewer read the change and objects. Mend it, or finish and say why it is right:\n{found}")
    if newest.mutation.survivors and not any(each.mutation.survivors for each in told):
        found = "\n".join(map(mutant_text, newest.mutation.survivors))
        parts.append(
            "Faults were put into your change one by one, and no test noticed these. Write the tests that notice them, where "
            f"the behaviour matters; take out code that nothing needs; leave the rest as it is:\n{found}"
        )
    return "\n\n".join([f"{newest.report.summary} All checks passed.", *parts]) if parts else ""


def _fallback(rounds: Sequence[Judged]) -> Take | None:
    green = next((each for each in reversed(rounds) if each.report.passed), None)
    return Take(judged=green) if green else None


def _stop(newest: Judged, *, repeated: bool) -> Stop:
    reason = "the same failure came twice" if repeated else f"the tests still fail after {newest.number} rounds"
    cause: Cause = "same_failure" if repeated else "rounds_spent"
    if newest.report.outcome is Outcome.FLAKY:
        cause = "flaky"
    return Stop(reason=reason, cause=cause, evidence=feedback(newest.report))
