"""Who Telegram says that somebody is: published examples, and all that only looks like them."""

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlencode

import pytest

from domain.telegram_identity import AGE, AHEAD, LENGTH, NotBelieved, Word, signature, telegram_person

TOKEN = "5768337691:AAH5YkoiEuPk8-FZa32hStHTqXiLPtAEhx8"
MINI_APP = (
    "query_id=AAHdF6IQAAAAAN0XohDhrOrc&user=%7B%22id%22%3A279058397%2C%22first_name%22%3A%22Vladislav%22%2C%22last_name%22%3A"
    "%22Kibenko%22%2C%22username%22%3A%22vdkfrost%22%2C%22language_code%22%3A%22ru%22%2C%22is_premium%22%3Atrue%7D"
    "&auth_date=1662771648&hash=c501b71e775f74ce10e377dea85a7ea24ecd640b223ea86dfe453e0eaed2e2b2"
)
"""A published example of init data (telegram-apps)."""
SIGNED = datetime.fromtimestamp(1662771648, UTC)
WIDGET_TOKEN = "123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11"
WIDGET = (
    "id=42&first_name=John&last_name=Smith&username=username&photo_url=https%3A%2F%2Ft.me%2Fi%2Fuserpic%2F320%2Fpicname.jpg"
    "&auth_date=1565810688&hash=c303db2b5a06fe41d23a9b14f7c545cfc11dcc7473c07c9c5034ae60062461ce"
)
"""A published example of the widget's fields (aiogram)."""
WIDGET_SIGNED = datetime.fromtimestamp(1565810688, UTC)


def signed(word: Word = Word.MINI_APP, token: str = TOKEN, **fields: str) -> str:
    fields = {"auth_date": str(int(SIGNED.timestamp())), **fields}
    return urlencode({**fields, "hash": signature(fields, word, token)})


def a_user(**more: object) -> str:
    return json.dumps({"id": 7, "first_name": "Ann", **more})


def test_published_examples_name_their_person() -> None:
    person = telegram_person(MINI_APP, Word.MINI_APP, TOKEN, SIGNED + timedelta(minutes=1))
    assert (person.name, person.first_name, person.language) == ("telegram:279058397", "Vladislav", "ru")
    other = telegram_person(WIDGET, Word.WIDGET, WIDGET_TOKEN, WIDGET_SIGNED)
    assert (other.name, other.first_name, other.language) == ("telegram:42", "John", "")


def test_signature_counts_as_all_other_fields_do() -> None:
    person = telegram_person(signed(user=a_user(), signature="third-party"), Word.MINI_APP, TOKEN, SIGNED)
    assert person.user == 7


@pytest.mark.parametrize(
    ("said", "word", "token"),
    [
        (MINI_APP, Word.WIDGET, TOKEN),
        (WIDGET, Word.MINI_APP, WIDGET_TOKEN),
        (MINI_APP, Word.MINI_APP, WIDGET_TOKEN),
        (MINI_APP, Word.MINI_APP, ""),
        (signed(token="", user=a_user()), Word.MINI_APP, ""),
        (MINI_APP.replace("279058397", "279058398"), Word.MINI_APP, TOKEN),
        (MINI_APP.replace("&auth_date=1662771648", ""), Word.MINI_APP, TOKEN),
        (MINI_APP.replace("c501b71e", "C501B71E"), Word.MINI_APP, TOKEN),
        (MINI_APP.partition("&hash")[0], Word.MINI_APP, TOKEN),
        (f"{MINI_APP}&hash=c501", Word.MINI_APP, TOKEN),
        (f"{MINI_APP}&extra=1", Word.MINI_APP, TOKEN),
        ("", Word.MINI_APP, TOKEN),
        ("hash=" + "0" * 64, Word.MINI_APP, TOKEN),
        ("%ff=%fe&hash=1", Word.MINI_APP, TOKEN),
        ("\ud800=1", Word.MINI_APP, TOKEN),
        ("a=1;b=2", Word.MINI_APP, TOKEN),
    ],
)
def test_what_telegram_has_not_signed_so_is_not_believed(said: str, word: Word, token: str) -> None:
    moment = WIDGET_SIGNED if "id=42" in said else SIGNED
    with pytest.raises(NotBelieved):
        telegram_person(said, word, token, moment)


def test_it_is_believed_for_minutes_and_not_from_the_future() -> None:
    said = signed(user=a_user())
    for age in (AGE, timedelta(), -AHEAD):
        assert telegram_person(said, Word.MINI_APP, TOKEN, SIGNED + age).user == 7
    for age in (AGE + timedelta(seconds=1), -AHEAD - timedelta(seconds=1), timedelta(days=400)):
        with pytest.raises(NotBelieved):
            telegram_person(said, Word.MINI_APP, TOKEN, SIGNED + age)


@pytest.mark.parametrize("date", ["", "now", "-1", "1e9", "1662771648.0", "٣", "9" * 19, " 1662771648"])
def test_odd_times_are_refused_also_with_a_right_signature(date: str) -> None:
    with pytest.raises(NotBelieved):
        telegram_person(signed(user=a_user(), auth_date=date), Word.MINI_APP, TOKEN, SIGNED)


@pytest.mark.parametrize(
    "user",
    [
        "",
        "null",
        "[]",
        "7",
        "{}",
        "[" * 2000,
        json.dumps({"id": "7"}),
        json.dumps({"id": True}),
        json.dumps({"id": 7.0}),
        json.dumps({"id": 0}),
        json.dumps({"id": -7}),
        json.dumps({"id": 2**60}),
        a_user(is_bot=True),
        a_user(is_bot="no"),
    ],
)
def test_odd_users_are_refused_also_with_a_right_signature(user: str) -> None:
    with pytest.raises(NotBelieved):
        telegram_person(signed(user=user), Word.MINI_APP, TOKEN, SIGNED)


def test_name_that_holds_lines_cannot_be_read_as_other_fields() -> None:
    real = {"auth_date": str(int(SIGNED.timestamp())), "first_name": "Eve\nid=42\nlast_name=x", "id": "66"}
    shown = signature(real, Word.WIDGET, TOKEN)
    forged = {"auth_date": real["auth_date"], "first_name": "Eve", "id": "42", "last_name": "x\nid=66"}
    assert signature(forged, Word.WIDGET, TOKEN) == shown  # to Telegram's scheme both are one text
    for fields in (real, forged):
        with pytest.raises(NotBelieved):
            telegram_person(urlencode({**fields, "hash": shown}), Word.WIDGET, TOKEN, SIGNED)


def test_name_is_cut_and_loses_what_cannot_be_seen() -> None:
    odd = telegram_person(signed(user=a_user(first_name="A\u202e\x07nn" * 40)), Word.MINI_APP, TOKEN, SIGNED)
    assert odd.first_name == ("Ann" * 40)[:64]


def test_more_than_telegram_says_is_not_even_read() -> None:
    with pytest.raises(NotBelieved, match="more than Telegram says"):
        telegram_person(signed(user=a_user(first_name="a" * LENGTH)), Word.MINI_APP, TOKEN, SIGNED)
    assert len(dict(parse_qsl(MINI_APP))) == 4
