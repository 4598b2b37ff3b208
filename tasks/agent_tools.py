"""Anthropic's own client tools, carried out in a worker: bash and the text editor.

Nothing of a call runs in our process. What goes wrong with a call is told to the model as a result with `is_error`; a worker
that cannot be asked raises EngineUnreachable. Uses a worker.
"""

from collections.abc import Sequence

from pydantic import TypeAdapter, ValidationError

from domain.conversations import ToolResult, ToolSpec, ToolUse
from domain.roles import in_short
from domain.text_editor import (
    Create,
    EditorCall,
    EditRefused,
    Insert,
    StrReplace,
    View,
    inserted,
    path_inside,
    replaced,
    snippet,
    viewed,
)
from domain.workers import Command, CommandResult, Worker

BASH = ToolSpec(name="bash", type="bash_20250124")
EDITOR = ToolSpec(name="str_replace_based_edit_tool", type="text_editor_20250728")
SPECS = (BASH, EDITOR)

BASH_SECONDS = 120.0
FILE_SECONDS = 30.0
FILE_LIMIT = 1_000_000
"""Bytes of a file that the editor opens."""

# The command comes by standard input, so its length has no limit. Working directory and exported variables are kept in a
# file outside the workspace, written when the shell ends, also by `exit`; a killed command leaves them as they were.
BASH_SESSION = r"""
state="${TMPDIR:-/tmp}/slipway-bash-$1"
command="$(cat; printf x)"; command="${command%x}"
exec </dev/null 2>&1
if [ -f "$state" ]; then . "$state" 2>/dev/null; fi
unset -v OLDPWD
__slipway_keep() { { export -p; printf 'cd -- %q 2>/dev/null\n' "$PWD"; } >"$state.new" && mv -f -- "$state.new" "$state"; }
trap __slipway_keep EXIT
set --
eval "$command"
"""
BASH_RESTART = r'rm -f -- "${TMPDIR:-/tmp}/slipway-bash-$1"'

READ = 'if [ -d "$1" ]; then exit 91; elif [ ! -e "$1" ]; then exit 92; elif [ ! -f "$1" ]; then exit 93; fi; exec cat -- "$1"'
IS_FOLDER, IS_MISSING, IS_SPECIAL = 91, 92, 93
WRITE = 'mkdir -p -- "$(dirname -- "$1")" && exec tee -- "$1" >/dev/null'
LIST = (
    r"cd -- "
    r'"$1" && find . -mindepth 1 -maxdepth 2 \( -name ".*" -o -name node_modules -o -name __pycache__ \) -prune '
    r'-o -type d -printf "%P/\n" -o -printf "%P\n" | LC_ALL=C sort'
)

_editor_call: TypeAdapter[EditorCall] = TypeAdapter(EditorCall)


class Toolbox:
    """The tools of one worker."""

    def __init__(self, worker: Worker, *, bash_seconds: float = BASH_SECONDS) -> None:
        self._worker = worker
        self._bash_seconds = bash_seconds

    @property
    def specs(self) -> Sequence[ToolSpec]:
        return SPECS

    async def run(self, call: ToolUse) -> ToolResult:
        """Run one call in the worker."""
        try:
            text = await self._text(call)
        except EditRefused as refused:
            return ToolResult(tool_use_id=call.id, text=str(refused), is_error=True)
        except ValidationError as error:
            said = f"this does not fit the tool {call.name}:\n{in_short(error)}"
            return ToolResult(tool_use_id=call.id, text=said, is_error=True)
        return ToolResult(tool_use_id=call.id, text=text)

    async def _text(self, call: ToolUse) -> str:
        if call.name == BASH.name:
            return await self._bash(call)
        if call.name == EDITOR.name:
            return await self._edit(_editor_call.validate_python(call.input))
        raise EditRefused(f"there is no tool {call.name!r}")

    async def _bash(self, call: ToolUse) -> str:
        if call.input.get("restart"):
            await self._shell(BASH_RESTART, self._worker.identity)
            return "the shell was started anew: its working directory is the workspace, its variables are gone"
        command = call.input.get("command")
        if not isinstance(command, str) or not command.strip():
            raise EditRefused("give a `command`, or `restart`: true")
        ran = await self._worker.run(
            Command(
                argv=("bash", "-c", BASH_SESSION, "bash", self._worker.identity),
                stdin=command.encode("utf-8", "replace"),
                seconds=self._bash_seconds,
                output_limit=FILE_LIMIT,
            )
        )
        return _as_said(ran, self._bash_seconds)

    async def _edit(self, call: EditorCall) -> str:
        path = path_inside(call.path, self._worker.workspace)
        match call:
            case View():
                return await self._view(path, call)
            case Create():
                await self._write(path, call.file_text)
                return f"{call.path} is written"
            case StrReplace():
                text, line = replaced(await self._read(path), call.old_str, call.new_str)
                await self._write(path, text)
                return f"{call.path} is changed; it now reads:\n{snippet(text, line, call.new_str)}"
            case Insert():
                text = inserted(await self._read(path), call.insert_line, call.insert_text)
                await self._write(path, text)
                return f"{call.path} is changed; it now reads:\n{snippet(text, call.insert_line + 1, call.insert_text)}"

    async def _view(self, path: str, call: View) -> str:
        ran = await self._shell(READ, path)
        if ran.exit_code != IS_FOLDER:
            return viewed(_text_of(ran, call.path), call.view_range) or f"{call.path} is empty"
        if call.view_range:
            raise EditRefused(f"{call.path} is a folder: view it without view_range")
        return (await self._shell(LIST, path)).text or f"{call.path} is an empty folder"

    async def _read(self, path: str) -> str:
        ran = await self._shell(READ, path)
        if ran.exit_code == IS_FOLDER:
            raise EditRefused(f"{path} is a folder: name a file")
        return _text_of(ran, path)

    async def _write(self, path: str, text: str) -> None:
        ran = await self._shell(WRITE, path, text.encode("utf-8", "replace"))
        if not ran.ok:
            raise EditRefused(f"{path} could not be written: {ran.text.strip()[-300:] or f'exit code {ran.exit_code}'}")

    async def _shell(self, script: str, argument: str, stdin: bytes = b"") -> CommandResult:
        argv = ("sh", "-c", script, "sh", argument)
        return await self._worker.run(Command(argv=argv, stdin=stdin, seconds=FILE_SECONDS, output_limit=FILE_LIMIT))


def _text_of(ran: CommandResult, path: str) -> str:
    """Return the file that was read; refuse what the editor cannot hold without changing it."""
    if ran.exit_code == IS_MISSING:
        raise EditRefused(f"{path} does not exist: view the folder to see what does, or use create")
    if ran.exit_code == IS_SPECIAL:
        raise EditRefused(f"{path} is not a regular file")
    if not ran.ok:
        raise EditRefused(f"{path} could not be read: {ran.text.strip()[-300:] or f'exit code {ran.exit_code}'}")
    if ran.truncated:
        raise EditRefused(f"{path} is longer than {FILE_LIMIT} bytes: use bash (head, tail, sed) on it")
    try:
        text = ran.stdout.decode("utf-8")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise EditRefused(f"{path} is not UTF-8 text: use bash on it")
    return text


def _as_said(ran: CommandResult, seconds: float) -> str:
    """Return a command's output and how it ended, as the model reads it."""
    lines = [ran.text.rstrip("\n")]
    if ran.out_of_memory:
        lines.append("[killed: out of memory]")
    if ran.timed_out:
        lines.append(
            f"[killed after {seconds:.0f} seconds; run what takes longer in the background with its output in a file, "
            "like `command >log 2>&1 &`]"
        )
    elif ran.exit_code != 0:
        lines.append(f"[exit code {ran.exit_code}]")
    return "\n".join(line for line in lines if line) or "[no output]"
