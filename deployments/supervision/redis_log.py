"""Redis's log of commands after a crash of the machine: a half last command it cuts by itself, anything else keeps it down.

`redis-check-aof --fix` does the same; the wheel that brings Redis does not have it.
"""

import re
import shutil
from pathlib import Path
from typing import BinaryIO


def mend_log(log: Path) -> bool:
    """Cut what follows the last whole command, and keep the log as it was beside it.

    False when nothing has to be cut, and for a log in which no command is whole: an older Slipway let it begin with a snapshot,
    and whatever else it is, nothing that may be in it is thrown away.
    """
    if not log.exists():
        return False
    with log.open("rb") as file:
        whole = _whole(file)
    if whole in (0, log.stat().st_size):
        return False
    shutil.copyfile(log, log.with_suffix(".broken"))
    with log.open("r+b") as file:
        file.truncate(whole)
    return True


def _whole(file: BinaryIO) -> int:
    """Return how many bytes are whole commands, each `*<words>`, then `$<bytes>` and so many bytes for each word."""
    end = 0
    while words := _number(b"*", file):
        for _ in range(words):
            size = _number(b"$", file)
            if size is None or not file.read(size + 2).endswith(b"\r\n"):
                return end
        end = file.tell()
    return end


def _number(mark: bytes, file: BinaryIO) -> int | None:
    read = re.fullmatch(re.escape(mark) + rb"(\d{1,9})\r\n", file.readline(16))
    return int(read[1]) if read else None
