"""Counts of a door in memory, with the rules of those in Redis; time passes when a test says so."""

from domain.limits import GUESSES, TRUSTED, WINDOW, Knock


class MemoryCounters:
    """Windows and memories by name, each with the moment of its end."""

    def __init__(self) -> None:
        self.now = 0
        self._ours: dict[tuple[str, str], int] = {}
        self._guesses: dict[str, tuple[set[str], int]] = {}
        self._uses: dict[str, tuple[int, int]] = {}

    async def knock(self, address: str, digest: str, rate: int) -> Knock:
        known = self._ours.get((address, digest), 0) > self.now
        if known:
            self._ours[address, digest] = self.now + TRUSTED
        elif wait := self._guess(address, digest):
            return Knock(wait=wait)
        name = digest if known else f"{address}:uses"
        number, end = self._uses.get(name, (0, 0))
        number, end = (number, end) if end > self.now else (0, self.now + WINDOW)
        self._uses[name] = number + 1, end
        return Knock(known=known, wait=end - self.now if number >= rate else None)

    def _guess(self, address: str, digest: str) -> int:
        """Count it; return after how many seconds it may be, 0 for now."""
        digests, end = self._guesses.get(address, (set[str](), 0))
        digests, end = (digests, end) if end > self.now and digests else (set[str](), self.now + WINDOW)
        if digest not in digests and len(digests) >= GUESSES:
            return end - self.now
        self._guesses[address] = digests | {digest}, end
        return 0

    async def know(self, address: str, digest: str) -> None:
        self._ours[address, digest] = self.now + TRUSTED
        if address in self._guesses:
            self._guesses[address][0].discard(digest)

    async def ping(self) -> None:
        return None
