"""Mutants tried for real: the runner's own program, pytest and unittest, in a folder behind the fake engine."""

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from blocks.git.block import BareGitHost
from domain.manifests import pytest_arguments
from domain.mutants import MutationRun
from domain.patches import ChangedLines, Extent
from domain.workers import Command, CommandResult, WorkerSpec
from tasks.mutation import heard, try_mutants
from tests.fakes.engine import FakeEngine
from tests.tasks.test_tester import BASE, COMMIT, FolderGit, manifest

APP = """def grade(points, most):
    if points > most:
        raise ValueError("too many")
    return round(100 * points / most)


def spin(number):
    while number < 10:
        number = number + 1
    return number
"""
SHARP = """import unittest

from app.grades import grade, spin


class Grades(unittest.TestCase):
    def test_grades(self):
        self.assertEqual(grade(3, 4), 75)
        self.assertEqual(grade(4, 4), 100)
        self.assertRaises(ValueError, grade, 5, 4)
        self.assertEqual(spin(9), 10)
"""
WEAK = "from app.grades import grade\n\n\ndef test_grades():\n    assert grade(4, 4) == 100\n"
HOLLOW = "import app.grades\n\n\ndef test_grades():\n    assert app.grades\n"
PYTEST, UNITTEST = (
    "python -m pytest -q -p no:cacheprovider --junitxml=$REPORTS_DIR/j.xml",
    "python -m unittest -q tests.test_grades",
)


class ChangedGit(FolderGit):
    """A git host in which every file is new since the base."""

    async def extent(self, project: str, base: str | None, commit: str) -> Extent:
        files = self.commits[commit].items()
        return Extent(lines={path: _all_lines(text) for path, text in files})


def _all_lines(text: object) -> ChangedLines:
    return ChangedLines(added=frozenset(range(1, 1 + len(str(text).splitlines()))))


async def run_here(folder: Path, command: Command) -> CommandResult:
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    process = await asyncio.create_subprocess_exec(
        *command.argv,
        cwd=folder,
        env={"PATH": path, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "TMPDIR": str(folder.parent)},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate(command.stdin)
    return CommandResult(exit_code=process.returncode or 0, stdout=out, stderr=err)


async def tried(
    folder: Path, tests: str, command: str = PYTEST, seconds: float = 60.0, more: Mapping[str, str] | None = None
) -> MutationRun:
    app = folder / "app-of-the-image"
    files = {
        "app.json": manifest(command),
        "app/__init__.py": "",
        "app/grades.py": APP,
        "tests/test_grades.py": tests,
        **(more or {}),
    }
    write(app, files)

    async def run(_: WorkerSpec, asked: Command) -> CommandResult:
        return await run_here(app, asked)

    engine = FakeEngine(run=run)
    git = ChangedGit({COMMIT: files})
    done = await try_mutants.fn("r-abc123", "notes", 1, COMMIT, BASE, "sha256:1", seconds, git, engine)
    assert engine.live_workers == {}, "the worker must be gone"
    assert {name: (app / name).read_text() for name in files} == files, "the project itself must stay as it was"
    assert [(spec.image, spec.network) for spec in engine.spawned] in ([("sha256:1", "none")], [])
    return done


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


async def test_tests_of_another_runner_are_run_by_their_own_command(tmp_path: Path) -> None:
    grades, test = APP.partition("\n\ndef spin")[0], SHARP.replace(", spin", "").replace("self.assertEqual(spin(9), 10)", "")
    run = await tried(tmp_path, test, UNITTEST, more={"app/grades.py": grades, "tests/__init__.py": ""})
    assert run.survivors == ()
    assert {mutant.line for mutant in run.noticed} == {2, 4}


async def test_tests_that_look_at_everything_notice_every_fault(tmp_path: Path) -> None:
    run = await tried(tmp_path, SHARP)
    assert run.survivors == ()
    assert len(run.noticed) == len(run.tried) == run.possible > 8
    assert "timed out" in {each.fate for each in run.tried}, "`number - 1` never ends"


async def test_faults_that_no_test_looks_at_survive_and_are_named(tmp_path: Path) -> None:
    run = await tried(tmp_path, WEAK)
    assert {mutant.line for mutant in run.survivors} >= {8, 9, 10}
    assert "while number >= 10:" in {mutant.after for mutant in run.survivors}
    assert {mutant.line for mutant in run.noticed} >= {2, 4}
    assert not run.blind


async def test_tests_that_only_import_are_blind(tmp_path: Path) -> None:
    assert (await tried(tmp_path, HOLLOW)).blind


async def test_when_the_time_is_over_the_rest_is_not_tried_and_that_is_said(tmp_path: Path) -> None:
    run = await tried(tmp_path, SHARP, seconds=0.01)
    assert {each.fate for each in run.tried} == {"not tried"}
    assert run.survivors == ()
    assert not run.blind


async def test_tests_that_fail_in_a_copy_say_nothing_of_mutants(tmp_path: Path) -> None:
    here = f"import os\n\n\ndef test_place():\n    assert os.getcwd() == {str(tmp_path / 'app-of-the-image')!r}\n"
    run = await tried(tmp_path, here)
    assert run.tried[0].fate == "not tried"
    assert "did not pass in a copy" in run.note


async def test_lines_that_no_longer_fit_into_the_shown_diff_get_mutants_too(tmp_path: Path) -> None:
    table = "NAMES = [\n" + '    "a name that changes nothing",\n' * 3_000 + "]\n"
    first = {"app.json": manifest(PYTEST), "tests/test_grades.py": WEAK}
    second = {"app/__init__.py": "", "app/a_table.py": table, "app/grades.py": APP}
    git, commits = BareGitHost(folder=str(tmp_path / "git")), list[str]()
    await git.create("notes")
    app = tmp_path / "app-of-the-image"
    for files in (first, second):
        write(app, files)
        made = await git.commit_tree(
            "notes", app, branch="main", parent=commits[-1] if commits else None, message="m", author="a <a@b>"
        )
        commits.append(made.sha)
    base, commit = commits
    assert (await git.patch("notes", base, commit)).cut

    async def run(_: WorkerSpec, asked: Command) -> CommandResult:
        return await run_here(app, asked)

    done = await try_mutants.fn("r-abc123", "notes", 1, commit, base, "sha256:1", 60.0, git, FakeEngine(run=run))
    assert {mutant.path for mutant in done.survivors} == {"app/grades.py"}
    assert done.note == ""


async def test_what_of_a_huge_change_was_not_looked_at_is_said() -> None:
    files = {f"app/f{number:03}.py": "A = 'a'" for number in range(203)}

    class HugeGit(ChangedGit):
        async def extent(self, project: str, base: str | None, commit: str) -> Extent:
            return (await super().extent(project, base, commit)).model_copy(update={"cut": True})

    run = await try_mutants.fn("r-abc123", "notes", 1, COMMIT, BASE, "sha256:1", 9.0, HugeGit({COMMIT: files}), FakeEngine())
    cut = "the change is too large to be read whole: what comes later was not looked at"
    assert run.note == f"the changed lines offer none; {cut}; 3 more files were not looked at"


async def test_without_python_of_the_app_there_are_no_mutants_and_no_worker(tmp_path: Path) -> None:
    engine = FakeEngine()
    git = ChangedGit({COMMIT: {"app.json": "{}", "static/a.js": "let a = 1 + 1", "tests/test_a.py": "a = 1 + 1"}})
    run = await try_mutants.fn("r-abc123", "notes", 1, COMMIT, BASE, "sha256:1", 9.0, git, engine)
    assert run.sentence == "no mutants: no Python code of the app was changed"
    assert engine.spawned == []


def test_of_what_the_runner_says_only_what_fits_is_believed() -> None:
    lines = b'loud\n[1]\n{"baseline": 0}\n{"mutant": 7, "fate": "killed"}\n'
    lines += b'{"mutant": 0, "fate": "x"}\n{"mutant": 1, "fate": "killed"}'
    assert heard(CommandResult(exit_code=0, stdout=lines), 2) == ({1: "killed"}, "")
    fates, note = heard(CommandResult(exit_code=127, stderr=b"sh: python: not found"), 2)
    assert fates == {}
    assert "python: not found" in note


@pytest.mark.parametrize(
    ("command", "given"),
    [
        ('python -m pytest -q --junitxml="$REPORTS_DIR/junit.xml"', ("-q",)),
        ("pytest tests", ("tests",)),
        ("pytest --junit-xml=$REPORTS_DIR/a.xml -k 'a or b'", ("-k", "a or b")),
        ("python -m unittest", None),
        ("pytest && echo done", None),
        ("pytest $MORE", None),
        ("pytest 'unclosed", None),
    ],
)
def test_only_a_plain_call_of_pytest_is_read(command: str, given: tuple[str, ...] | None) -> None:
    assert pytest_arguments(command) == given
