"""Pushes: what is done about one, and what an approval is bound to."""

import pytest

from domain.diagnoses import diagnose, of_push
from domain.errors import BadInput
from domain.escalations import CHOICES, Diagnosis, checked_answer
from domain.outcomes import Escalated
from domain.patches import Patch
from domain.pushes import Push, approval_digest, judged_push, names_digest, shown_change

OURS, THEIRS, OLD = "a" * 40, "b" * 40, "c" * 40


@pytest.mark.parametrize(
    ("head", "ours", "fork", "judged"),
    [
        (OURS, OURS, OURS, Push.KNOWN),
        (OLD, OURS, OLD, Push.KNOWN),
        (THEIRS, OURS, OURS, Push.FORWARD),
        (THEIRS, OURS, OLD, Push.DIVERGED),
        (THEIRS, OURS, None, Push.DIVERGED),
        (THEIRS, None, None, Push.DIVERGED),
    ],
)
def test_only_what_builds_on_our_main_is_delivered(head: str, ours: str | None, fork: str | None, judged: Push) -> None:
    assert judged_push(head, ours, fork) is judged


def test_digest_is_of_the_files_and_of_both_commits() -> None:
    one = approval_digest(OURS, THEIRS, ("Dockerfile", "app.json"))
    assert one == approval_digest(OURS, THEIRS, ("app.json", "Dockerfile"))
    others = {
        approval_digest(OLD, THEIRS, ("app.json", "Dockerfile")),
        approval_digest(OURS, OLD, ("app.json", "Dockerfile")),
        approval_digest(OURS, THEIRS, ("app.json",)),
    }
    assert len(others | {one}) == 4


@pytest.mark.parametrize(
    ("words", "names"),
    [("abcdef012345", True), ("ABCDEF0123456", True), ("abcdef01234", False), ("", False), ("bbcdef012345", False)],
)
def test_digest_is_named_by_twelve_of_its_digits_or_more(words: str, names: bool) -> None:
    assert names_digest("abcdef0123456789" * 4, words) is names
    assert not names_digest("", words)


def locked(digest: str = "abcdef0123456789" * 4) -> Diagnosis:
    end = Escalated(reason="the push changes app.json", cause="locked", evidence="app.json", digest=digest)
    found = of_push(diagnose(end))
    assert found is not None
    return found


def test_owner_is_asked_and_the_answer_is_bound_to_the_digest() -> None:
    asked = locked()
    assert (asked.kind, asked.choices) == ("platform files", ("approve", "stop"))
    for words in ("", "abcdef012345", asked.digest):
        assert checked_answer(asked, "approve", words, "ann", "telegram").text == asked.digest
    for words in ("abc", "0" * 12, f"{asked.digest}0", "yes"):
        with pytest.raises(BadInput, match="is another change: this one is abcdef012345"):
            checked_answer(asked, "approve", words, "ann", "github")


@pytest.mark.parametrize("kind", sorted(CHOICES))
def test_nobody_is_told_anything_where_a_persons_own_commit_is_delivered(kind: str) -> None:
    asked = locked().model_copy(update={"choices": CHOICES[kind]})  # type: ignore[index]
    left = of_push(asked)
    assert left is not None
    assert not {"guidance", "change_wish", "more_rounds", "provide_secret"} & {*left.choices}
    assert "stop" in left.choices


@pytest.mark.parametrize("cause", ["red", "diverged"])
def test_push_that_does_not_pass_ends_and_asks_nobody(cause: str) -> None:
    assert of_push(diagnose(Escalated(reason="x", cause=cause))) is None  # type: ignore[arg-type]


def test_owner_is_shown_the_platform_files_alone() -> None:
    diff = "diff --git a/app.json b/app.json\n-1\n+2\ndiff --git a/app.py b/app.py\n-secret\n+code\n"
    shown = shown_change(Patch(base=OURS, commit=THEIRS, files=(), diff=diff), ("app.json",), "d" * 64)
    assert shown == "app.json\ndigest dddddddddddd\na/app.json b/app.json\n-1\n+2"
