"""Anthropic's text editor tool (text_editor_20250728) as pure functions: text in, text or refusal out.

Source: https://platform.claude.com/docs/en/agents-and-tools/tool-use/text-editor-tool
"""

import posixpath
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

SNIPPET_LINES = 4


class EditRefused(ValueError):
    """The call cannot be done as asked; the message tells the model why and what would work."""


class _EditorCall(BaseModel):
    # Models send unused fields of other commands along: those are ignored, not refused.
    model_config = ConfigDict(frozen=True, extra="ignore")
    path: str = Field(min_length=1)


class View(_EditorCall):
    command: Literal["view"]
    view_range: tuple[int, int] | None = None


class Create(_EditorCall):
    command: Literal["create"]
    file_text: str


class StrReplace(_EditorCall):
    command: Literal["str_replace"]
    old_str: str
    new_str: str = ""


class Insert(_EditorCall):
    command: Literal["insert"]
    insert_line: int
    insert_text: str


EditorCall = Annotated[View | Create | StrReplace | Insert, Field(discriminator="command")]


def path_inside(path: str, workspace: str) -> str:
    """Return the absolute path of `path`, taken relative to the workspace; refuse what lies outside.

    A leading `/workspace` means the workspace, whatever its real path.
    """
    real = posixpath.normpath(posixpath.join(workspace, path))
    if _within(real, workspace):
        return real
    if _within(posixpath.normpath(path), "/workspace"):
        return posixpath.normpath(posixpath.join(workspace, posixpath.relpath(path, "/workspace")))
    raise EditRefused(f"{path} lies outside the workspace {workspace}: use a path inside it")


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def viewed(text: str, view_range: tuple[int, int] | None = None) -> str:
    """Return the text with line numbers, whole or the range from first to last line (-1 is the end); empty stays empty."""
    lines = text.removesuffix("\n").split("\n") if text else []
    if view_range is None:
        return _numbered(lines, 1)
    first, last = view_range
    last = len(lines) if last == -1 else last
    if not 1 <= first <= len(lines) or last < first:
        raise EditRefused(f"view_range {list(view_range)} does not fit: the file has {len(lines)} lines, counted from 1")
    return _numbered(lines[first - 1 : last], first)


def replaced(text: str, old: str, new: str) -> tuple[str, int]:
    """Return the text with the one place of `old` replaced, and the line where it stands; refuse none and several."""
    if old == "":
        raise EditRefused("old_str is empty: give the exact text to replace, or use insert")
    if "\r\n" in text and "\r" not in old:
        # Models write \n; a file with Windows line ends keeps them.
        old, new = old.replace("\n", "\r\n"), new.replace("\n", "\r\n")
    lines = _lines_of(text, old)
    if not lines:
        raise EditRefused(_not_found(text, new))
    if len(lines) > 1:
        listed = ", ".join(str(line) for line in lines[:10])
        raise EditRefused(
            f"old_str stands {len(lines)} times, at lines {listed}: nothing was replaced; add lines around it to make it unique"
        )
    return text.replace(old, new, 1), lines[0]


def inserted(text: str, line: int, new: str) -> str:
    """Return the text with `new` after the given line; 0 is the beginning."""
    lines = text.splitlines(keepends=True)
    if not 0 <= line <= len(lines):
        raise EditRefused(f"insert_line {line} does not fit: the file has {len(lines)} lines; 0 inserts at the beginning")
    if line and not lines[line - 1].endswith("\n"):
        lines[line - 1] += "\n"
    tail = lines[line:]
    added = new if new.endswith("\n") or not tail else new + "\n"
    return "".join([*lines[:line], added, *tail])


def snippet(text: str, line: int, new: str) -> str:
    """Return the numbered lines around a change that begins at `line`."""
    lines = text.split("\n")
    first = max(line - SNIPPET_LINES, 1)
    return _numbered(lines[first - 1 : line + new.count("\n") + SNIPPET_LINES], first)


def _numbered(lines: Sequence[str], first: int) -> str:
    return "".join(f"{number:6}\t{line.rstrip(chr(13))}\n" for number, line in enumerate(lines, first))


def _lines_of(text: str, part: str) -> list[int]:
    found, start = [], text.find(part)
    while start != -1:
        found.append(text.count("\n", 0, start) + 1)
        start = text.find(part, start + 1)
    return found


def _not_found(text: str, new: str) -> str:
    said = "old_str does not stand in the file exactly as given: nothing was replaced; view the file and copy the text"
    # A call that ran just before a restart is run again.
    places = _lines_of(text, new) if new.strip() else []
    return said + (f" (new_str stands at line {places[0]} already)" if places else "")
