import pytest

from domain.dotenv import Declared, declared, expanded
from domain.environment import Source
from domain.errors import BadInput


@pytest.mark.parametrize(
    ("line", "name", "default"),
    [
        ("PORT=8000", "PORT", "8000"),
        ("export PORT=8000", "PORT", "8000"),
        ("  PORT = 8000  ", "PORT", "8000"),
        ("PORT=", "PORT", ""),
        ("PORT", "PORT", None),
        ('A="two words"', "A", "two words"),
        ("A='single $HOME'", "A", "single $HOME"),
        (r'A="say \"hi\"\n"', "A", 'say "hi"\n'),
        ('A="first\nsecond"', "A", "first\nsecond"),
        ("A=it's", "A", "it's"),
        ("A=x=y=z", "A", "x=y=z"),
        ("A=#fff", "A", "#fff"),
        ("A=a#b", "A", "a#b"),
        ("A=http://${HOST}:${PORT:-80}/x", "A", "http://${HOST}:${PORT:-80}/x"),
        ("\ufeffA=1", "A", "1"),
        ("A=1\r\n", "A", "1"),
        ("'A'=1", "A", "1"),
        ("lower_case=1", "lower_case", "1"),
    ],
)
def test_form_in_the_wild_is_read(line: str, name: str, default: str | None) -> None:
    assert [(entry.name, entry.default) for entry in declared(line)] == [(name, default)]


@pytest.mark.parametrize(
    "text",
    [
        "A=x # [user] The key",
        "A=x # The key [USER]",
        "A='x' # [user] The key",
        'A="x"#[user] The key',
        "A= # [user] The key",
        "A # [user] The key",
        "# [user] The key\nA=x",
        "# [user]\n# The key\nA=x",
        "# [infra]\n\n# [user] The key\nA=x",
        "# [infra] The\r\nA=x # key [user]\r\n",
    ],
)
def test_mark_is_found_above_or_at_the_end_of_the_line(text: str) -> None:
    (entry,) = declared(text)
    assert (entry.source, entry.comment) == (Source.USER, "The key")


@pytest.mark.parametrize(
    "text",
    [
        "# [user]\n\nA=x",
        "# [user]\nB=1\nA=x",
        "# [user] not needed\n# B=1\nA=x",
        "A='x # [user]'",
        "A=x#[user]",
        "# [users] and [user\nA=x",
        '# [user]\nB="1\n2"\nA=x',
    ],
)
def test_mark_of_something_else_does_not_count(text: str) -> None:
    assert {entry.name: entry.source for entry in declared(text)}["A"] is None


def test_comment_in_another_language_stays_with_its_variable() -> None:
    assert declared("# [user] [optional] Ключ от Stripe — в кабинете\nSTRIPE_KEY=") == (
        Declared(name="STRIPE_KEY", default="", comment="Ключ от Stripe — в кабинете", source=Source.USER, optional=True),
    )


@pytest.mark.parametrize("mark", ["[user, optional]", "[optional] [user]", "[user|optional]"])
def test_marks_may_stand_together(mark: str) -> None:
    (entry,) = declared(f"A=1 # {mark}")
    assert (entry.source, entry.optional) == (Source.USER, True)


def test_last_of_equal_names_wins() -> None:
    assert [(e.name, e.default) for e in declared("A=1\nB=2\nA=3\n")] == [("B", "2"), ("A", "3")]


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment", "\ufeff"])
def test_file_without_variables_is_empty(text: str) -> None:
    assert declared(text) == ()


@pytest.mark.parametrize("text", ["OK=1\n\nA='never closed", "\n\nMY-KEY=1", "OK=1\nB=1\nsome.dotted=1", f"\n\n{'A' * 101}=1"])
def test_line_that_cannot_be_read_is_named(text: str) -> None:
    with pytest.raises(BadInput, match="line 3"):
        declared(text)


def test_references_are_filled() -> None:
    known = {"HOST": "h", "EMPTY": ""}.get
    assert expanded("http://${HOST}:${PORT:-80}/${EMPTY}$5", known) == "http://h:80/$5"
    assert expanded("${UNKNOWN}", known) is None
