"""Text from outside made fit to show: without terminal escapes, cut to a known length with the cut marked."""

import re

_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor (ECMA-48 5.4)
    r"|\x1b[\]PX^_].*?(?:\x07|\x1b\\|$)"  # OSC and other strings: titles, links
    r"|\x1b[ -/]*[0-~]",
    re.DOTALL,
)
_SPELLED = re.compile(r"#x1B\[[0-9;]*m")
"""How pytest spells an escape that XML cannot hold."""
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def plain(text: str) -> str:
    """Drop terminal escapes and control characters; lines and tabs stay."""
    without = _SPELLED.sub("", _ESCAPES.sub("", text.replace("\r\n", "\n")))
    return _CONTROLS.sub("", without)


def cut(text: str, limit: int, head: float = 0.3) -> str:
    """Return at most about `limit` characters: the first `head` share and the end, with what is left out counted between."""
    if len(text) <= limit:
        return text
    first = int(limit * head)
    last = limit - first
    marker = f"[... {len(text) - limit:,} characters cut ...]"
    return "\n".join(part for part in (text[:first], marker, text[-last:]) if part)


def fenced(text: str) -> str:
    """Return the text as a Markdown block that nothing in it can end."""
    return f"~~~~\n{re.sub('~{4,}', '~~~', text)}\n~~~~"


def tail(text: str, limit: int) -> str:
    """Return the end of the text, cleaned, with the cut marked."""
    return cut(plain(text).strip(), limit, head=0.0)
