"""Counts of a door in memory, with the rules of those in Redis; time passes when a test says so."""

from domain.limits import Counted


class MemoryCounters:
    """Windows and memories by name, each with the moment of its end."""

    def __init__(self) -> None:
        self.now = 0
        self._windows: dict[str, tuple[int, int]] = {}
        self._known: dict[str, int] = {}

    async def count(self, name: str, seconds: int) -> Counted:
        number, end = self._windows.get(name, (0, 0))
        if end <= self.now:
            number, end = 0, self.now + seconds
        self._windows[name] = number + 1, end
        return Counted(number=number + 1, seconds=end - self.now)

    async def counted(self, name: str) -> Counted:
        number, end = self._windows.get(name, (0, 0))
        return Counted(number=number, seconds=end - self.now) if end > self.now else Counted()

    async def remember(self, name: str, seconds: int) -> None:
        self._known[name] = self.now + seconds

    async def forget(self, name: str) -> None:
        self._known.pop(name, None)

    async def remembers(self, name: str, seconds: int) -> bool:
        if self._known.get(name, 0) <= self.now:
            return False
        self._known[name] = self.now + seconds
        return True
