import base64
import html
import json
import logging
import urllib.parse
from collections.abc import Iterator

import pytest

from domain.gateway import Access, token_of
from domain.redaction import Redactor
from tasks import redaction

SECRET = 'sk-"Ünïcode"/+&\\ 9x7Qz'
MARK = "«secret STRIPE_KEY»"


def encoded(value: str, before: str = "", after: str = "") -> str:
    return base64.b64encode(f"{before}{value}{after}".encode()).decode()


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        SECRET[::-1],
        encoded(SECRET),
        encoded(SECRET).rstrip("="),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
        SECRET.encode().hex(),
        SECRET.encode().hex().upper(),
        SECRET.encode().hex(" "),
        SECRET.encode().hex(":").upper(),
        "\\x" + SECRET.encode().hex(":").replace(":", "\\x"),
        urllib.parse.quote(SECRET),
        urllib.parse.quote(SECRET, safe=""),
        urllib.parse.quote_plus(SECRET),
        urllib.parse.quote_plus(SECRET).replace("%2B", "%2b").replace("%C3%9C", "%c3%9c").replace("%C3%AF", "%c3%af")
        .replace("%2F", "%2f").replace("%5C", "%5c"),
        json.dumps(SECRET)[1:-1],
        json.dumps(SECRET, ensure_ascii=False)[1:-1],
        json.dumps(json.dumps(SECRET))[3:-3],
        repr(SECRET + "'")[1:-3],
        html.escape(SECRET),
    ],
)  # fmt: skip
def test_every_form_is_replaced(form: str) -> None:
    assert Redactor({"STRIPE_KEY": SECRET}).redact(f"key={form}; done") == f"key={MARK}; done"


@pytest.mark.parametrize("before", ["", "a", "ab", "abc", "user:"])
@pytest.mark.parametrize("after", ["", "z", "zz", "zzz"])
@pytest.mark.parametrize("value", ["hunter2!", "correct-horse-battery", "aaaaaa??>>~~"])
def test_base64_of_longer_data_is_replaced_at_each_alignment(before: str, after: str, value: str) -> None:
    for text in (encoded(value, before, after), base64.urlsafe_b64encode(f"{before}{value}{after}".encode()).decode()):
        clean = Redactor({"PW": value}).redact(text)
        assert "«secret PW»" in clean
        assert len(clean.replace("«secret PW»", "")) <= -(-len(before) * 8 // 6) + len(after) * 2 + 5


LONG = "correct-horse-battery-staple/" * 5


def folded(text: str, width: int, end: str = "\n") -> str:
    return end.join(text[start : start + width] for start in range(0, len(text), width))


@pytest.mark.parametrize(
    "form",
    [
        base64.encodebytes(LONG.encode()).decode(),
        folded(encoded(LONG), 64),
        folded(encoded(LONG), 64, "\r\n"),
        folded(encoded(LONG, "a"), 76),
        folded(LONG.encode().hex(), 60),
    ],
)
def test_encoding_that_is_folded_into_lines_is_found(form: str) -> None:
    clean = Redactor({"PW": LONG}).redact(f"it is:\n{form}\nand more")
    assert "«secret PW»" in clean
    assert len(clean) < 50


@pytest.mark.parametrize(
    "text",
    ["0123456789abcdef\n" * 9, "some_long_identifier_here\nanother_long_identifier_there\n", "=" * 80],
)
def test_lines_that_hide_nothing_stay_as_they_are(text: str) -> None:
    assert Redactor({"PW": LONG, "SHORT": "hunter22"}).redact(text) == text


def test_longer_value_goes_before_one_that_it_holds() -> None:
    redactor = Redactor({"SHORT": "abcdef", "LONG": "abcdefghij"})
    assert redactor.redact("abcdefghij abcdef") == "«secret LONG» «secret SHORT»"


def test_value_that_reads_like_a_mark_garbles_no_mark() -> None:
    assert Redactor({"A": "secret", "B": "hunter22"}).redact("hunter22 secret") == "«secret B» «secret A»"


def test_lines_of_a_key_file_are_known_one_by_one() -> None:
    pem = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END KEY-----\n"
    clean = Redactor({"PEM": pem}).redact("log: hkiG9w0BAQEFAASC\nlog: -----BEGIN KEY-----")
    assert clean == "log: «secret PEM»\nlog: -----BEGIN KEY-----"


@pytest.mark.parametrize("values", [{}, {"A": ""}, {"A": "12345"}])
def test_nothing_or_short_values_change_nothing(values: dict[str, str]) -> None:
    assert Redactor(values).redact("12345 stays") == "12345 stays"


def test_a_token_of_the_model_gateway_is_known_by_its_look() -> None:
    access = Access(run="r-1", project="notes", role="developer", conversation="r-1/developer", expires=9)
    line = f"ANTHROPIC_AUTH_TOKEN={token_of(access, 'key')} and more"
    assert Redactor({}).redact(line) == "ANTHROPIC_AUTH_TOKEN=«token of the model gateway» and more"


def test_redactors_add_up_also_when_names_are_equal() -> None:
    both = Redactor({"TOKEN": "value-of-a"}).also(Redactor({"TOKEN": "value-of-b"})).also(Redactor({"TOKEN": "value-of-b"}))
    clean = both.redact("value-of-a value-of-b")
    assert "value-of" not in clean
    assert clean.startswith("«secret TOKEN» «secret TOKEN")
    assert repr(both.also(both)) == repr(both) == "Redactor(TOKEN, TOKEN (2))"


def test_repr_shows_names_only() -> None:
    assert repr(Redactor({"TOKEN": "value-of-a"})) == "Redactor(TOKEN)"


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def logger(lines: list[str]) -> Iterator[logging.Logger]:
    """A logger below Prefect's own, with one handler on that."""

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    handler = Keep()
    logging.getLogger("prefect.flow_runs").addHandler(handler)
    redaction.install(Redactor({"PW": "hunter2-hunter2"}))
    redaction.install(Redactor({"OTHER": "tr0ub4dor&3"}))
    yield logging.getLogger("prefect.flow_runs.here")
    logging.getLogger("prefect.flow_runs").removeHandler(handler)


def test_log_lines_are_redacted_with_arguments_and_tracebacks(logger: logging.Logger, lines: list[str]) -> None:
    logger.warning("plain hunter2-hunter2")
    logger.warning("args %s and %s", "hunter2-hunter2", {"a": "tr0ub4dor&3"})
    try:
        int("of hunter2-hunter2")
    except ValueError:
        logger.exception("failed")
    assert lines[0] == "plain «secret PW»"
    assert lines[1] == "args «secret PW» and {'a': '«secret OTHER»'}"
    assert "ValueError: invalid literal for int() with base 10: 'of «secret PW»'" in lines[2]
    assert "Traceback" in lines[2]


def test_harmless_line_keeps_its_arguments_for_other_handlers(logger: logging.Logger) -> None:
    record = logger.makeRecord("n", logging.INFO, "f", 1, "%s", ("harmless",), None)
    assert logging.getLogger("prefect.flow_runs").handlers[-1].filter(record)
    assert record.args == ("harmless",)


def test_installing_twice_adds_one_filter(logger: logging.Logger) -> None:
    (handler,) = [h for h in logging.getLogger("prefect.flow_runs").handlers if type(h).__name__ == "Keep"][-1:]
    assert len([f for f in handler.filters if isinstance(f, redaction.RedactingFilter)]) == 1


TOLD = f"Set it to {SECRET}, then {SECRET[:5]} and {encoded('before ' + SECRET + ' after')}; {SECRET.encode().hex()} too. sk"
FOLDED = "It is\n" + "\n".join(encoded(SECRET * 5)[place : place + 20] for place in range(0, 160, 20)) + "\nand no more"
GATEWAY = f"use {token_of(Access(run='r-1', project='p', role='developer', conversation='r-1', expires=9), 'key')} for it"
OVERLAPPING = {"A": "xyzabc", "B": "abcdef", "C": "xyzabcdefgh"}


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"STRIPE_KEY": SECRET}, TOLD),
        ({"STRIPE_KEY": SECRET * 5}, FOLDED),
        ({}, GATEWAY),
        (OVERLAPPING, "so xyzabcdef and xyzabcq and abcdefghi and xyzabcdefgh, xyzabcxyzabcdefgh."),
        ({"A": "abcabcabd"}, "abcabcabcabcabd abcabcab abcabcabdabcabcab"),
    ],
)
def test_nothing_is_settled_that_what_follows_takes_back(values: dict[str, str], text: str) -> None:
    redactor = Redactor(values)
    settled = [redactor.settled(text[:place]) for place in range(len(text) + 1)]
    whole = redactor.redact(text)
    assert [part for part in settled if not whole.startswith(part)] == []
    assert redactor.settled(f"{text} !\n !") == redactor.redact(f"{text} !\n !")


def test_words_that_begin_no_secret_are_settled_at_once() -> None:
    assert Redactor({"STRIPE_KEY": SECRET}).settled("A tea timer") == "A tea timer"
    assert Redactor({}).settled("any word") == "any word"
