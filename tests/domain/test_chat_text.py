"""Long texts become parts that a messenger accepts one by one."""

import pytest

from domain.chat_text import split_html
from tests.fakes.telegram_html import parse, units


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
