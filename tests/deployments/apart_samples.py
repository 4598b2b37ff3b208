"""Work that tests have done in a process of its own."""

import os
import time
from collections.abc import Callable
from pathlib import Path

from domain.errors import NeedsPerson

Report = Callable[[str], None]


def double(report: Report, number: int) -> int:
    report(f"doubling {number}")
    return 2 * number


def fail(report: Report, message: str) -> None:
    raise NeedsPerson(message)


def break_down(report: Report) -> None:
    raise ZeroDivisionError("by zero")


def vanish(report: Report) -> None:
    os._exit(3)


def last(report: Report, folder: Path) -> None:
    """Take for ever, and leave a file when ended before that."""
    try:
        report(str(os.getpid()))
        time.sleep(600)
    finally:
        (folder / "tidied").touch()
