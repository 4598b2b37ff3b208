"""Which process is meant: a pid alone is given out again by the kernel, and by the next boot."""

import os
import socket
from pathlib import Path

from domain.values import Value


class ProcessId(Value):
    """A process for ever: `host:boot:pid:started`."""

    host: str
    boot: str
    pid: int
    started: int
    """Clock ticks since boot (proc(5), /proc/PID/stat field 22)."""

    def __str__(self) -> str:
        return f"{self.host}:{self.boot}:{self.pid}:{self.started}"


def this_host() -> str:
    return socket.gethostname().replace(":", "-")


def this_boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text()[:8]


def parsed(text: str | None) -> ProcessId | None:
    """Return the process that `str` wrote; None for any other text, like another worker type's."""
    parts = (text or "").split(":")
    if len(parts) != 4 or not (parts[2].isdecimal() and parts[3].isdecimal()):
        return None
    return ProcessId(host=parts[0], boot=parts[1], pid=int(parts[2]), started=int(parts[3]))


def identified(pid: int) -> ProcessId | None:
    """Return who has the pid on this machine now; None when nobody, or one that has ended and was not waited for."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if words[0] in "ZX" else ProcessId(host=this_host(), boot=this_boot(), pid=pid, started=int(words[19]))


def is_alive(process: ProcessId) -> bool:
    """Tell whether exactly this process runs; only meaningful on its own host."""
    return identified(process.pid) == process


def kill_group(process: ProcessId, signal_number: int) -> None:
    """Signal the process group it leads; nothing happens when it is gone or its pid is somebody else's now."""
    if is_alive(process):
        os.killpg(process.pid, signal_number)
