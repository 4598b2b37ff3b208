"""Takes known secret values out of text, in every form in which programs print them."""

import base64
import html
import json
import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from urllib.parse import quote, quote_plus

from domain.gateway import GATEWAY_MARK, TOKEN

SHORTEST = 6
"""Shorter values are left: replacing them would garble ordinary text and hide nothing that cannot be guessed."""

_FOLDED = re.compile(r"^[ \t]*[\w+/=-]{16,}(?:[ \t]*\r?\n[ \t]*[\w+/=-]+)+", re.M)
"""Lines of nothing but an encoding's letters: base64 and hex of long values are folded by those who print them."""
_FOLD = r"\s*"
_FOLDABLE = 24
"""Shorter forms are not folded by anybody."""

_LINE = 16
"""Lines of a longer value, like a PEM key, are known one by one from this length on: logs come line by line."""


class Redactor:
    """Replaces values by `«secret NAME»`. Knows nothing when made of nothing; its repr shows names only."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)
        self._names: dict[str, str] = {}
        for name, value in sorted(values.items(), key=lambda item: -len(item[1])):
            for form in _forms(value):
                self._names.setdefault(form, name)
        self._forms = sorted(self._names, key=len, reverse=True)

    def __repr__(self) -> str:
        return f"Redactor({', '.join(sorted(self._values))})"

    def redact(self, text: str) -> str:
        """Return the text without the values, and without tokens of the gateway; the same text when it holds none."""
        text = TOKEN.sub("«token of the model gateway»", text)
        present = [form for form in self._forms if form in text]
        if present:
            pattern = "|".join(re.escape(form) for form in present)
            text = re.sub(pattern, lambda match: self._mark(match[0]), text)
        return _FOLDED.sub(lambda match: self._unfolded(match[0]), text) if self._names else text

    def settled(self, text: str) -> str:
        """Return the beginning of a text that still grows, redacted, without an end that may become a value or its fold."""
        return self.redact(text[: self._safe(text)])

    def _safe(self, text: str) -> int:
        """Return up to where nothing that follows can show what stands there to be a part of a value."""
        cut = min(self._begun(text, [*self._forms, GATEWAY_MARK]), self._begun_token(text))
        foldable = [form for form in self._forms if len(form) >= _FOLDABLE]
        dense = re.sub(_FOLD, "", text)
        hidden = len(dense) - self._begun(dense, foldable)
        for place in range(len(text) - 1, -1, -1):
            if not hidden:
                break
            hidden -= not text[place].isspace()
            cut = min(cut, place)
        return min([cut, *(match.start() for match in self._found(text) if match.start() < cut < match.end())])

    def _found(self, text: str) -> Iterator[re.Match[str]]:
        present = [form for form in self._forms if form in text]
        return re.finditer("|".join(map(re.escape, present)), text) if present else iter(())

    @staticmethod
    def _begun(text: str, forms: Sequence[str]) -> int:
        """Return where the longest end of the text begins with which one of the forms begins."""
        ordered = sorted(forms)
        longest = max(map(len, forms), default=0)
        for place in range(max(0, len(text) - longest), len(text)):
            at = bisect_left(ordered, text[place:])  # what begins with this end would stand here
            if at < len(ordered) and ordered[at].startswith(text[place:]):
                return place
        return len(text)

    @staticmethod
    def _begun_token(text: str) -> int:
        last = max(text.rfind(" "), text.rfind("\n")) + 1
        return last if GATEWAY_MARK in text[last:] else len(text)

    def _mark(self, form: str) -> str:
        return f"«secret {self._names[form]}»"

    def _unfolded(self, lines: str) -> str:
        """Return lines of an encoding without the values that only their folds hide."""
        dense = re.sub(_FOLD, "", lines)
        for form in self._forms:
            if len(form) >= _FOLDABLE and form in dense:
                lines = re.sub(_FOLD.join(map(re.escape, form)), self._mark(form), lines)
        return lines

    def also(self, other: "Redactor") -> "Redactor":
        """Return one that knows both; of two values by one name, both."""
        merged = dict(self._values)
        for name, value in other._values.items():
            if value in merged.values():
                continue
            free = name if name not in merged else f"{name} ({sum(known.startswith(name) for known in merged) + 1})"
            merged[free] = value
        return self if merged == self._values else Redactor(merged)


def _forms(value: str) -> set[str]:
    """Return all texts that give the value away. Fragments shorter than a real value would be noise."""
    pieces = [
        value,
        *(line.strip() for line in value.splitlines() if len(line.strip()) >= _LINE and not line.startswith("-----")),
    ]
    found = {form for piece in pieces for form in _spellings(piece)} if len(value) >= SHORTEST else set()
    return {form for form in found if len(form) >= SHORTEST}


def _spellings(value: str) -> Iterator[str]:
    escaped = (json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], repr(value)[1:-1], html.escape(value))
    for quoted in (quote(value, safe=""), quote(value), quote_plus(value)):
        yield quoted
        yield re.sub(r"%[0-9A-F]{2}", lambda code: code[0].lower(), quoted)
    yield from (value, value[::-1], *escaped, json.dumps(escaped[0])[1:-1])
    raw = value.encode()
    for digits in (raw.hex(), raw.hex(" "), raw.hex(":")):
        yield from (digits, digits.upper())
    yield "".join(f"\\x{byte:02x}" for byte in raw)
    for encode in (base64.standard_b64encode, base64.urlsafe_b64encode):
        whole = encode(raw).decode()
        yield from (whole, whole.rstrip("="), *_inside(raw, encode))


def _inside(raw: bytes, encode: Callable[[bytes], bytes]) -> Iterator[str]:
    """Return the base64 of the value as it looks within longer data: what only its own bytes decide, at each alignment."""
    for before in range(3):
        first = -(-before * 8 // 6)
        last = (before + len(raw)) * 8 // 6
        yield encode(bytes(before) + raw).decode()[first:last]
