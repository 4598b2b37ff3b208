"""Long HTML texts for messengers: cut into parts that each stand alone, at sensible places."""

import re

LIMIT = 4096
"""Visible characters in one Telegram message, in UTF-16 units (https://core.telegram.org/bots/api#sendmessage)."""

TOKEN = re.compile(r"</?[a-zA-Z][^>]*>|&(?:#\w+|\w+);|[^<&]+|[<&]")
BREAKS = ("\n\n", "\n", ". ", " ")


def split_html(html: str, limit: int = LIMIT) -> tuple[str, ...]:
    """Return parts of at most `limit` visible characters; tags open at a cut are closed before it and opened again after."""
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


def _is_tag(token: str) -> bool:
    return len(token) > 2 and token[0] == "<"


def _size(text: str) -> int:
    """Count visible UTF-16 units; one entity like `&amp;` is one."""
    return 1 if text[:1] == "&" and text[-1:] == ";" else len(text.encode("utf-16-le")) // 2


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
    fits = len(text.encode("utf-16-le")[: room * 2].decode("utf-16-le", "ignore"))
    for mark in BREAKS:
        at = text.rfind(mark, fits // 2, fits)
        if at > 0:
            return text[: at + len(mark)], text[at + len(mark) :]
    at = text.rfind(" ", 0, fits) + 1
    if at == 0 and not fresh:
        return "", text
    return text[: at or fits], text[at or fits :]
