"""Everything that one command, worker or app started on this machine, found by what Linux tells in /proc.

A process belongs to a tree when its environment at birth holds the tree's mark, when it shares a session with such a
one, when it descends from one, or when it was seen to belong before. A process that wipes its environment, leaves its
session and loses its parents between two looks is not found: only a container holds such a one.
"""

import contextlib
import os
import signal
from dataclasses import dataclass

from blocks.process_engine.shim import birth

PAGE = os.sysconf("SC_PAGE_SIZE")
ROUNDS = 100
"""How often a tree that goes on forking is killed before we give up."""


@dataclass(frozen=True)
class _Entry:
    pid: int
    parent: int
    session: int


def alive(pid: int, born: str) -> bool:
    """Tell whether the process born then still runs; a later one with the same number is another."""
    return bool(born) and birth(pid) == born


class Tree:
    """The living processes of one mark, like `SLIPWAY_WORKER=/data/workers/x`."""

    def __init__(self, mark: str, *known: tuple[int, str]) -> None:
        """`known` members (number, birth) count also while they are dying and have no environment any more."""
        self._mark = mark.encode()
        self._seen = dict(known)

    def look(self) -> tuple[int, ...]:
        """Return the process numbers of all living members, and remember them."""
        table = _table()
        own = os.getsid(0)
        known = {pid for pid, born in self._seen.items() if pid in table and alive(pid, born)}
        members = known | {pid for pid in table if self._marked(pid)}
        sessions = {table[pid].session for pid in members} - {own}
        members |= {pid for pid, entry in table.items() if entry.session in sessions}
        grown = True
        while grown:
            heirs = {pid for pid, entry in table.items() if entry.parent in members} - members
            members |= heirs
            grown = bool(heirs)
        members -= {os.getpid()}
        self._seen = {pid: born for pid in members if (born := birth(pid))}
        return tuple(self._seen)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to every member."""
        for pid in self.look():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)

    def kill(self) -> None:
        """Kill until none is left: all are frozen first, so that none can fork away from the blow."""
        for _ in range(ROUNDS):
            if not self.look():
                return
            self.signal(signal.SIGSTOP)
            self.signal(signal.SIGKILL)

    def holds_more_than(self, limit: int) -> bool:
        """Tell whether the members seen last hold more bytes for themselves; pages shared since a fork count once."""
        quick = sum(_own_memory(pid) for pid in self._seen)
        return quick > limit and sum(_share(pid) for pid in self._seen) > limit

    def _marked(self, pid: int) -> bool:
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                return self._mark in file.read().split(b"\0")
        except OSError:  # it ended, or belongs to another user
            return False


def _table() -> dict[int, _Entry]:
    """Read number, parent and session of every living process; the dead that nobody has waited for are left out."""
    found: dict[int, _Entry] = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:
            state, parent, _, session = file.read().rpartition(b")")[2].split()[:4]
            if state not in (b"Z", b"X"):
                found[int(name)] = _Entry(int(name), int(parent), int(session))
    return found


def _own_memory(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            _, resident, shared = (int(field) for field in file.read().split()[:3])
    except (OSError, ValueError):  # it ended
        return 0
    return (resident - shared) * PAGE


def _share(pid: int) -> int:
    """Return the anonymous memory of a process, with its part of what it shares; slower to ask for than the resident size."""
    try:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            lines = dict(line.split(":", 1) for line in file if ":" in line)
    except OSError:  # it ended
        return 0
    return int(lines.get("Pss_Anon", lines.get("Pss", "0 kB")).split()[0]) * 1024
