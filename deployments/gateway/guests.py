"""Who may use the model gateway, and how much of it at once."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from deployments.egress.addresses import Addresses
from domain.errors import SlipwayError, TryAgain
from domain.gateway import Access, Refusal, Use, access_of, given_token
from domain.runs import Run
from domain.values import Value

FRESH_SECONDS = 1.5
"""How long a run counts as it was when last looked at."""

OPENING_ROLE = "product_owner"
"""Works before its run is written down: there is none until the Brief is accepted."""


class Refused(Exception):
    """The request is not passed; `refusal` is the answer."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal)
        self.refusal = refusal


class Allowance(Value):
    """How many calls go on at once."""

    of_run: int = 8
    of_all: int = 64


class RunReader(Protocol):
    """The part of the registry that knows which runs go on."""

    async def run(self, run: str) -> Run | None: ...


class Doors(Protocol):
    """Which doors are open: a token that opens one ends with it."""

    async def is_open(self, door: str) -> bool: ...


class Guests:
    """Checks tokens against runs, and counts the calls of each."""

    def __init__(
        self,
        key: str,
        registry: RunReader,
        allowance: Allowance,
        addresses: Addresses | None = None,
        doors: Doors | None = None,
    ) -> None:
        """Without `addresses` a token is good wherever it is: local processes have one address for all."""
        self._key = key
        self._addresses = addresses
        self._doors = doors
        self._registry = registry
        self._allowance = allowance
        self._calls: Counter[str] = Counter()
        self._seen: dict[str, tuple[float, Run | None]] = {}

    async def run_behind(self, headers: Mapping[str, str], address: str) -> str | None:
        """Return the run on whose receipt a refused call stands: that of the address, whatever the token names.

        None when the token proves nothing, or the address is nobody's.
        """
        access = access_of(given_token(headers), self._key, time.time())
        if access is None or self._addresses is None:
            return access.run if access else None
        try:
            return await self._addresses.run_at(address, access.run) or None
        except SlipwayError:
            return None

    async def admitted(self, headers: Mapping[str, str], address: str, use: Use = "models") -> Access:
        """Return what the token proves, with the project to which the run is booked; raise Refused when it proves nothing.

        It proves something only where its run's worker is.
        """
        access = access_of(given_token(headers), self._key, time.time())
        if access is None:
            raise stranger("this needs the token of a run")
        if access.use != use:
            raise stranger(f"this token is not for {use}")
        await self._require_home(access.run, address)
        if access.door and not (self._doors and await self._doors.is_open(access.door)):
            raise stranger("what its token was for has ended")
        run = await self._run(access.run)
        if run is None and (access.role != OPENING_ROLE or use == "repository"):
            raise stranger(f"there is no run {access.run}")
        if run is not None and run.state.ended:
            raise stranger(f"{access.run} has ended, and its token with it")
        return access if run is None else access.model_copy(update={"project": run.project})

    async def _require_home(self, run: str, address: str) -> None:
        if self._addresses is None:
            return
        try:
            at_home = await self._addresses.run_at(address, run) == run
        except SlipwayError as error:
            raise Refused(engine_refusal(error)) from error
        if not at_home:
            raise stranger("this token is of another run")

    @contextmanager
    def calling(self, access: Access) -> Iterator[None]:
        """Count a call while it lasts; raise Refused when there are too many."""
        if self._calls.total() >= self._allowance.of_all:
            raise Refused(Refusal(status=529, type="overloaded_error", message="the model gateway is busy", again=2))
        if self._calls[access.run] >= self._allowance.of_run:
            why = f"{access.run} has {self._allowance.of_run} calls under way already"
            raise Refused(Refusal(status=429, type="rate_limit_error", message=why, again=1))
        self._calls[access.run] += 1
        try:
            yield
        finally:
            self._calls[access.run] -= 1
            self._calls += Counter()  # forgets runs without calls

    async def _run(self, run: str) -> Run | None:
        now = time.monotonic()
        self._seen = {name: seen for name, seen in self._seen.items() if seen[0] > now}
        if run not in self._seen:
            try:
                self._seen[run] = (now + FRESH_SECONDS, await self._registry.run(run))
            except SlipwayError as error:
                raise Refused(registry_refusal(error)) from error
        return self._seen[run][1]


def registry_refusal(error: SlipwayError) -> Refusal:
    """Say that nothing can be booked, and whether it may be possible later."""
    if isinstance(error, TryAgain):
        return Refusal(status=529, type="overloaded_error", message=f"the model gateway must wait: {error}", again=1)
    return Refusal(status=500, type="api_error", message=f"the model gateway cannot work: {error}")


def engine_refusal(error: SlipwayError) -> Refusal:
    """Say that the engine does not tell whose worker asks; it may, once it answers again."""
    return Refusal(status=529, type="overloaded_error", message=f"the model gateway must wait: {error}", again=1)


def stranger(why: str) -> Refused:
    """Refuse a token that proves nothing."""
    return Refused(Refusal(status=401, type="authentication_error", message=f"the model gateway does not know you: {why}"))
