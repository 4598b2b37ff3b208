"""Windows of time in memory, with the rules of the real ones; `now` is in seconds and stands still."""

from domain.allowances import Passage
from domain.errors import ServiceUnreachable


class MemoryRates:
    def __init__(self) -> None:
        self.passed: dict[str, dict[str, float]] = {}
        self.told: dict[str, tuple[str, float]] = {}
        self.now = 1.0
        self.reachable = True

    async def enter(self, name: str, key: str, most: int, seconds: float) -> Passage:
        if not self.reachable:
            raise ServiceUnreachable("Redis", f"counting what comes of {name}", "it is away")
        passed = {each: at for each, at in self.passed.get(name, {}).items() if at > self.now - seconds}
        self.passed[name] = passed
        if key in passed:
            return Passage(passes=True)
        if len(passed) < most:
            passed[key] = self.now
            self.told.pop(name, None)
            return Passage(passes=True)
        teller, until = self.told.get(name, ("", 0.0))
        if until <= self.now:
            teller, _ = self.told[name] = (key, self.now + seconds)
        oldest = min(passed.values(), default=self.now)
        return Passage(passes=False, first=teller == key, seconds=oldest + seconds - self.now)
