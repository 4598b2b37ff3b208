"""Long HTML texts for messengers: cut into parts that each stand alone, at sensible places."""

import re
import unicodedata
from html import unescape

LIMIT = 4096
"""Visible characters in one Telegram message, in UTF-16 units (https://core.telegram.org/bots/api#sendmessage)."""

TOKEN = re.compile(r"</?[a-zA-Z][^>]*>|&(?:#\w+|\w+);|[^<&]+|[<&]")
BREAKS = ("\n\n", "\n", ". ", " ")
JOINED = 64
"""Characters that one visible sign is made of at most; longer heaps of marks are cut."""
JOINER, FLAGS, SKINS = "\u200d", range(0x1F1E6, 0x1F200), range(0x1F3FB, 0x1F400)
UNPAIRED = re.compile(r"[\ud800-\udfff]")


def paired(text: str) -> str:
    """Return the text as it can be encoded: half a surrogate pair, as a model may write it, becomes a replacement sign."""
    return UNPAIRED.sub("\ufffd", text)


def sendable(html: str) -> str:
    """Return the text as a messenger takes it: encodable, and never without anything visible."""
    whole = paired(html)
    return whole if _visible(whole).strip() else "…"


def bare(html: str) -> str:
    """Return what can be seen of the text: without tags, entities as their characters."""
    return unescape(_visible(html))


def split_html(html: str, limit: int = LIMIT) -> tuple[str, ...]:
    """Return parts of at most `limit` visible characters; tags open at a cut are closed before it and opened again after.

    No part is without anything visible, unless the whole text is.
    """
    parts = [part for part in _parts(html, limit) if _visible(part).strip()]
    return tuple(parts) or (html if fits(html, limit) else "",)


def _parts(html: str, limit: int) -> tuple[str, ...]:
    parts: list[str] = []
    open_tags: list[str] = []
    part, used = "", 0
    for token in TOKEN.findall(html):
        if _is_tag(token):
            part += token
            _follow(open_tags, token)
            continue
        rest = token
        while used + _size(rest) > limit:
            head, rest = _cut(rest, limit - used, fresh=used == 0)
            parts.append(part + head.rstrip() + _closing(open_tags))
            part, used = "".join(open_tags), 0
        part, used = part + rest, used + _size(rest)
    return (*parts, part) if used or not parts else tuple(parts)


def fits(html: str, limit: int = LIMIT) -> bool:
    """Tell whether one message holds it."""
    return sum(_size(token) for token in TOKEN.findall(html) if not _is_tag(token)) <= limit


def _visible(html: str) -> str:
    return "".join(token for token in TOKEN.findall(html) if not _is_tag(token))


def _is_tag(token: str) -> bool:
    return len(token) > 2 and token[0] == "<"


def _size(text: str) -> int:
    """Count visible UTF-16 units; one entity like `&amp;` is one, one by number may be two."""
    if text[:1] == "&" and text[-1:] == ";":
        return 2 if text[1] == "#" else 1
    return _units(text)


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _follow(open_tags: list[str], tag: str) -> None:
    if not tag.startswith("</"):
        open_tags.append(tag)
    elif open_tags:
        open_tags.pop()


def _closing(open_tags: list[str]) -> str:
    names = [re.split(r"[\s>]", tag[1:], maxsplit=1)[0] for tag in reversed(open_tags)]
    return "".join(f"</{name}>" for name in names)


def _cut(text: str, room: int, *, fresh: bool) -> tuple[str, str]:
    """Cut at the last paragraph, line, sentence or word that fits; inside a word only when a part has nothing else."""
    if text[:1] == "&":
        return "", text
    fits = len(text.encode("utf-16-le", "surrogatepass")[: room * 2].decode("utf-16-le", "ignore"))
    for mark in BREAKS:
        at = text.rfind(mark, fits // 2, fits)
        if at > 0:
            return text[: at + len(mark)], text[at + len(mark) :]
    at = text.rfind(" ", 0, fits) + 1
    if at == 0 and not fresh:
        return "", text
    at = at or _before_sign(text, fits)
    return text[:at], text[at:]


def _before_sign(text: str, at: int) -> int:
    """Return the nearest place up to `at` that does not cut what is seen as one sign: a letter with its marks, an emoji."""
    for place in range(at, max(0, at - JOINED), -1):
        if not _joins(text, place):
            return place
    return at


def _joins(text: str, at: int) -> bool:
    """Tell whether the characters before and after this place are one sign (a part of Unicode's UAX 29)."""
    before, after = text[at - 1], text[at : at + 1]
    if not after:
        return False
    if JOINER in (before, after) or unicodedata.category(after)[0] == "M" or ord(after) in SKINS:
        return True
    if ord(before) in FLAGS and ord(after) in FLAGS:
        start = at
        while start > 0 and ord(text[start - 1]) in FLAGS:
            start -= 1
        return (at - start) % 2 == 1
    return before == "\r" and after == "\n"
