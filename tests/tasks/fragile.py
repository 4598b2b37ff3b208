"""Things that end the process that uses them, before or after any of their calls."""

import inspect
from collections.abc import Callable, Collection
from typing import Any


class Killed(BaseException):
    """The process is gone: nothing catches it, and what it had in memory is lost."""


class Fate:
    """Counts the moments before and after each call, and strikes at one of them; 0 is never.

    Who is dead does nothing more: what a `finally` tries afterwards strikes as well.
    """

    def __init__(self, at: int = 0, strike: Callable[[], None] | None = None) -> None:
        self.at = at
        self.passed: list[str] = []
        self._strike = strike or self._raise

    def reached(self, moment: str) -> None:
        if not self.at or len(self.passed) < self.at:
            self.passed.append(moment)
        if len(self.passed) == self.at:
            self._strike()

    def _raise(self) -> None:
        raise Killed(self.passed[-1])


class Fragile:
    """Everything that `inner` can, each call of it a danger; those named `harmless` change nothing and are none."""

    def __init__(self, inner: Any, fate: Fate, harmless: Collection[str] = ()) -> None:
        self._inner = inner
        self._fate = fate
        self._harmless = harmless

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name in self._harmless or not inspect.iscoroutinefunction(found):
            return found

        async def call(*args: Any, **named: Any) -> Any:
            self._fate.reached(f"before {name}")
            result = await found(*args, **named)
            self._fate.reached(f"after {name}")
            return result

        return call
