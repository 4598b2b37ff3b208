"""Mutation: would the project's tests notice a fault in what the change wrote?

True afterwards: each mutant was tried in a copy of its own in a fresh worker of the accepted candidate, without network, and
the worker is gone. Nothing that goes wrong here makes a green round red. Blocks: git host, engine.
"""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from prefect import task

from domain.json_text import read_json
from domain.manifests import at_the_project, command_of_tests, manifest_from, pytest_arguments
from domain.mutants import Fate, Mutant, Mutation, MutationRun, as_markdown, chosen, is_mutable, mutations, run_of
from domain.patches import ChangedLines, Extent
from domain.protocols import GitHost
from domain.workers import Command, CommandResult, Limits, WorkerSpawner
from tasks.artifacts import publish
from tasks.fresh_worker import fresh_worker
from tasks.identity import once_per
from tasks.retrying import only_try_again

LIMITS = Limits(memory_mb=2048, cpus=2.0, pids=512, disk_mb=1024)
AT_ONCE = 2
GRACE_SECONDS = 15.0
"""The runner ends by itself when its time is over; after so long it is made to."""
FILES_LIMIT = 200
"""Changed files that mutants are looked for in."""


@task(
    task_run_name="mutants of {project} round {round}",
    persist_result=True,
    cache_key_fn=once_per("run", "round", "commit", "candidate"),
    retries=2,
    retry_delay_seconds=[2, 5],
    retry_condition_fn=only_try_again,
)
async def try_mutants(
    run: str,
    project: str,
    round: int,
    commit: str,
    base: str,
    candidate: str,
    seconds: float,
    git: GitHost,
    engine: WorkerSpawner,
) -> MutationRun:
    """Put faults into the lines that changed since `base`, at most for `seconds`, and see which of them the tests notice."""
    began = time.monotonic()
    extent = await git.extent(project, base, commit)
    changed = {path: lines for path, lines in extent.lines.items() if is_mutable(path) and lines.added}
    texts = await git.read(project, commit, [*sorted(changed)[:FILES_LIMIT], "app.json"])
    missed = _missed(extent, len(changed))
    found = await asyncio.to_thread(_all, texts, changed)
    if not found:
        why = "no Python code of the app was changed" if not changed else "the changed lines offer none"
        return MutationRun(note="; ".join((why, *missed)))
    picked = await asyncio.to_thread(chosen, found, texts)
    command = command_of_tests(manifest_from(texts.get("app.json", "")))
    async with fresh_worker(f"{run}-mutants-{round}", project, run, candidate, LIMITS, engine) as worker:
        ran = await worker.run(_command(picked, command, seconds))
    fates, note = heard(ran, len(picked))
    tried = run_of([mutant for mutant, _ in picked], fates, len(found), note, int(1000 * (time.monotonic() - began)), missed)
    await publish(f"mutants-{round}", run, as_markdown(tried), tried.sentence)
    return tried


@cache
def runner() -> str:
    """Return the text of the program that tries mutants where the project stands."""
    return (files("tasks") / "mutant_runner.py").read_text("utf-8")


def heard(ran: CommandResult, mutants: int) -> tuple[dict[int, Fate], str]:
    """Read what the runner said; it stands in a place that the project's code shares, so only what fits is believed."""
    lines = [_line(text) for text in ran.stdout.decode("utf-8", "replace").splitlines()]
    fates: dict[int, Fate] = {
        line["mutant"]: line["fate"]
        for line in lines
        if type(line.get("mutant")) is int and 0 <= line["mutant"] < mutants and line.get("fate") in _FATES
    }
    first = next((line["baseline"] for line in lines if "baseline" in line), None)
    if first is None:
        end = ran.stderr.decode("utf-8", "replace").strip()[-200:]
        return {}, f"the mutants could not be tried ({end or f'exit code {ran.exit_code}'})"
    if first != 0:
        return {}, "the tests did not pass in a copy of the project"
    return fates, ""


_FATES = ("killed", "survived", "timed out")


def _line(text: str) -> dict[str, Any]:
    try:
        said = read_json(text)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _missed(extent: Extent, files: int) -> tuple[str, ...]:
    """Say what of a huge change was not looked at."""
    cut = ("the change is too large to be read whole: what comes later was not looked at",) if extent.cut else ()
    return (*cut, f"{files - FILES_LIMIT} more files were not looked at") if files > FILES_LIMIT else cut


def _all(texts: Mapping[str, str], changed: Mapping[str, ChangedLines]) -> Sequence[Mutation]:
    return [each for path, lines in sorted(changed.items()) for each in mutations(path, texts.get(path, ""), lines.added)]


def _command(picked: Sequence[tuple[Mutant, str]], command: str, seconds: float) -> Command:
    job = {
        "seconds": seconds,
        "at_once": AT_ONCE,
        "command": command,
        "pytest": pytest_arguments(command),
        "mutants": [{"path": mutant.path, "content": content} for mutant, content in picked],
    }
    argv = (*at_the_project('exec python -c "$1"'), "sh", runner())
    return Command(argv=argv, stdin=json.dumps(job).encode(), seconds=seconds + GRACE_SECONDS)
