"""Two steps side by side, of which none is left running when the other fails."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")


async def both(first: Awaitable[A], second: Awaitable[B]) -> tuple[A, B]:
    """Return both results. When one raises, the other has come to its end too: its workers are its own, its result is stored.

    `asyncio.gather` would let the other go on while the caller tidies up; a TaskGroup would cancel paid work, and raise a group
    that no `except TryAgain` catches.
    """
    one, two = await asyncio.gather(first, second, return_exceptions=True)
    if isinstance(one, BaseException):
        raise one
    if isinstance(two, BaseException):
        raise two
    return one, two
