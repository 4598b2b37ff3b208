"""Things that end the process that uses them, before or after any of their calls."""

import inspect
from collections.abc import Callable
from typing import Any


class Killed(BaseException):
    """The process is gone: nothing catches it, and what it had in memory is lost."""


class Fate:
    """Counts the moments before and after each call, and strikes at one of them; 0 is never."""

    def __init__(self, at: int = 0, strike: Callable[[], None] | None = None) -> None:
        self.at = at
        self.passed: list[str] = []
        self._strike = strike or self._raise

    def reached(self, moment: str) -> None:
        self.passed.append(moment)
        if len(self.passed) == self.at:
            self._strike()

    def _raise(self) -> None:
        raise Killed(self.passed[-1])


class Fragile:
    """Everything that `inner` can, each call of it a danger."""

    def __init__(self, inner: Any, fate: Fate) -> None:
        self._inner = inner
        self._fate = fate

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not inspect.iscoroutinefunction(found):
            return found

        async def call(*args: Any, **named: Any) -> Any:
            self._fate.reached(f"before {name}")
            result = await found(*args, **named)
            self._fate.reached(f"after {name}")
            return result

        return call
