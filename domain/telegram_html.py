"""Telegram's HTML style as its server reads it, with its own words for each mistake.

Follows `parse_html` of tdlib's MessageEntity.cpp; offsets count bytes of the text as it was sent.
"""

import html
import re
from typing import Any

TAGS = frozenset(
    "a b strong i em s strike del u ins tg-spoiler tg-emoji span pre code blockquote".split()  # noqa: SIM905
)
ENTITY_TYPES = {
    "a": "text_link",
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "u": "underline",
    "ins": "underline",
    "tg-spoiler": "spoiler",
    "span": "spoiler",
    "pre": "pre",
    "code": "code",
    "blockquote": "blockquote",
}
NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
ENTITY = re.compile(r"&(?:#(\d+)|#x([0-9a-fA-F]+)|(lt|gt|amp|quot));?")
ATTRIBUTE = re.compile(r"""\s*([^\s=>]+)\s*(=)?\s*(?:"([^"]*)"?|'([^']*)'?|([A-Za-z0-9.\-]+))?""")


HEAD, TAIL = re.compile(r"<([^\s>]*)"), re.compile(r"</([^\s>]*)\s*(>?)")


class HtmlRefused(Exception):
    """What the server would say after `can't parse entities: `."""


def units(text: str) -> int:
    """Count UTF-16 code units, as Telegram counts characters."""
    return len(text.encode("utf-16-le")) // 2


def parse(source: str) -> tuple[str, list[dict[str, Any]]]:
    """Return the visible text and its entities; raise HtmlRefused as the server would refuse."""
    text, i = "", 0
    entities: list[dict[str, Any]] = []
    nested: list[tuple[str, dict[str, str], int]] = []
    while i < len(source):
        if source[i] == "&" and (found := ENTITY.match(source, i)):
            text, i = text + _decoded(found), found.end()
        elif source[i] != "<":
            text, i = text + source[i], i + 1
        elif source[i + 1 : i + 2] == "/":
            i, entity = _closed(source, i, nested, text)
            entities += [entity] if entity["length"] else []
        else:
            i, opened = _opened(source, i)
            nested.append((*opened, units(text)))
    if nested:
        raise HtmlRefused(f'Can\'t find end tag corresponding to start tag "{nested[-1][0]}"')
    return text, sorted(entities, key=lambda entity: entity["offset"])


def _decoded(found: re.Match[str]) -> str:
    decimal, hexadecimal, name = found.groups()
    return NAMED[name] if name else html.unescape(f"&#{int(decimal) if decimal else int(hexadecimal, 16)};")


def _at(source: str, i: int) -> str:
    return f"at byte offset {len(source[:i].encode())}"


def _opened(source: str, begin: int) -> tuple[int, tuple[str, dict[str, str]]]:
    head = HEAD.match(source, begin)
    assert head is not None  # noqa: S101  (it begins with "<")
    i = head.end()
    if i >= len(source):
        raise HtmlRefused(f"Unclosed start tag {_at(source, begin)}")
    tag = head[1].lower()
    if tag not in TAGS:
        raise HtmlRefused(f'Unsupported start tag "{tag}" {_at(source, begin)}')
    attributes: dict[str, str] = {}
    while not source[i:].lstrip().startswith(">"):
        found = ATTRIBUTE.match(source, i)
        if not found or found.end() >= len(source):
            raise HtmlRefused(f'Unclosed start tag "{tag}" {_at(source, begin)}')
        name, _, double, single, bare = found.groups()
        attributes[name.lower()] = html.unescape(double or single or bare or "")
        i = found.end()
    if tag == "span" and attributes.get("class") != "tg-spoiler":
        raise HtmlRefused(f'Tag "span" must have class "tg-spoiler" {_at(source, begin)}')
    return source.index(">", i) + 1, (tag, attributes)


def _closed(source: str, begin: int, nested: list[tuple[str, dict[str, str], int]], text: str) -> tuple[int, dict[str, Any]]:
    if not nested:
        raise HtmlRefused(f"Unexpected end tag {_at(source, begin)}")
    found = TAIL.match(source, begin)
    assert found is not None  # noqa: S101  (it begins with "</")
    if not found[2]:
        raise HtmlRefused(f"Unclosed end tag {_at(source, begin)}")
    tag, attributes, start = nested.pop()
    if found[1] and found[1].lower() != tag:
        raise HtmlRefused(f'Unmatched end tag {_at(source, begin)}, expected "</{tag}>", found "</{found[1].lower()}>"')
    entity: dict[str, Any] = {"type": ENTITY_TYPES.get(tag, tag), "offset": start, "length": units(text) - start}
    if tag == "a":
        entity["url"] = attributes.get("href", "")
    return found.end(), entity
