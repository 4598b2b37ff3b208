import pytest

from domain.errors import BadInput, Broken, ModelKeyRefused, ModelOverloaded, ModelRequestRefused, NoReply
from domain.talks import POISON, Talk, TalkState, account, after_failure, is_poisoned


@pytest.mark.parametrize(
    ("error", "attempts", "move"),
    [
        (ModelOverloaded(529), 1, "tell"),
        (ModelOverloaded(529), POISON, "tell"),
        (ModelKeyRefused(), 1, "tell"),
        (BadInput("no"), 1, "tell"),
        (NoReply("out of budget", "spent"), 1, "over"),
        (NoReply("out of steps", "16"), POISON, "over"),
        (NoReply("stuck", "it does not fit"), 1, "aside"),
        (ModelRequestRefused(400, "no"), 1, "again"),
        (ModelRequestRefused(400, "no"), POISON - 1, "again"),
        (ModelRequestRefused(400, "no"), POISON, "aside"),
        (Broken("here"), POISON, "aside"),
        (ZeroDivisionError(), 1, "again"),
        (ZeroDivisionError(), POISON + 3, "aside"),
    ],
)
def test_only_what_nobody_can_mend_counts_against_a_session(error: Exception, attempts: int, move: str) -> None:
    assert after_failure(error, attempts) == move


@pytest.mark.parametrize(("attempts", "poisoned"), [(1, False), (POISON, False), (POISON + 1, True)])
def test_turn_that_kills_its_process_is_begun_a_few_times_only(attempts: int, poisoned: bool) -> None:
    assert is_poisoned(attempts) is poisoned


def test_sessions_of_a_person_are_told_apart_and_share_their_account() -> None:
    first, later, other = (
        Talk(name=name, epoch=epoch, turn=1, state=TalkState.IDLE)
        for name, epoch in (("telegram:1", 1), ("telegram:1", 2), ("telegram:2", 1))
    )
    assert len({first.session, later.session, other.session}) == 3
    assert first.session.startswith(account("telegram:1"))
    assert later.session.startswith(account("telegram:1"))
    assert not other.session.startswith(account("telegram:1"))
