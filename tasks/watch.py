"""Watch: probe every live release at once, and say in events what is not well.

True afterwards: an event for each failed probe and for each recovery, without the project's secrets; nothing else changed.
Blocks: registry, engine, git host (health paths), vault. A probe has its own deadline, so that one hanging app delays no other.
"""

import asyncio
from collections.abc import Callable, Sequence

import httpx
from prefect.events import emit_event

from blocks.plain_http import plain_client
from domain.health import HealthCheck
from domain.protocols import GitHost, Registry, Vault
from domain.releases import Release
from domain.values import Value
from domain.workers import AppRunner, AppState
from tasks.readiness import health_check_of
from tasks.reconciler import live_releases
from tasks.redaction import redacted, shield

UNHEALTHY = "slipway.release.unhealthy"
RECOVERED = "slipway.release.recovered"
ALIVE = "slipway.watch.alive"
PROBE_SECONDS = 3.0


class Probe(Value):
    """What one look at a release showed; `complaint` is empty when it is well."""

    release: Release
    complaint: str = ""


def emit(event: str, probe: Probe) -> None:
    """Send a Prefect event about the release; the automation that rolls back listens to it."""
    release = probe.release
    emit_event(
        event,
        resource={
            "prefect.resource.id": f"slipway.release.{release.project}.{release.number}",
            "prefect.resource.name": release.identity,
            "slipway.project": release.project,
        },
        payload={"release": release.number, "project": release.project, "reason": probe.complaint},
    )


class Watch:
    """Remembers, between passes, who was unwell and where each app's health is seen."""

    def __init__(
        self, registry: Registry, engine: AppRunner, git: GitHost, vault: Vault, tell: Callable[[str, Probe], None] = emit
    ) -> None:
        self._registry = registry
        self._vault = vault
        self._engine = engine
        self._git = git
        self._tell = tell
        self._unwell: set[str] = set()
        self._shielded: set[str] = set()
        self._checks: dict[str, HealthCheck] = {}

    async def look(self) -> Sequence[Probe]:
        """Probe all live releases concurrently and emit what changed or is bad."""
        releases = await live_releases(self._registry)
        async with plain_client(timeout=PROBE_SECONDS) as client:
            probes = await asyncio.gather(*(self._probe(release, client) for release in releases))
        for probe in probes:
            await self._report(probe)
        return probes

    async def _probe(self, release: Release, client: httpx.AsyncClient) -> Probe:
        status = await self._engine.status(release.identity)
        if status.state is not AppState.RUNNING:
            why = "ran out of memory" if status.out_of_memory else f"is {status.state.value} (exit code {status.exit_code})"
            return Probe(release=release, complaint=f"the app {why}")
        check = await self._check_of(release)
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                response = await client.get(f"http://{status.address}{check.path}")
        except (httpx.HTTPError, TimeoutError) as error:
            return Probe(release=release, complaint=f"{check.path} does not answer ({type(error).__name__})")
        if response.status_code != httpx.codes.OK:
            return Probe(release=release, complaint=f"{check.path} answers {response.status_code}")
        if check.content and check.content not in response.text:
            return Probe(release=release, complaint=f"{check.path} does not say {check.content!r}")
        return Probe(release=release)

    async def _check_of(self, release: Release) -> HealthCheck:
        if release.identity not in self._checks:
            project = await self._registry.project(release.project)
            if project is None:  # it was removed since its releases were listed
                return HealthCheck()
            self._checks[release.identity] = await health_check_of(project, release.commit, self._git)
        return self._checks[release.identity]

    async def _report(self, probe: Probe) -> None:
        identity, project = probe.release.identity, probe.release.project
        if probe.complaint:
            if project not in self._shielded:  # only now something of the project is written down
                await shield(project, self._vault)
                self._shielded.add(project)
            self._unwell.add(identity)
            self._tell(UNHEALTHY, probe.model_copy(update={"complaint": redacted(probe.complaint)}))
        elif identity in self._unwell:
            self._unwell.discard(identity)
            self._tell(RECOVERED, probe)


def emit_alive() -> None:
    """Say that somebody watches; an automation raises the alarm when this stays away."""
    emit_event(ALIVE, resource={"prefect.resource.id": "slipway.watch"})
