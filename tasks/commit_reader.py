"""Tools that can only read one commit: nothing is checked out, nothing is run, and nothing can be written.

Files come out of the repository by their names in the commit; links are not followed. Uses the git host.
"""

import asyncio
from collections.abc import Sequence

from pydantic import Field, TypeAdapter, ValidationError

from domain.conversations import ToolResult, ToolSpec, ToolUse
from domain.protocols import GitHost
from domain.roles import in_short
from domain.text_editor import EditRefused, viewed
from domain.values import Value

FILES_LIMIT = 400
LINES_LIMIT = 60


class View(Value):
    path: str = Field(min_length=1, max_length=300, description="File, relative to the repository; `.` lists all files")
    view_range: tuple[int, int] | None = Field(default=None, description="First and last line, counted from 1; -1 is the end")


class Search(Value):
    text: str = Field(min_length=1, max_length=200, description="Exact text, no pattern")


VIEW = ToolSpec(name="view", description="Show a file with line numbers.", input_schema=View.model_json_schema())
SEARCH = ToolSpec(name="search", description="Show every line that holds a text.", input_schema=Search.model_json_schema())
_view, _search = TypeAdapter(View), TypeAdapter(Search)


class CommitReader:
    """The files of one commit, to look at."""

    def __init__(self, git: GitHost, project: str, commit: str) -> None:
        self._git = git
        self._project = project
        self._commit = commit
        self._listed: list[str] | None = None

    @property
    def specs(self) -> Sequence[ToolSpec]:
        return (VIEW, SEARCH)

    async def run(self, call: ToolUse) -> ToolResult:
        """Run one call; what goes wrong with it is told to the model."""
        try:
            text = await self._text(call)
        except EditRefused as refused:
            return ToolResult(tool_use_id=call.id, text=str(refused), is_error=True)
        except ValidationError as error:
            said = f"this does not fit the tool {call.name}:\n{in_short(error)}"
            return ToolResult(tool_use_id=call.id, text=said, is_error=True)
        return ToolResult(tool_use_id=call.id, text=text)

    async def _text(self, call: ToolUse) -> str:
        if call.name == VIEW.name:
            return await self._shown(_view.validate_python(call.input))
        if call.name == SEARCH.name:
            return await self._found(_search.validate_python(call.input).text)
        raise EditRefused(f"there is no tool {call.name!r}")

    async def _shown(self, asked: View) -> str:
        path = asked.path.removeprefix("./").strip("/") or "."
        if path == ".":
            return "\n".join(await self._paths())
        text = (await self._git.read(self._project, self._commit, [path])).get(path) if path in await self._paths() else None
        if text is None:
            raise EditRefused(f"{path} is no file of this commit: view `.` to see which there are")
        return viewed(text, asked.view_range) or f"{path} is empty"

    async def _found(self, text: str) -> str:
        files = await self._git.read(self._project, self._commit, (await self._paths())[:FILES_LIMIT])
        lines = await asyncio.to_thread(_lines_with, text, files)
        more = [f"and {len(lines) - LINES_LIMIT} more lines"] if len(lines) > LINES_LIMIT else []
        return "\n".join([*lines[:LINES_LIMIT], *more]) or "no line holds this text"

    async def _paths(self) -> list[str]:
        if self._listed is None:
            self._listed = [file.path for file in (await self._git.patch(self._project, None, self._commit)).files]
        return self._listed


def _lines_with(text: str, files: dict[str, str]) -> list[str]:
    return [
        f"{path}:{number}: {line.strip()[:200]}"
        for path, content in files.items()
        for number, line in enumerate(content.splitlines(), 1)
        if text in line
    ]
