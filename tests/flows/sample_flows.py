"""Tiny flows that tests deploy: what they did is told by files in a folder."""

import asyncio
import os
from pathlib import Path

from prefect import flow, task
from prefect.cache_policies import INPUTS, RUN_ID


def _append(folder: str, name: str, line: object) -> None:
    with Path(folder, name).open("a") as file:
        file.write(f"{line}\n")


def _may_go(folder: str) -> bool:
    return Path(folder, "go").exists()


@flow(name="sample_note")
async def note(folder: str, text: str = "done") -> str:
    """Leave one line."""
    _append(folder, "notes", text)
    return text


@task(persist_result=True, cache_policy=RUN_ID + INPUTS)
async def step(folder: str, number: int) -> int:
    _append(folder, "steps", number)
    return number


@flow(name="sample_inner", persist_result=True)
async def inner(folder: str, number: int) -> int:
    return await step(folder, number)


@flow(name="sample_long", persist_result=True)
async def long(folder: str) -> int:
    """Do two steps, say who runs, wait until `folder/go` is there, do a third."""
    await step(folder, 1)
    await inner(folder, 2)
    _append(folder, "pids", os.getpid())
    print("waiting for go")  # noqa: T201  (the worker keeps this in the run's log)
    while not _may_go(folder):  # noqa: ASYNC110  (another process makes the file)
        await asyncio.sleep(0.05)
    return await step(folder, 3)


@flow(name="sample_rollback")
async def rollback(project: str, release: int, reason: str, automatic: bool) -> str:
    return f"{project} {release + 0} {reason} {automatic}"


@flow(name="sample_alarm")
async def alarm(what: str, detail: str = "") -> str:
    return f"{what}: {detail}"


@flow(name="sample_tick")
async def tick() -> None:
    return None


@flow(name="sample_nest")
async def nest(folder: str) -> int:
    """Wait inside a subflow."""
    return await long_inside(folder)


@flow(name="sample_long_inside")
async def long_inside(folder: str) -> int:
    return await long.fn(folder)
