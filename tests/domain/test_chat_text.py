"""Long texts become parts that a messenger accepts one by one."""

import random
import unicodedata
from html import escape

import pytest

from domain.chat_text import bare, sendable, split_html
from domain.telegram_html import parse, units


@pytest.mark.parametrize("html", ["short", "", "<b>bold</b> &amp; plain", "a < b & c"])
def test_text_within_the_limit_stays_as_it_is(html: str) -> None:
    assert split_html(html, 40) == (html,)


@pytest.mark.parametrize(
    ("html", "parts"),
    [
        ("one two\n\nthree four", ("one two", "three four")),
        ("one two three four", ("one two", "three four")),
        ("x" * 25, ("x" * 12, "x" * 12, "x")),
        ("<b>one two three</b>", ("<b>one two</b>", "<b>three</b>")),
        ('<a href="http://h/">one two three</a>', ('<a href="http://h/">one two</a>', '<a href="http://h/">three</a>')),
        ("&lt;" * 14, ("&lt;" * 12, "&lt;" * 2)),
        ("😀" * 7, ("😀" * 6, "😀")),
        ("<i>ab</i> <b>cdefghijklm</b>", ("<i>ab</i> <b></b>", "<b>cdefghijklm</b>")),
    ],
)
def test_cut_is_at_a_sensible_place_with_tags_closed_and_opened_again(html: str, parts: tuple[str, ...]) -> None:
    assert split_html(html, 12) == parts


def test_every_part_of_a_long_marked_text_is_valid_and_nothing_visible_is_lost() -> None:
    line = "<b>Заголовок &amp; <i>курсив</i></b> и <code>x &lt; 1</code> 😀 слова слова\n"
    html = "<blockquote>" + line * 400 + "</blockquote>"
    seen = [parse(part)[0] for part in split_html(html)]
    assert len(seen) > 3
    assert max(units(text) for text in seen) <= 4096
    assert "".join("".join(seen).split()) == "".join(parse(html)[0].split())


FAMILY, FLAG, THUMB, ACCENTED = "👩\u200d👩\u200d👧", "🇩🇪", "👍🏽", "e\u0301\u0323"


@pytest.mark.parametrize("sign", [FAMILY, FLAG, THUMB, ACCENTED, "\u05e9\u05c1\u05b8", "❤\ufe0f"])
def test_cut_inside_a_word_leaves_every_sign_whole(sign: str) -> None:
    for before in range(12):
        parts = split_html("x" * before + sign * 8, 12)
        assert "".join(parts) == "x" * before + sign * 8
        assert all(part.strip("x").replace(sign, "") == "" for part in parts)
        assert all(0 < units(part) <= 12 for part in parts)


def test_heap_of_marks_longer_than_a_message_is_cut_all_the_same() -> None:
    parts = split_html("e" + "\u0301" * 5000)
    assert [units(part) for part in parts] == [4096, 905]


@pytest.mark.parametrize(
    ("html", "parts"), [("\n" * 30, ("",)), ("one" + " " * 30 + "two", ("one", "two")), ("<b> </b>", ("<b> </b>",))]
)
def test_part_without_anything_visible_is_not_sent(html: str, parts: tuple[str, ...]) -> None:
    assert tuple(part.strip() for part in split_html(html, 12)) == parts


@pytest.mark.parametrize(
    ("html", "sent"),
    [("", "…"), (" \n", "…"), ("<b></b>", "…"), ("half \ud83d here", "half \ufffd here"), ("<b>a</b>", "<b>a</b>")],
)
def test_what_is_sent_can_be_encoded_and_seen(html: str, sent: str) -> None:
    assert sendable(html) == sent


def test_bare_text_is_what_can_be_seen() -> None:
    assert bare('<a href="http://h/?a=1&amp;b">x &lt; 1</a> &amp; <b>y</b>') == "x < 1 & y"


SAID = [
    *"abc де שלום عرب 漢字 <>&;\"'\n\n\t.  ", "&amp;", "&lt", "&#60;", "</b>", "<b>", "<pre>", "<a href='", "-->", "😀",
    FAMILY, FLAG, THUMB, ACCENTED, "\u202e", "\u200f", "\u2063", "\ud83d", "\udc4d", "\x00",
    "word " * 9, "x" * 70, "\n" * 9, "漢" * 40, "😀" * 30,
]  # fmt: skip
FRAMES = [
    "{}",
    "<b>{}</b>",
    "<pre>{}</pre>",
    '<a href="http://h/?q=1&amp;r">{}</a>',
    "<i>t</i>\n<blockquote><b>{}</b> end</blockquote>",
]


@pytest.mark.parametrize("seed", range(60))
def test_whatever_a_model_writes_becomes_messages_that_telegram_takes(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311
    limit = chance.choice([40, 100, 4096])
    text = "".join(chance.choices(SAID, k=chance.randrange(1, limit)))
    html = sendable(chance.choice(FRAMES).format(escape(text, quote=chance.random() < 0.5)))
    parts = split_html(html, limit)
    seen = [parse(part)[0] for part in parts]  # raises where Telegram refuses the HTML
    assert all(part.encode() and 0 < units(visible) <= limit for part, visible in zip(parts, seen, strict=True))
    assert len(parts) == 1 or all(visible.strip() for visible in seen)
    assert "".join("".join(seen).split()) == "".join(parse(html)[0].split())
    whole = "".join(seen)
    assert sum(map(unicodedata.combining, whole)) == sum(map(unicodedata.combining, parse(html)[0]))
