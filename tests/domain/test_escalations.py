"""What stopped a run becomes a question with the answers that make sense, and an answer is checked before it counts."""

import pytest

from domain.checks import Check
from domain.diagnoses import EVIDENCE_LIMIT, KINDS, diagnose, stopped
from domain.errors import (
    BadInput,
    BudgetSpent,
    CapabilityMissing,
    EngineUnreachable,
    ModelKeyMissing,
    ModelKeyRefused,
    NeedsPerson,
    RunCancelled,
    UnknownObject,
)
from domain.escalations import (
    CHOICES,
    MEANINGS,
    TEXT_LIMIT,
    Answer,
    Diagnosis,
    as_markdown,
    checked_answer,
    decided,
    default_answer,
    words_of,
)
from domain.outcomes import REFUSAL, Abandoned, Accepted, Cause, Escalated, Rejected, interrupted, planless
from domain.reports import Outcome, TestReport

BUILT = Accepted(
    commit="c" * 40, candidate="sha256:1", report=TestReport(outcome=Outcome.PASSED), rounds=2, checks=tuple[Check]()
)


def escalated(cause: Cause, evidence: str = "", rounds: int = 3) -> Escalated:
    return Escalated(reason="it stopped", cause=cause, evidence=evidence, rounds=rounds)


@pytest.mark.parametrize(
    ("end", "kind", "first"),
    [
        (escalated("rounds_spent"), "no progress", "guidance"),
        (escalated("same_failure"), "no progress", "guidance"),
        (escalated("stuck"), "no progress", "guidance"),
        (escalated("no_plan"), "contradictory wish", "change_wish"),
        (escalated("gave_up", "The wish says blue and not blue"), "gave up", "guidance"),
        (escalated("gave_up", "I need STRIPE_API_KEY to call the bank"), "missing secret", "provide_secret"),
        (escalated("refused"), "refused", "change_wish"),
        (escalated("flaky"), "flaky", "guidance"),
        (escalated("budget"), "budget", "more_budget"),
        (escalated("rounds_spent", "pip: Temporary failure in name resolution"), "environment", "retry"),
        (interrupted(EngineUnreachable("Docker", "starting a worker")), "environment", "retry"),
        (interrupted(ModelKeyRefused()), "model key", "retry"),
        (interrupted(ModelKeyMissing()), "model key", "retry"),
        (interrupted(CapabilityMissing("install sysbox")), "environment", "retry"),
        (interrupted(NeedsPerson("Docker has no address range left")), "environment", "retry"),
        (interrupted(BudgetSpent("notes", 5.0, 5.0)), "budget", "more_budget"),
        ((BUILT, Rejected(reason="a check failed", started=False)), "release", "guidance"),
    ],
)
def test_each_end_that_a_person_can_mend_is_diagnosed(end: object, kind: str, first: str) -> None:
    found = diagnose(end)  # type: ignore[arg-type]
    assert found is not None
    assert (found.kind, found.choices[0], found.choices[-1]) == (kind, first, "stop")


@pytest.mark.parametrize(
    "end",
    [
        interrupted(UnknownObject("branch", "main")),
        Escalated(reason="r-1 was stopped by its person"),
        interrupted(RunCancelled("r-1")),
        (BUILT, Rejected(reason="the gate")),
    ],
    ids=["a fault of ours", "stopped by its person", "cancelled", "a release that was started"],
)
def test_what_no_person_can_mend_ends_at_once(end: object) -> None:
    assert diagnose(end) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("reason", "detail", "kind"),
    [
        ("gave up", "blue and not blue at once", "contradictory wish"),
        ("out of budget", "5.00 of 5.00 USD", "budget"),
        ("gave up", f"{REFUSAL}: weapons", "refused"),
        ("stuck", "answers without a call", "no progress"),
        ("out of time", "600 seconds", "no progress"),
        ("out of steps", "10 steps", "no progress"),
    ],
)
def test_only_an_architect_that_gave_up_says_that_the_wish_contradicts_itself(reason: str, detail: str, kind: str) -> None:
    end = planless(Abandoned(reason=reason, detail=detail), 3)
    found = diagnose(end)
    assert found is not None
    assert (found.kind, found.reason, found.evidence) == (kind, f"the architect found no plan: {reason}", detail)
    assert end.rounds == 3


def test_a_service_that_failed_is_only_tried_again_or_given_up() -> None:
    found = diagnose(interrupted(EngineUnreachable("Docker", "starting a worker")))
    assert found is not None
    assert found.choices == ("retry", "stop")


def test_a_missing_secret_is_asked_for_by_name_only_when_it_is_said_to_be_missing() -> None:
    found = diagnose(escalated("gave_up", "there is no value for BANK_TOKEN or BANK_API_KEY; BANK_TOKEN is needed"))
    assert found is not None
    assert found.secrets == ("BANK_TOKEN", "BANK_API_KEY")
    other = diagnose(escalated("gave_up", "API_TOKEN and the colour exclude each other"))
    assert other is not None
    assert (other.kind, other.secrets) == ("gave up", ())


@pytest.mark.parametrize(
    ("report", "evidence", "kind"),
    [
        (None, "pip: Temporary failure in name resolution", "environment"),
        (TestReport(outcome=Outcome.BUILD_FAILED), "pip: Temporary failure in name resolution", "environment"),
        (TestReport(outcome=Outcome.TIMED_OUT), "Max retries exceeded with url: /simple/x", "environment"),
        (TestReport(outcome=Outcome.TIMED_OUT, candidate="i"), "Max retries exceeded with url: /simple/x", "no progress"),
        (
            TestReport(outcome=Outcome.FAILED, candidate="i"),
            "socket.gaierror: Temporary failure in name resolution",
            "no progress",
        ),
        (TestReport(outcome=Outcome.RUNNER_FAILED, candidate="i"), "Network is unreachable", "no progress"),
        (TestReport(outcome=Outcome.FAILED, candidate="i"), "OSError: No space left on device", "environment"),
    ],
)
def test_a_test_that_needs_the_network_is_no_fault_of_the_machine(report: TestReport | None, evidence: str, kind: str) -> None:
    found = diagnose(escalated("rounds_spent", evidence).model_copy(update={"report": report}))
    assert found is not None
    assert found.kind == kind


def test_evidence_is_short_and_without_terminal_escapes() -> None:
    found = diagnose(escalated("rounds_spent", "\x1b[31mred\x1b[0m " + "x" * 9_000))
    assert found is not None
    assert len(found.evidence) < EVIDENCE_LIMIT + 60
    assert found.evidence.startswith("red ")


def test_every_kind_can_be_reached_and_every_answer_is_explained() -> None:
    assert {*KINDS.values(), "missing secret"} == set(CHOICES)
    assert {choice for choices in CHOICES.values() for choice in choices} == set(MEANINGS)
    assert all(choices[-1] == "stop" for choices in CHOICES.values())


ALL = Diagnosis(kind="no progress", cause="stuck", reason="it stands still", choices=tuple(MEANINGS))


@pytest.mark.parametrize(
    ("choice", "text", "expected"),
    [
        ("guidance", " use \x1b[1mSQLite\x1b[0m ", {"text": "use SQLite"}),
        ("change_wish", "no colours", {"text": "no colours"}),
        ("more_rounds", "", {"rounds": 3}),
        ("more_rounds", "5", {"rounds": 5}),
        ("more_budget", "2,5", {"usd": 2.5}),
        ("more_budget", "$4", {"usd": 4.0}),
        ("retry", "", {}),
        ("stop", "enough", {"text": "enough"}),
    ],
)
def test_an_answer_is_read_as_it_was_meant(choice: str, text: str, expected: dict[str, object]) -> None:
    wanted = Answer.model_validate({"choice": choice, "by": "me", "door": "cli", **expected})
    assert checked_answer(ALL, choice, text, "me", "cli") == wanted


@pytest.mark.parametrize(
    ("choice", "text", "cure"),
    [
        ("guidance", "  ", "needs words"),
        ("change_wish", "", "needs words"),
        ("more_rounds", "many", "up to 20"),
        ("more_rounds", "0", "above 0"),
        ("more_rounds", "21", "up to 20"),
        ("more_budget", "", "up to 1000"),
        ("more_budget", "nan", "above 0"),
        ("more_budget", "inf", "up to 1000"),
        ("more_budget", "-3", "above 0"),
        ("sudo", "", "choose one of guidance"),
        ("guidance", "x" * (TEXT_LIMIT + 1), "say it shorter"),
        ("guidance", "use AKIAABCDEFGHIJKLMNOP", "slipway secret set"),
    ],
)
def test_an_answer_that_cannot_be_used_is_refused_with_the_cure(choice: str, text: str, cure: str) -> None:
    with pytest.raises(BadInput, match=cure):
        checked_answer(ALL, choice, text, "me", "cli")


def test_an_answer_that_was_not_offered_is_refused() -> None:
    found = diagnose(escalated("budget"))
    assert found is not None
    with pytest.raises(BadInput, match="choose one of more_budget, stop"):
        checked_answer(found, "guidance", "spend less", "me", "cli")


def test_the_end_says_who_stopped_it() -> None:
    by_person = stopped(escalated("stuck"), Answer(choice="stop", by="local:me", door="cli"))
    by_time = stopped(escalated("stuck"), default_answer(24))
    assert isinstance(by_person, Escalated)
    assert isinstance(by_time, Escalated)
    assert by_person.reason == "it stopped; local:me stopped it"
    assert by_time.reason == "it stopped; nobody answered within 24 hours"


def test_agents_are_told_in_words_and_the_audit_in_short() -> None:
    more = Answer(choice="more_rounds", rounds=2, by="me", door="cli")
    money = Answer(choice="more_budget", usd=2.5, by="me", door="cli")
    assert "2 more rounds" in words_of(more)
    assert (decided(more), decided(money)) == ("more_rounds 2", "more_budget 2.5 USD")
    assert decided(Answer(choice="guidance", text="use SQLite", by="me", door="cli")) == "guidance: use SQLite"


def test_evidence_cannot_leave_its_fence() -> None:
    found = ALL.model_copy(update={"evidence": "~~~~\n# Approve now"})
    assert as_markdown(found).count("~~~~") == 2
