"""Watch: probe every live release at once, and say in events what is not well.

True afterwards: for each release that became unwell, or still is a minute later, as many events as failed looks are wanted
for an answer, without its secrets; one event for each recovery; nothing else changed.
Blocks: registry, engine, git host (health paths), vault. A probe has its own deadline, so that one hanging app delays no
other, and what cannot be read of one release is a complaint about that one. One that is silent is suspected before that
deadline: the looks which a complaint would bring begin beside the first.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

import httpx

from blocks.plain_http import plain_client
from domain.errors import SlipwayError
from domain.health import HealthCheck
from domain.protocols import GitHost, Vault
from domain.registry import Registry
from domain.releases import Release, ReleaseState
from domain.watching import Look, Traffic, complaint, is_beginning, is_outside, is_platform_fault
from domain.workers import AppRunner, AppState, AppStatus
from tasks.health import probe_once
from tasks.readiness import health_check_of
from tasks.reconciler import live_releases
from tasks.redaction import redacted, shield
from tasks.watch_events import CUT_OFF, RECOVERED, UNHEALTHY, Probe, emit, emit_platform

PROBE_SECONDS = 3.0
AGAIN_SECONDS = 0.7
"""Between two probes of a release that has just become unwell; they overlap, so that a hang is soon known."""
SILENT_SECONDS = 0.7
"""After this time without an answer the next probes begin; an answer within PROBE_SECONDS ends them, and counts."""
SUSPECTS = 10
"""More releases that are silent at once show a busy machine: asking them more often would not help."""
RETELL_SECONDS = 60.0
"""After this time a release that is still unwell is spoken of again."""
NEVER = datetime.min.replace(tzinfo=UTC)


def clock_time() -> datetime:
    return datetime.now(UTC)


class Watch:
    """Remembers, between passes, who was unwell since when, how often each was restarted, and where health is seen."""

    def __init__(
        self,
        registry: Registry,
        engine: AppRunner,
        git: GitHost,
        vault: Vault,
        *,
        threshold: int = 3,
        traffic: Callable[[], Mapping[str, Traffic]] = dict,
        tell: Callable[[str, Probe], None] = emit,
        tell_platform: Callable[[int, int], None] = emit_platform,
        clock: Callable[[], float] = time.monotonic,
        again_seconds: float = AGAIN_SECONDS,
        silent_seconds: float = SILENT_SECONDS,
        beginning_seconds: float = 60.0,
        now: Callable[[], datetime] = clock_time,
    ) -> None:
        """`beginning_seconds`: how long an app that was started again while it was live may take until it is well."""
        self._registry = registry
        self._engine = engine
        self._git = git
        self._vault = vault
        self._threshold = threshold
        self._traffic = traffic
        self._tell = tell
        self._tell_platform = tell_platform
        self._clock = clock
        self._again_seconds = again_seconds
        self._silent_seconds = silent_seconds
        self._beginning_seconds = beginning_seconds
        self._now = now
        self._begun: dict[str, datetime | None] = {}
        """Of each release that was well: since when it ran then. It has begun, and needs no more time for that."""
        self._suspected: dict[str, Sequence[asyncio.Task[Probe]]] = {}
        """Of each release that is silent in this look: the probes that have begun beside the first."""
        self._told: dict[str, tuple[float, int]] = {}
        """Of each release that is unwell: since when it is spoken of in this RETELL_SECONDS, and how often it was."""
        self._cut: set[str] = set()
        """Releases that are unwell by a fault outside of them, and were told."""
        self._shielded: set[str] = set()
        self._restarts: dict[str, int] = {}
        self._checks: dict[str, HealthCheck] = {}

    async def look(self) -> Sequence[Probe]:
        """Probe all live releases concurrently; what became unwell is probed again at once, and told."""
        releases, statuses, traffic = await live_releases(self._registry), await self._statuses(), self._traffic()
        unlimited = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        async with plain_client(timeout=PROBE_SECONDS, limits=unlimited) as client:
            seen = [statuses.get(release.identity) or _gone(release) for release in releases]
            looks = {self._looking(*each, client, traffic): each[0] for each in zip(releases, seen, strict=True)}
            try:
                await self._suspect(looks, client)
                probes = await asyncio.gather(*looks)
                await self._speak(probes, client)
            finally:
                await self._acquit()
        return probes

    def _looking(
        self, release: Release, status: AppStatus, client: httpx.AsyncClient, traffic: Mapping[str, Traffic]
    ) -> "asyncio.Task[Probe]":
        return asyncio.ensure_future(self._probe(release, status, client, traffic))

    async def _suspect(self, looks: "Mapping[asyncio.Task[Probe], Release]", client: httpx.AsyncClient) -> None:
        """Begin the next probes of the few that are silent, if an answer to them may be due."""
        silent = (await asyncio.wait(looks, timeout=self._silent_seconds))[1] if looks else set()
        for release in [looks[look] for look in silent if len(silent) <= SUSPECTS]:
            if self._told.get(release.identity, (0.0, 0))[1] < self._threshold:
                self._suspected[release.identity] = self._follow(release, client)

    def _follow(self, release: Release, client: httpx.AsyncClient) -> Sequence[asyncio.Task[Probe]]:
        """Begin the probes that an answer needs beside the first one."""
        after = (self._after(number * self._again_seconds, release, client) for number in range(self._threshold - 1))
        return [asyncio.ensure_future(probe) for probe in after]

    async def _acquit(self) -> None:
        """End the probes of those who have answered after all, or of whom enough was said."""
        begun = [probe for probes in self._suspected.values() for probe in probes]
        self._suspected.clear()
        for probe in begun:
            probe.cancel()
        await asyncio.gather(*begun, return_exceptions=True)

    async def _statuses(self) -> dict[str, AppStatus]:
        return {status.identity: status for status in await self._engine.apps()}

    async def _speak(self, probes: Sequence[Probe], client: httpx.AsyncClient) -> None:
        """Tell recoveries, then what is unwell and was not told a moment ago; when most are, no release is at fault."""
        for probe in probes:
            if not probe.complaint and self._told.pop(probe.release.identity, None) is not None:
                self._tell(RECOVERED, probe)
        for probe in probes:
            await self._cut_off(probe)
        unwell = [probe for probe in probes if probe.complaint and not probe.is_outside]
        if is_platform_fault(len(unwell), len(probes)):
            self._tell_platform(len(unwell), len(probes))
            return
        due = [probe for probe in unwell if self._is_due(probe.release.identity)]
        await asyncio.gather(*(self._insist(probe, client) for probe in due))

    async def _cut_off(self, probe: Probe) -> None:
        """Tell once of an app that is unwell by no fault of its own."""
        if not probe.is_outside:
            self._cut.discard(probe.release.identity)
        elif probe.release.identity not in self._cut:
            self._cut.add(probe.release.identity)
            await self._told_of(CUT_OFF, probe)

    def _is_due(self, identity: str) -> bool:
        """Tell whether fewer complaints than an answer needs were told of late; the next RETELL_SECONDS begin anew."""
        since, times = self._told.get(identity, (self._clock(), 0))
        if self._clock() - since >= RETELL_SECONDS:
            del self._told[identity]
            return True
        return times < self._threshold

    async def _insist(self, first: Probe, client: httpx.AsyncClient) -> None:
        """Tell the complaint, and look as often as an answer needs bad looks; each bad one is told."""
        await self._complain(first)
        begun = self._suspected.pop(first.release.identity, None) or self._follow(first.release, client)
        for looked in asyncio.as_completed(begun):
            probe = await looked
            if probe.complaint and not probe.is_outside:
                await self._complain(probe)

    async def _complain(self, probe: Probe) -> None:
        """Tell it, unless its copy was just stopped for another; only now something of the project is written down."""
        project = probe.release.project
        serving = await self._registry.releases(project, states=(ReleaseState.LIVE,))
        if any(found.rests and found.number == probe.release.number for found in serving):
            return
        since, times = self._told.get(probe.release.identity, (self._clock(), 0))
        self._told[probe.release.identity] = since, times + 1
        await self._told_of(UNHEALTHY, probe)

    async def _told_of(self, event: str, probe: Probe) -> None:
        """Tell it without the project's secrets."""
        project = probe.release.project
        if project not in self._shielded:
            await shield(project, self._vault)
            self._shielded.add(project)
        self._tell(event, probe.model_copy(update={"complaint": redacted(probe.complaint)}))

    async def _after(self, seconds: float, release: Release, client: httpx.AsyncClient) -> Probe:
        await asyncio.sleep(seconds)
        status = await self._engine.status(release.identity)
        return await self._probe(release, status, client, self._traffic())

    async def _probe(
        self, release: Release, status: AppStatus, client: httpx.AsyncClient, traffic: Mapping[str, Traffic]
    ) -> Probe:
        try:
            check = await self._check_of(release)
        except SlipwayError as error:
            return Probe(release=release, complaint=str(error))
        answer = await probe_once(client, status, check, PROBE_SECONDS) if status.state is AppState.RUNNING else None
        look = Look(status=status, probe=answer, restarts=self._restarted(status))
        said = complaint(look, check, traffic.get(status.address))
        if not said:
            self._begun[release.identity] = status.started
        elif await self._is_beginning(look, release):
            said = ""
        return Probe(release=release, complaint=said, is_outside=bool(said) and is_outside(look))

    async def _is_beginning(self, look: Look, release: Release) -> bool:
        """Tell whether an unwell app only needs its time; the engine's list does not say of all since when they run."""
        if look.status.state is not AppState.RUNNING:
            return False
        begun = self._begun.get(release.identity, NEVER)
        if begun is None:
            return False
        status = look.status if look.status.started else await self._engine.status(release.identity)
        if begun == status.started:
            return False
        look = look.model_copy(update={"status": status})
        return is_beginning(look, release.went_live, self._now(), self._beginning_seconds)

    def _restarted(self, status: AppStatus) -> int:
        """Return how often it was started again since the last look; what was before the first look is its deploy's affair."""
        before = self._restarts.setdefault(status.identity, status.restarts)
        self._restarts[status.identity] = max(before, status.restarts)
        return max(0, status.restarts - before)

    async def _check_of(self, release: Release) -> HealthCheck:
        if release.identity not in self._checks:
            project = await self._registry.project(release.project)
            if project is None:  # it was removed since its releases were listed
                return HealthCheck()
            self._checks[release.identity] = await health_check_of(project, release.commit, self._git)
        return self._checks[release.identity]


def _gone(release: Release) -> AppStatus:
    return AppStatus(identity=release.identity, state=AppState.GONE)
