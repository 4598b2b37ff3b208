"""Work in a process of its own: its words, its value and its errors arrive; who is interrupted ends it at once."""

import asyncio
from pathlib import Path

import pytest

from deployments.apart import apart
from deployments.supervision.processes import identified
from domain.errors import Broken, NeedsPerson
from tests.deployments import apart_samples as samples


async def test_words_and_value_arrive() -> None:
    said: list[str] = []
    assert await apart(samples.double, said.append, 21) == 42
    assert said == ["doubling 21"]


async def test_error_arrives_as_what_it_is() -> None:
    with pytest.raises(NeedsPerson, match="install debootstrap"):
        await apart(samples.fail, print, "install debootstrap")


async def test_fault_is_told_with_its_place() -> None:
    with pytest.raises(Broken, match=r"ZeroDivisionError: by zero(.|\n)*in break_down"):
        await apart(samples.break_down, print)


async def test_process_that_vanishes_is_an_error() -> None:
    with pytest.raises(Broken, match="vanish ended with exit code 3"):
        await apart(samples.vanish, print)


async def test_interrupted_work_tidies_up_and_is_gone(tmp_path: Path) -> None:
    started: asyncio.Queue[str] = asyncio.Queue()
    work = asyncio.create_task(apart(samples.last, started.put_nowait, tmp_path))
    process = identified(int(await started.get()))
    assert process is not None
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert identified(process.pid) is None
    assert (tmp_path / "tidied").exists()
