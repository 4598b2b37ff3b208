"""Texts for people: every language says the same things, and every error becomes a sentence."""

import re
from datetime import UTC, datetime, timedelta
from string import Formatter

import pytest

from deployments.desk.secret_view import age
from deployments.wording.explaining import explain
from deployments.wording.texts import ENGLISH, LANGUAGES, RUSSIAN, say, spoken
from domain.errors import (
    BadInput,
    Broken,
    BudgetSpent,
    DiskFull,
    EngineUnreachable,
    LeaseLost,
    LockTaken,
    ModelKeyMissing,
    ModelKeyRefused,
    ModelOverloaded,
    NothingToRollBackTo,
    SecretMissing,
    ServiceUnreachable,
    SlipwayError,
    TryAgain,
    UnknownObject,
)
from domain.refusals import HOSTS, HostRefused, LimitReached, RollbackRefused
from domain.runs import STEPS

ERRORS = (
    BadInput("no name"),
    BudgetSpent("notes", 5.0, 4.99),
    LimitReached("runs", "telegram:1", 3, None),
    LimitReached("usd_month", "telegram:1", 100.0, datetime(2026, 12, 1, tzinfo=UTC)),
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


@pytest.mark.parametrize(
    ("passed", "english", "russian"),
    [
        (timedelta(seconds=-5), "0 min", "0 мин"),
        (timedelta(minutes=59), "59 min", "59 мин"),
        (timedelta(hours=23), "23 h", "23 ч"),
        (timedelta(days=3, hours=5), "3 d", "3 д"),
    ],
)
def test_age_is_told_in_the_units_of_the_language(passed: timedelta, english: str, russian: str) -> None:
    assert (age(passed), age(passed, "ru")) == (english, russian)


def test_limit_of_money_says_how_much_it_is_and_when_it_ends() -> None:
    reached = LimitReached("usd_day", "telegram:1", 20.0, datetime(2026, 11, 29, tzinfo=UTC))
    for language in LANGUAGES:
        assert "$20.00" in explain(language, reached)
        assert "2026-11-29 00:00 UTC" in explain(language, reached)


@pytest.mark.parametrize("why", HOSTS)
def test_every_reason_against_a_host_is_told_in_both_languages(why: str) -> None:
    refused = HostRefused(why, "a.example.org", "notes")
    english, russian = explain("en", refused), explain("ru", refused)
    assert "a.example.org" in english
    assert "a.example.org" in russian
    assert "a.example.org" in str(refused)
    assert any("а" <= letter <= "я" for letter in russian)


@pytest.mark.parametrize(
    "error",
    [
        DiskFull("/data"),
        EngineUnreachable("Docker", "starting notes", "refused"),
        LeaseLost("notes", "r-1"),
        LockTaken("deploy notes", "r-1"),
        ModelKeyMissing(),
        RollbackRefused("notes", "notes has no release 7"),
        SecretMissing("notes", ("TOKEN",)),
        ServiceUnreachable("the registry", "reading", "it is locked"),
    ],
)
def test_russian_sentence_on_a_known_error_holds_no_english(error: SlipwayError) -> None:
    words = re.sub(r"/\w+|notes|[A-Z_]{4,}|Slipway", "", explain("ru", error))
    assert not re.findall(r"[A-Za-z]+", words)


def test_what_nobody_foresaw_is_quoted_and_said_to_be_english() -> None:
    for error in (BadInput("name it"), TryAgain("busy"), Broken("odd")):
        assert explain("ru", error).endswith(f"Причина, по-английски: {error}")


def test_families_speak_differently() -> None:
    assert "in a minute" in explain("en", TryAgain("busy"))
    assert explain("en", BadInput("name it")) == "I cannot go on: name it"
    assert "operator" in explain("en", UnknownObject("release", 3))
