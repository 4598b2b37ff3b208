"""Runs in a candidate, alone: tries mutants one by one. Its text is sent there, so it knows only the standard library.

It reads one JSON job on standard input and writes one JSON line for each thing it found out. Each mutant is tried in a copy
of the project of its own and in a process of its own. With pytest the libraries are loaded once, and processes are forks:
a run of a second then takes a tenth. Written for Python 3.9 and later, which an image may have.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

Job = Any
Tell = Callable[..., None]

LEFT_OUT = shutil.ignore_patterns(".git", "__pycache__", "node_modules", "venv", ".venv", ".pytest_cache")
MOST_SECONDS_FACTOR = 4.0
LEAST_SECONDS = 3.0


def main() -> None:
    job = json.load(sys.stdin)
    out = os.fdopen(os.dup(1), "w")
    deadline = time.monotonic() + job["seconds"]
    scratch = tempfile.mkdtemp(prefix="mutants-")

    def tell(**said: Any) -> None:
        out.write(json.dumps(said) + "\n")
        out.flush()

    try:
        code, taken = baseline(job, scratch, deadline)
        tell(baseline=code, seconds=taken)
        if code == 0:
            each = max(LEAST_SECONDS, MOST_SECONDS_FACTOR * taken)
            try_all(job, scratch, deadline, each, tell)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def baseline(job: Job, scratch: str, deadline: float) -> tuple[Any, float]:
    """Return exit code and seconds of the tests as they are, with the libraries loaded when that does no harm."""
    names = os.path.join(scratch, "names")
    code, taken = alone(job, scratch, deadline, names)
    if code != 0 or not job["pytest"]:
        return code, taken
    load(names)
    again, quick = alone(job, scratch, deadline, "")
    if again != 0:
        job["pytest"] = None  # forks of what is loaded disturb these tests: each run gets a process of its own
        return code, taken
    return again, quick


def load(names: str) -> None:
    """Import what the tests imported and is not the project's; it stays in memory that the forks share."""
    try:
        with open(names) as file:
            wanted = file.read().split()
    except OSError:
        return
    for name in wanted:
        try:
            importlib.import_module(name)
        except BaseException:  # noqa: S112  a library may refuse to be loaded alone
            continue
    gc.freeze()


def try_all(job: Job, scratch: str, deadline: float, each: float, tell: Tell) -> None:
    """Keep `at_once` mutants going until all are tried or the time is over."""
    waiting, going = list(enumerate(job["mutants"])), dict[int, Any]()
    while (waiting or going) and time.monotonic() < deadline:
        while waiting and len(going) < job["at_once"]:
            number, mutant = waiting.pop(0)
            folder = copy(scratch, mutant)
            going[start(job, folder, "")] = (number, folder, min(deadline, time.monotonic() + each))
        for process, (number, folder, until) in list(going.items()):
            code = ended(process, until)
            if code is None:
                continue
            del going[process]
            shutil.rmtree(folder, ignore_errors=True)
            if code != "timed out":
                tell(mutant=number, fate="survived" if code == 0 else "killed")
            elif time.monotonic() < deadline:
                tell(mutant=number, fate="timed out")
        time.sleep(0.005)
    for process in going:
        kill(process)


def alone(job: Job, scratch: str, deadline: float, names: str) -> tuple[Any, float]:
    """Run the tests once, waiting for them; return exit code and seconds."""
    folder, began = copy(scratch, None), time.monotonic()
    process = start(job, folder, names)
    code: int | str | None = None
    while code is None:
        time.sleep(0.005)
        code = ended(process, deadline)
    shutil.rmtree(folder, ignore_errors=True)
    return code, time.monotonic() - began


def copy(scratch: str, mutant: Any) -> str:
    folder = os.path.join(tempfile.mkdtemp(dir=scratch), "project")
    shutil.copytree(".", folder, symlinks=True, ignore=LEFT_OUT)
    if mutant:
        with open(os.path.join(folder, mutant["path"]), "w", encoding="utf-8", newline="") as file:
            file.write(mutant["content"])
    return folder


def start(job: Job, folder: str, names: str) -> int:
    """Return the id of a new process, leader of a group of its own, that runs the tests in the folder."""
    project = os.getcwd()
    process = os.fork()
    if process:
        return process
    code = 70
    try:
        os.setsid()
        os.chdir(folder)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
        os.closerange(3, 256)
        code = run(job, folder, project, names)
    except BaseException:
        code = 71
    finally:
        os._exit(code)


def run(job: Job, folder: str, project: str, names: str) -> int:
    reports = os.path.join(os.path.dirname(folder), "reports")
    os.mkdir(reports)
    os.environ.update(REPORTS_DIR=reports, CI="true", PYTHONDONTWRITEBYTECODE="1")
    if not job["pytest"]:
        os.environ["PYTEST_ADDOPTS"] = (os.environ.get("PYTEST_ADDOPTS", "") + " -x").strip()
        os.execvp("sh", ["sh", "-c", job["command"]])  # noqa: S606  the command is for a shell
    sys.dont_write_bytecode = True
    sys.path[0] = folder
    sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w")
    import pytest

    code = int(pytest.main([*job["pytest"], "-x", "--tb=no"]))
    if names and code == 0:
        with open(names, "w") as file:
            file.write("\n".join(libraries((folder, project))))
    return code


def libraries(own: tuple[str, ...]) -> list[str]:
    """Name the modules that were imported and lie in none of these folders; plugins register themselves when it is time."""
    found = ["pytest"]
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        is_plugin = "pytest" in name and not name.startswith("_pytest.")
        if not file or is_plugin or name == "__main__" or any(file.startswith(place + os.sep) for place in own):
            continue
        found.append(name)
    return found


def ended(process: int, until: float) -> int | str | None:
    """Return the exit code of a process that has ended, `timed out` when it was killed for its time, else None."""
    done, status = os.waitpid(process, os.WNOHANG)
    if done:
        kill_group(process)
        return 128 if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
    if time.monotonic() < until:
        return None
    kill(process)
    return "timed out"


def kill(process: int) -> None:
    kill_group(process)
    os.waitpid(process, 0)


def kill_group(process: int) -> None:
    try:
        os.killpg(process, signal.SIGKILL)
    except OSError:
        return


if __name__ == "__main__":
    main()
