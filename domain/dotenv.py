"""Reads `.env.example`: which variables it declares, with the comments that belong to each.

The grammar is python-dotenv's; what it throws away, the comments, is found again in the original text.
"""

import re
from collections.abc import Callable
from io import StringIO

from dotenv.parser import Binding, parse_stream
from pydantic import TypeAdapter, ValidationError

from domain.environment import Source
from domain.errors import BadInput
from domain.names import EnvName
from domain.values import Value

_MARK = re.compile(
    r"\[\s*((?:infra|computed|user|default|optional)(?:[\s,|/]+(?:infra|computed|user|default|optional))*)\s*\]", re.I
)
_AFTER_VALUE = re.compile(
    r"""\s*(?:export[^\S\r\n]+)?(?:'[^']+'|[^=\#\s]+)[^\S\r\n]*
    (?:=(?:[^\S\r\n]*(?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")[^\S\r\n]*(?P<quoted>(?:\#[^\r\n]*)?)[\r\n]*$|(?P<bare>[^\r\n]*))
    |(?P<alone>[^\r\n]*))""",
    re.X | re.S,
)
_REFERENCE = re.compile(r"\$\{(?P<name>[A-Za-z_]\w*)(?::?-(?P<otherwise>[^}]*))?\}")
_ASSIGNMENT = re.compile(r"\s*#\s*(?:export\s+)?[A-Z_][A-Z0-9_]*=", re.I)
_NAME: TypeAdapter[str] = TypeAdapter(EnvName)


class Declared(Value):
    """One variable as a file declares it."""

    name: EnvName
    default: str | None = None
    """None when the line has no `=`; references like `${HOST}` stay as they are."""
    comment: str = ""
    """Text for people, without the marks."""
    source: Source | None = None
    """What a mark like `[infra]` says; None without one."""
    optional: bool = False


def declared(text: str) -> tuple[Declared, ...]:
    """Return the variables in their order, the last of equal names; raise BadInput with the line that cannot be read.

    A comment belongs to the variable on its own line or to the one directly below it.
    """
    found: dict[str, Declared] = {}
    above: list[str] = []
    for binding in parse_stream(StringIO(text.removeprefix("\ufeff"), newline=None)):
        original = binding.original.string
        if binding.error:
            raise BadInput(f".env.example cannot be read at line {_line(binding)}: close its quote or write NAME=value")
        if original.startswith("\n"):
            above = []
        if binding.key is not None:
            found.pop(binding.key, None)
            found[binding.key] = _entry(binding, [*above, _inline(original)])
        above = [*above, original] if binding.key is None and not _ASSIGNMENT.match(original) else []
    return tuple(found.values())


def marks(text: str) -> tuple[str, Source | None, bool]:
    """Split a comment into its text, the source that its last mark names, and whether it says optional."""
    words = [word for mark in _MARK.findall(text) for word in re.split(r"[\s,|/]+", mark.lower())]
    sources = [word for word in words if word != "optional"]
    plain = re.sub(r"\s+", " ", _MARK.sub(" ", text)).strip()
    return plain, Source(sources[-1]) if sources else None, "optional" in words


def expanded(template: str, value_of: Callable[[str], str | None]) -> str | None:
    """Fill `${NAME}` and `${NAME:-else}`; None when a name without an else has no value."""
    unknown = False

    def fill(match: re.Match[str]) -> str:
        nonlocal unknown
        value = value_of(match["name"])
        if value is None:
            value = match["otherwise"]
        unknown = unknown or value is None
        return value or ""

    text = _REFERENCE.sub(fill, template)
    return None if unknown else text


def references(template: str) -> tuple[str, ...]:
    """Return the names that the text refers to."""
    return tuple(match["name"] for match in _REFERENCE.finditer(template))


def without_references(template: str) -> str:
    return _REFERENCE.sub("", template)


def _line(binding: Binding) -> int:
    """Count the blank lines in, which the parser puts before the binding."""
    original = binding.original.string
    return binding.original.line + original[: len(original) - len(original.lstrip())].count("\n")


def _entry(binding: Binding, comments: list[str]) -> Declared:
    try:
        name = _NAME.validate_python(binding.key)
    except ValidationError:
        raise BadInput(
            f".env.example names a variable {str(binding.key)[:60]!r} at line {_line(binding)}: use letters, digits and _"
        ) from None
    comment, source, optional = marks(" ".join(line.strip().lstrip("#") for line in comments))
    return Declared(name=name, default=binding.value, comment=comment, source=source, optional=optional)


def _inline(original: str) -> str:
    """Return the comment at the end of a declaration's line, without `#`."""
    match = _AFTER_VALUE.match(original)
    if match is None:
        return ""
    if match["bare"] is None:
        return str(match["quoted"] or match["alone"] or "").lstrip("#")
    comment = re.search(r"\s#(.*)", match["bare"])
    return comment[1] if comment else ""
