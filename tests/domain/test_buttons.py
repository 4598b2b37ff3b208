"""References of buttons: short, the same for the same button, and no other's."""

from datetime import UTC, datetime, timedelta

from domain.buttons import button
from domain.chat_text import fits
from domain.people import Person

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


def test_same_button_of_a_person_has_one_reference_and_every_other_has_its_own() -> None:
    first = button("telegram:1", "stop:r-abc123", NOON)
    again = button("telegram:1", "stop:r-abc123", NOON + timedelta(days=1))
    assert first.reference == again.reference
    others = {button("telegram:2", "stop:r-abc123", NOON).reference, button("telegram:1", "stop:r-abc124", NOON).reference}
    assert len({first.reference, *others}) == 3
    assert len(first.reference.encode()) <= 64
    assert "abc123" not in first.reference


def test_person_speaks_what_was_chosen_else_what_is_usual() -> None:
    assert [Person(name="p", language=chosen).speaks("ru") for chosen in ("auto", "en", "ru")] == ["ru", "en", "ru"]


def test_message_fits_by_what_is_seen_of_it() -> None:
    assert fits(f"<b>{'a' * 4096}</b>")
    assert fits("&amp;" * 4096)
    assert not fits("a" * 4097)
    assert not fits("😀" * 2049)
