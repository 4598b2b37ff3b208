"""Texts for people: every language says the same things, and every error becomes a sentence."""

from string import Formatter

import pytest

from deployments.wording import ENGLISH, LANGUAGES, RUSSIAN, explain, say, spoken
from domain.errors import (
    BadInput,
    BudgetSpent,
    LockTaken,
    ModelKeyRefused,
    ModelOverloaded,
    NothingToRollBackTo,
    SlipwayError,
    UnknownObject,
)
from domain.runs import STEPS

ERRORS = (
    BadInput("no name"),
    BudgetSpent("notes", 5.0, 4.99),
    LockTaken("deploy", "r-1"),
    ModelKeyRefused(),
    ModelOverloaded(529),
    NothingToRollBackTo("notes"),
    UnknownObject("release", 3),
    SlipwayError("odd"),
)


def fields(template: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(template) if name is not None}


def test_all_languages_have_the_same_keys() -> None:
    assert set(RUSSIAN) == set(ENGLISH)


@pytest.mark.parametrize("key", ENGLISH)
def test_a_text_has_the_same_named_fields_in_all_languages(key: str) -> None:
    assert fields(RUSSIAN[key]) == fields(ENGLISH[key])
    assert all(name.isidentifier() for name in fields(ENGLISH[key]))


@pytest.mark.parametrize("key", ENGLISH)
def test_a_text_is_whole_plain_and_translated(key: str) -> None:
    for texts in LANGUAGES.values():
        assert texts[key] == texts[key].strip() != ""
        assert not set("<>&") & set(texts[key])
    assert RUSSIAN[key] != ENGLISH[key] or not any(c.isalpha() for c in ENGLISH[key].translate({ord("{"): None}).split("}")[-1])


def test_every_step_of_a_delivery_has_a_name() -> None:
    assert {key for key in ENGLISH if key.startswith("step_")} == {f"step_{step}" for step in STEPS}


@pytest.mark.parametrize(
    ("tag", "language"), [("ru", "ru"), ("ru-RU", "ru"), ("EN-us", "en"), ("de", "en"), ("", "en"), (None, "en")]
)
def test_language_follows_the_persons_tag(tag: str | None, language: str) -> None:
    assert spoken(tag) == language


def test_fields_are_filled_in() -> None:
    assert say("ru-RU", "round", round=2, of=3) == "круг 2 из 3"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_every_error_becomes_a_sentence_that_says_what_to_do(error: SlipwayError, language: str) -> None:
    told = explain(language, error)
    assert len(told) > 10
    assert "{" not in told
    assert type(error).__name__ not in told


def test_families_speak_differently() -> None:
    assert "in a minute" in explain("en", LockTaken("deploy", "r-1"))
    assert explain("en", BadInput("name it")) == "I cannot go on: name it"
    assert "operator" in explain("en", UnknownObject("release", 3))
