"""The tools, with real shells in a folder."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from domain.conversations import ToolResult, ToolUse
from domain.errors import EngineUnreachable
from domain.workers import Command, CommandResult
from tasks.agent_tools import FILE_LIMIT, Toolbox


class FolderWorker:
    """Runs commands as local processes in a folder; kills the whole group at the deadline, cuts the output."""

    def __init__(self, folder: Path) -> None:
        self.identity = "r-abc123-developer-1"
        self.workspace = str(folder / "work")
        self.temporary = folder / "tmp"
        self.dead = False
        Path(self.workspace).mkdir()
        self.temporary.mkdir()

    async def run(self, command: Command) -> CommandResult:
        if self.dead:
            raise EngineUnreachable("docker", "running a command")
        process = await asyncio.create_subprocess_exec(
            *command.argv,
            cwd=self.workspace,
            env={"PATH": os.environ["PATH"], "TMPDIR": str(self.temporary), "HOME": self.workspace},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        ending = asyncio.create_task(process.communicate(command.stdin))
        await asyncio.wait({ending}, timeout=command.seconds)
        if not ending.done():
            os.killpg(process.pid, signal.SIGKILL)
            out, err = await ending
            return CommandResult(exit_code=-1, stdout=out, stderr=err, timed_out=True)
        out, err = await ending
        limit = command.output_limit
        assert process.returncode is not None
        return CommandResult(exit_code=process.returncode, stdout=out[:limit], stderr=err[:limit], truncated=len(out) > limit)

    async def put(self, archive: bytes) -> None:
        raise AssertionError("the tools need only `run`")

    async def get(self) -> bytes:
        raise AssertionError("the tools need only `run`")


@pytest.fixture
def worker(tmp_path: Path) -> FolderWorker:
    return FolderWorker(tmp_path)


@pytest.fixture
def work(worker: FolderWorker) -> Path:
    return Path(worker.workspace)


async def bash(worker: FolderWorker, command: str, seconds: float = 20) -> str:
    result = await Toolbox(worker, bash_seconds=seconds).run(ToolUse(id="t", name="bash", input={"command": command}))
    assert not result.is_error, result.text
    return result.text


async def edit(worker: FolderWorker, command: str, path: str, **more: Any) -> ToolResult:
    given = {"command": command, "path": path, **more}
    return await Toolbox(worker).run(ToolUse(id="t", name="str_replace_based_edit_tool", input=given))


async def test_output_of_both_streams_comes_in_order(worker: FolderWorker) -> None:
    assert await bash(worker, "echo one; echo two >&2; echo three") == "one\ntwo\nthree"


async def test_a_failed_command_shows_its_exit_code(worker: FolderWorker) -> None:
    assert await bash(worker, "echo no; exit 3") == "no\n[exit code 3]"
    assert await bash(worker, "false") == "[exit code 1]"
    assert await bash(worker, "true") == "[no output]"


async def test_working_directory_and_exported_variables_stay(worker: FolderWorker, work: Path) -> None:
    await bash(worker, "mkdir -p 'a b' && cd 'a b' && export NAME=\"it's\nhere\" && PLAIN=gone")
    assert await bash(worker, 'pwd; echo "$NAME"; echo "[$PLAIN]"') == f"{work}/a b\nit's\nhere\n[]"


async def test_they_stay_also_after_exit_and_failure(worker: FolderWorker) -> None:
    await bash(worker, "export A=1; cd /; exit 7")
    await bash(worker, "set -e; export B=2; false; export B=3")
    assert await bash(worker, 'echo "$A$B"; pwd') == "12\n/"


async def test_restart_forgets_them(worker: FolderWorker, work: Path) -> None:
    await bash(worker, "export A=1; cd /")
    again = await Toolbox(worker).run(ToolUse(id="t", name="bash", input={"restart": True}))
    assert "started anew" in again.text
    assert await bash(worker, 'echo "[$A]"; pwd') == f"[]\n{work}"


async def test_a_removed_working_directory_falls_back_to_the_workspace(worker: FolderWorker, work: Path) -> None:
    await bash(worker, "mkdir gone && cd gone && rmdir ../gone")
    assert await bash(worker, "pwd") == str(work)


async def test_the_session_leaves_nothing_in_the_workspace(worker: FolderWorker, work: Path) -> None:
    await bash(worker, "export A=1")
    assert os.listdir(work) == []


async def test_a_command_can_be_longer_than_an_argument_list_allows(worker: FolderWorker) -> None:
    assert await bash(worker, f"echo {'x' * 3_000_000} | wc -c") == "3000001"


async def test_quotes_heredocs_and_backslashes_arrive_as_written(worker: FolderWorker) -> None:
    assert await bash(worker, "cat <<'END'\na \"b\" $c `d` \\n\nEND\n") == 'a "b" $c `d` \\n'


async def test_a_command_that_reads_gets_no_input_and_does_not_wait(worker: FolderWorker) -> None:
    assert await bash(worker, "cat; echo done") == "done"


async def test_a_command_past_its_deadline_is_killed_and_the_session_stays_as_it_was(worker: FolderWorker) -> None:
    await bash(worker, "export A=1")
    said = await bash(worker, "export A=2; echo begun; sleep 300", seconds=0.5)
    assert said.startswith("begun\n[killed after 0 seconds; run what takes longer in the background")
    assert await bash(worker, "echo $A") == "1"


@pytest.mark.parametrize("given", [{}, {"command": ""}, {"command": ["ls"]}, {"restart": False}])
async def test_a_bash_call_without_a_command_is_told_so(worker: FolderWorker, given: dict[str, Any]) -> None:
    result = await Toolbox(worker).run(ToolUse(id="t7", name="bash", input=given))
    assert result == ToolResult(tool_use_id="t7", text="give a `command`, or `restart`: true", is_error=True)


async def test_a_dead_engine_is_raised(worker: FolderWorker) -> None:
    worker.dead = True
    with pytest.raises(EngineUnreachable):
        await bash(worker, "ls")
    with pytest.raises(EngineUnreachable):
        await edit(worker, "view", "a")


async def test_an_unknown_tool_is_an_error_result(worker: FolderWorker) -> None:
    result = await Toolbox(worker).run(ToolUse(id="t", name="browser", input={}))
    assert (result.text, result.is_error) == ("there is no tool 'browser'", True)


async def test_a_file_is_created_with_its_folders_and_seen(worker: FolderWorker, work: Path) -> None:
    text = "print('привет')\n\\n $x `y`\n"
    assert (
        await edit(worker, "create", "/workspace/app/new/main.py", file_text=text)
    ).text == "/workspace/app/new/main.py is written"
    assert (work / "app/new/main.py").read_text() == text
    assert (await edit(worker, "view", "app/new/main.py")).text == "     1\tprint('привет')\n     2\t\\n $x `y`\n"
    assert (await edit(worker, "view", str(work / "app/new/main.py"), view_range=[2, -1])).text == "     2\t\\n $x `y`\n"


async def test_a_folder_is_listed_two_levels_deep_without_hidden_things(worker: FolderWorker, work: Path) -> None:
    for path in ("a/b/c/deep.py", "a/one.py", ".git/config", "node_modules/x/y.js", "top.md", "a/__pycache__/z.pyc"):
        (work / path).parent.mkdir(parents=True, exist_ok=True)
        (work / path).write_text("x")
    assert (await edit(worker, "view", ".")).text == "a/\na/b/\na/one.py\ntop.md\n"


async def test_an_empty_file_and_an_empty_folder_say_so(worker: FolderWorker, work: Path) -> None:
    (work / "empty.py").touch()
    (work / "folder").mkdir()
    assert (await edit(worker, "view", "folder")).text == "folder is an empty folder"
    assert (await edit(worker, "view", "empty.py")).text == "empty.py is empty"


async def test_a_replacement_changes_the_file_and_shows_the_place(worker: FolderWorker, work: Path) -> None:
    (work / "run.sh").write_text("a\nb\nc\n")
    (work / "run.sh").chmod(0o755)
    result = await edit(worker, "str_replace", "run.sh", old_str="b", new_str="B")
    assert result.text == "run.sh is changed; it now reads:\n     1\ta\n     2\tB\n     3\tc\n     4\t\n"
    assert (work / "run.sh").read_text() == "a\nB\nc\n"
    assert (work / "run.sh").stat().st_mode & 0o777 == 0o755


async def test_an_insert_changes_the_file(worker: FolderWorker, work: Path) -> None:
    (work / "a.txt").write_text("a\nb\n")
    assert not (await edit(worker, "insert", "a.txt", insert_line=1, insert_text="x\n")).is_error
    assert (work / "a.txt").read_text() == "a\nx\nb\n"


@pytest.mark.parametrize(
    ("command", "path", "more", "said"),
    [
        ("view", "missing.py", {}, "missing.py does not exist"),
        ("str_replace", "missing.py", {"old_str": "a", "new_str": "b"}, "does not exist"),
        ("view", "/etc/passwd", {}, "lies outside the workspace"),
        ("create", "../x", {"file_text": "x"}, "lies outside the workspace"),
        ("view", "folder", {"view_range": [1, 2]}, "folder is a folder"),
        ("str_replace", "folder", {"old_str": "a", "new_str": "b"}, "is a folder: name a file"),
        ("create", "folder", {"file_text": "x"}, "could not be written"),
        ("create", "file/x", {"file_text": "x"}, "could not be written"),
        ("view", "fifo", {}, "not a regular file"),
        ("view", "binary", {}, "not UTF-8 text"),
        ("insert", "latin", {"insert_line": 0, "insert_text": "x"}, "not UTF-8 text"),
        ("view", "big", {}, f"longer than {FILE_LIMIT} bytes"),
        ("undo_edit", "file", {}, "does not fit the tool"),
        ("create", "file", {}, "file_text: Field required"),
        ("str_replace", "file", {"old_str": "zzz", "new_str": "b"}, "nothing was replaced"),
    ],
)
async def test_what_cannot_be_done_is_an_error_with_a_sentence(
    worker: FolderWorker, work: Path, command: str, path: str, more: dict[str, Any], said: str
) -> None:
    (work / "folder").mkdir()
    (work / "file").write_text("text")
    (work / "binary").write_bytes(b"a\0b")
    (work / "latin").write_bytes(b"caf\xe9")
    (work / "big").write_bytes(b"x" * (FILE_LIMIT + 1))
    os.mkfifo(work / "fifo")
    result = await edit(worker, command, path, **more)
    assert result.is_error
    assert said in result.text
    assert (work / "file").read_text() == "text"


async def test_paths_that_look_like_options_are_paths(worker: FolderWorker, work: Path) -> None:
    assert not (await edit(worker, "create", "-rf", file_text="x")).is_error
    assert (work / "-rf").read_text() == "x"
    assert (await edit(worker, "view", "-rf")).text == "     1\tx\n"
