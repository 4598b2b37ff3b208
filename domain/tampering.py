"""What in a commit bends how its tests are found, run or reported: read, never run.

Tests and their reporter share one process, so code in a test can do anything to the report. What has no honest use is
refused by name here; what hides better is found by the Tester's own tests (`domain/canaries.py`) and by mutants.
"""

import ast
import configparser
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from domain.hollow_tests import hollow_tests

READ = (".py", ".ini", ".cfg", ".toml", ".pth")
"""Endings of the files that are looked at."""

_HOOKS = frozenset(
    f"pytest_{name}"
    for name in (
        "cmdline_main",
        "cmdline_parse",
        "cmdline_preparse",
        "load_initial_conftests",
        "collection",
        "collection_modifyitems",
        "collection_finish",
        "ignore_collect",
        "collect_file",
        "collect_directory",
        "pycollect_makeitem",
        "itemcollected",
        "deselected",
        "runtestloop",
        "runtest_protocol",
        "runtest_call",
        "runtest_makereport",
        "runtest_logreport",
        "report_to_serializable",
        "report_from_serializable",
        "report_teststatus",
        "pyfunc_call",
        "sessionfinish",
        "unconfigure",
        "exception_interact",
    )
)
"""Hooks of pytest by which a project can choose, change or silence what is reported
(https://docs.pytest.org/en/stable/reference/reference.html#hooks)."""
_RUNNERS = frozenset({"pytest", "_pytest", "pluggy", "py", "iniconfig", "unittest", "xml", "sitecustomize", "usercustomize"})
"""Modules that the runner loads by name: one of the project's own at the root would be loaded in its place."""
_START_UP = frozenset({"sitecustomize.py", "usercustomize.py"})
_HONEST = re.compile(
    r"-q+|-v+|-s|-x|-l|-r\w+|--strict(-\w+)?|--tb=\w+|--import-mode=\w+|--durations=\d+|--color=\w+|--showlocals"
    r"|--asyncio-mode=\w+|no:cacheprovider|-p"
)
_CONFIGURATIONS = frozenset(
    {"pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml", "tox.ini", "setup.cfg", "pyproject.toml"}
)
_SECTIONS = ("pytest", "tool:pytest")
_SELECTING = ("python_files", "python_classes", "python_functions", "norecursedirs", "collect_imported_tests", "confcutdir")


def findings(files: Mapping[str, str | None], base: Mapping[str, str | None]) -> tuple[str, ...]:
    """Return what the commit's files do to its tests beyond what those of `base` did, one sentence part each.

    A file without text is one that was too large to be read.
    """
    before = set(_found(base))
    return tuple(dict.fromkeys(found for found in _found(files) if found not in before))


def is_test_file(path: str) -> bool:
    """Tell whether pytest takes the file for tests by its name."""
    name = PurePosixPath(path).name
    return name.endswith(".py") and (name.startswith("test_") or name.endswith("_test.py"))


def _found(files: Mapping[str, str | None]) -> Iterator[str]:
    for path, text in sorted(files.items()):
        yield from _by_name(PurePosixPath(path))
        if text is None:
            yield f"{path} is too large to be looked at"
        elif path.endswith(".py"):
            yield from _in_python(path, text)
        elif PurePosixPath(path).name in _CONFIGURATIONS:
            yield from _in_configuration(path, text)


def _by_name(path: PurePosixPath) -> Iterator[str]:
    if path.name in _START_UP or path.suffix == ".pth":
        yield f"{path} is run by Python before any test"
    elif path.suffix == ".py" and path.parts[0].removesuffix(".py") in _RUNNERS:
        yield f"{path} takes the place of a part of the test runner"


def _in_python(path: str, text: str) -> Iterator[str]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return  # it cannot be imported either, and the tests will say so
    nodes = list(ast.walk(tree))
    for node in nodes:
        yield from (f"{path} {what}" for what in _in_node(node))
    if is_test_file(path) or PurePosixPath(path).name == "conftest.py":
        yield from (f"{path} ends the runner's process by itself" for node in nodes if _ends_the_process(node))
    if is_test_file(path):
        yield from (f"{name} in {path} can never fail" for name in hollow_tests(tree))


def _in_node(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) if name in _HOOKS:
            yield f"has the hook {name}, which can change what is reported"
        case ast.Constant(value=str(word)) if "REPORTS_DIR" in word or word in _HOOKS:
            yield f"speaks of {'$REPORTS_DIR' if 'REPORTS_DIR' in word else word}, which is the runner's alone"
        case ast.Import(names=names) if any(_is_inside_pytest(name.name) for name in names):
            yield "imports the inside of pytest"
        case ast.ImportFrom(module=str(module), level=0) if _is_inside_pytest(module):
            yield "imports the inside of pytest"
        case ast.Name(id="collect_ignore" | "collect_ignore_glob" as name, ctx=ast.Store()):
            yield f"sets {name}, which hides tests"


def _is_inside_pytest(module: str) -> bool:
    return module == "_pytest" or module.startswith("_pytest.")


def _ends_the_process(node: ast.AST) -> bool:
    match node:
        case ast.Attribute(value=ast.Name(id="os"), attr="_exit" | "abort" | "kill" | "killpg"):
            return True
        case (
            ast.Attribute(value=ast.Name(id="pytest"), attr="exit")
            | ast.Attribute(value=ast.Name(id="atexit"), attr="register")
        ):
            return True
        case ast.ImportFrom(module="os" | "atexit", names=names):
            return any(name.name in ("_exit", "abort", "kill", "killpg", "register") for name in names)
        case _:
            return False


def _in_configuration(path: str, text: str) -> Iterator[str]:
    for key, value in _options(path, text).items():
        words = value.split()
        if key == "addopts" and (strange := [word for word in words if not _HONEST.fullmatch(word)]):
            yield f"{path} gives pytest the option {' '.join(strange)[:80]} on its own"
        elif key in _SELECTING:
            yield f"{path} sets {key}, which chooses the tests that are run"


def _options(path: str, text: str) -> dict[str, str]:
    """Return what the file says to pytest; nothing when it cannot be read, which pytest itself will complain about."""
    try:
        if path.endswith(".toml"):
            return _of_toml(tomllib.loads(text))
        parser = configparser.ConfigParser(interpolation=None)
        parser.read_string(text)
    except (tomllib.TOMLDecodeError, configparser.Error):
        return {}
    return {key: value for section in _SECTIONS if parser.has_section(section) for key, value in parser.items(section)}


def _of_toml(document: dict[str, object]) -> dict[str, str]:
    """Return pytest's table: `[pytest]`, `[tool.pytest]` or `[tool.pytest.ini_options]`, all its values as text."""
    tool = document.get("tool")
    tables: list[object] = [document.get("pytest"), tool.get("pytest") if isinstance(tool, dict) else None]
    tables += [table.get("ini_options") for table in tables if isinstance(table, dict)]
    found: dict[str, str] = {}
    for table in tables:
        for key, value in table.items() if isinstance(table, dict) else ():
            found[str(key)] = " ".join(map(str, value)) if isinstance(value, list) else str(value)
    return found
