"""Domains: a host name comes to a project, or goes from it.

True afterwards: the registry says so, the history has a line, and the route follows, at once or with the next reconcile.
Blocks: registry, engine, proxy, wakeups (the deploy lock). Safe to repeat.
"""

import asyncio
from datetime import UTC, datetime

from domain.host_claims import Domain, checked_host, claim_host, made_main
from domain.protocols import Wakeups
from domain.refusals import HostRefused
from domain.registry import Registry
from domain.routes import Proxy
from domain.workers import AppRunner
from tasks.audit import record
from tasks.hosts import host_owners, main_host, preview_owners
from tasks.reconciler import mend_route


async def add_domain(
    project: str, text: str, who: str, base_domain: str, registry: Registry, engine: AppRunner, proxy: Proxy, wakeups: Wakeups
) -> Domain:
    """Let the host lead to the project; raise HostRefused, and change nothing, when it may not."""
    host, at = checked_host(text), datetime.now(UTC)
    owners = await host_owners(registry)
    claim_host(host, project, base_domain, owners, await preview_owners(registry))
    domain = Domain(host=host, project=project, added=at, by=who)
    if host not in owners:
        await registry.add_domain(domain)
        await record(project, who, f"domain {host} added", registry, at=at)
    await mend_route(project, registry, engine, proxy, wakeups, asyncio.Semaphore())
    return domain


async def make_main(domain: Domain, registry: Registry) -> bool:
    """Make the project's address of this host; False when it was that already. The running app hears of it by a release."""
    if domain.host == await main_host(domain.project, registry):
        return False
    await registry.make_main(domain)
    await record(domain.project, domain.by, made_main(domain.host), registry, at=domain.added)
    return True


async def remove_domain(
    project: str, text: str, who: str, registry: Registry, engine: AppRunner, proxy: Proxy, wakeups: Wakeups
) -> str:
    """Take the host from the project and return it; raise HostRefused when the project has no such domain of its own."""
    host = checked_host(text)
    if host == await main_host(project, registry):
        raise HostRefused("main", host, project)
    if not await registry.remove_domain(project, host):
        raise HostRefused("unknown", host, project)
    await record(project, who, f"domain {host} removed", registry)
    await mend_route(project, registry, engine, proxy, wakeups, asyncio.Semaphore())
    return host
