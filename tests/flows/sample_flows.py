"""Tiny flows that tests deploy: what they did is told by files in a folder."""

import asyncio
import os
from pathlib import Path

from prefect import flow, task
from prefect.cache_policies import INPUTS, RUN_ID


@flow(name="sample_note")
async def note(folder: str, text: str = "done") -> str:
    """Leave one line."""
    with Path(folder, "notes").open("a") as file:
        file.write(f"{text}\n")
    return text


@task(persist_result=True, cache_policy=RUN_ID + INPUTS)
async def step(folder: str, number: int) -> int:
    with Path(folder, "steps").open("a") as file:
        file.write(f"{number}\n")
    return number


@flow(name="sample_inner", persist_result=True)
async def inner(folder: str, number: int) -> int:
    return await step(folder, number)


@flow(name="sample_long", persist_result=True)
async def long(folder: str) -> int:
    """Do two steps, say who runs, wait until `folder/go` is there, do a third."""
    await step(folder, 1)
    await inner(folder, 2)
    with Path(folder, "pids").open("a") as file:
        file.write(f"{os.getpid()}\n")
    while not Path(folder, "go").exists():
        await asyncio.sleep(0.05)
    return await step(folder, 3)


@flow(name="sample_rollback")
async def rollback(project: str, release: int, reason: str) -> str:
    return f"{project} {release + 0} {reason}"


@flow(name="sample_alarm")
async def alarm(what: str, detail: str = "") -> str:
    return f"{what}: {detail}"


@flow(name="sample_tick")
async def tick() -> None:
    return None
