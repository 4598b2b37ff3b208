"""What `slipway up` puts into Prefect: blocks, the work pool, deployments, automations. Repeating it changes nothing."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import cast
from uuid import UUID

from prefect.blocks.core import Block
from pydantic import SecretStr

from blocks.caddy import Caddy
from blocks.claude.block import Claude
from blocks.docker_engine.block import DockerEngine
from blocks.git.block import BareGitHost
from blocks.installation import Installation
from blocks.process_engine.block import ProcessEngine
from blocks.registry.block import SqlRegistry
from blocks.telegram import TelegramChat
from blocks.vault import SecretVault
from blocks.wakeups import RedisWakeups
from deployments.base_image import Extras, Images, ensure_images
from deployments.prefect_server.automations import automations, upsert
from deployments.prefect_server.catalog import CATALOG, WATCH_STAYS, apply, begin, drop_missed
from deployments.prefect_server.pools import ensure_pool
from deployments.prefect_server.windows import Windows
from deployments.supervision.programs import redis_binary
from deployments.wiring import Wiring
from flows.opening import DOCUMENT
from tasks.cli import cli_agent


async def make_images(wiring: Wiring, report: Callable[[str], None]) -> Images | None:
    """Make the engine's images; None where processes stand in for containers."""
    if wiring.engine != "docker":
        return None
    settings = wiring.settings
    agents = [agent for engine in settings.engines.values() if (agent := cli_agent(engine))]
    extras = Extras(tuple({agent.program for agent in agents if agent.program}), settings.capabilities)
    return await ensure_images(settings.docker_host, settings.certificates, report, settings.base_image, extras)


def blocks(wiring: Wiring, images: Images | None) -> Sequence[Block]:
    """Return all blocks as the settings have them."""
    settings = wiring.settings
    key = SecretStr("replay") if settings.replay else settings.anthropic_api_key or SecretStr("")
    home, certificates = wiring.folder, settings.certificates
    return (
        installation(wiring),
        Claude(
            api_key=key,
            base_url=wiring.model_url,
            record=str(settings.record) if settings.record else None,
            fallback_model=settings.fallback_model,
        ),
        SqlRegistry(
            url=SecretStr(wiring.registry_url),
            budget_micro_usd=round(settings.budget_usd * 1_000_000),
            sessions_url=SecretStr(wiring.redis_url),
        ),
        RedisWakeups(url=SecretStr(wiring.redis_url)),
        SecretVault(),
        BareGitHost(folder=str(home.repositories)),
        Caddy(admin=wiring.caddy_admin, listen=wiring.listen),
        ProcessEngine(
            installation=home.installation,
            folder=str(home.engine),
            ca_bundle=str(certificates) if certificates else None,
            redis_server=redis_binary(),
            app_postgres_url=settings.app_postgres_url,
            gateway_port=wiring.gateway_port or None,
            gateway_key=SecretStr(home.gateway_key) if wiring.gateway_port else None,
        ),
        *(
            [
                DockerEngine(
                    installation=home.installation,
                    docker_host=settings.docker_host,
                    base_image=images.base,
                    worker_image=images.worker,
                    tool_images=dict(images.tools),
                    data_folder=str(home.engine),
                    app_postgres_url=settings.app_postgres_url,
                    egress_port=wiring.egress_port or None,
                    egress_key=SecretStr(home.egress_key) if wiring.egress_port else None,
                    gateway_port=wiring.gateway_port or None,
                    gateway_key=SecretStr(home.gateway_key) if wiring.gateway_port else None,
                )
            ]
            if images
            else []
        ),
        *([settings.reach_github()] if settings.uses_github else []),
        *(
            [TelegramChat(token=settings.telegram_token, api_url=settings.telegram_api_url)]
            if settings.telegram_token is not None
            else []
        ),
    )


def installation(wiring: Wiring) -> Installation:
    settings = wiring.settings
    return Installation(
        home=str(wiring.folder.home),
        mark=wiring.folder.installation,
        engine="docker" if wiring.engine == "docker" else "process",
        base_domain=settings.base_domain,
        public_port=wiring.apps_port,
        tls=bool(wiring.https_port),
        access_log=wiring.access_log,
        ui_url=wiring.prefect_ui_url,
        doors=wiring.doors,
        model=settings.model,
        models=settings.models,
        engines=settings.engines,
        ralph=settings.ralph,
        capabilities=settings.capabilities,
        github_url=settings.github_url,
        ca_bundle=str(settings.certificates or ""),
        github=settings.uses_github,
        github_owner=settings.github_owner,
        github_private=settings.github_private,
        github_approval=settings.github_approval,
        github_protect=settings.github_protect,
        recorded=settings.replay is not None,
        answers=settings.replay is not None or settings.anthropic_api_key is not None,
        record=str(settings.record or ""),
        rounds=settings.rounds,
        review=settings.review,
        mutation_seconds=settings.mutation_seconds,
        answer_hours=settings.answer_hours,
        budget_usd=settings.budget_usd,
        health_seconds=settings.health_deadline,
        command_seconds=settings.command_deadline,
        snapshot_mb=settings.snapshot_mb,
        drain_seconds=settings.drain_seconds,
        preview_changes=settings.preview_changes,
        preview_days=settings.preview_days,
        flap_seconds=settings.flap_seconds,
        watch_interval=settings.health_interval,
        watch_seconds=WATCH_STAYS,
        unhealthy_threshold=settings.unhealthy_threshold,
        telegram_api_url=settings.telegram_api_url,
        webhook_url=wiring.webhook_url,
        webhook_port=wiring.webhook_port,
        telegram_access=settings.people.access,
        bots_low=settings.bots_low,
        bots_rest_hours=settings.bots_rest_hours,
        operator_chat=str(settings.telegram_operator_chat or "") if settings.telegram_token else "",
    )


async def save(block: Block) -> None:
    await type(block).register_type_and_schema()
    await block.save(DOCUMENT, overwrite=True)


async def set_up(wiring: Wiring, images: Images | None) -> None:
    """Fill the Prefect server: afterwards runs can be created and taken by the worker; the first one looks at the apps."""
    await asyncio.gather(ensure_pool(limit=wiring.settings.runner_limit), *map(save, blocks(wiring, images)))
    ids: dict[str, UUID] = {entry.name: await apply(entry, hour=wiring.settings.digest_hour) for entry in CATALOG}
    await drop_missed([ids[entry.name] for entry in CATALOG if entry.every])
    await begin(ids["health_watch/main"])
    windows = Windows(
        threshold=wiring.settings.unhealthy_threshold, unhealthy=timedelta(seconds=wiring.settings.unhealthy_window)
    )
    for automation in automations(ids, windows):
        await upsert(automation)


async def flush_events() -> None:
    """Send the events that this process still holds: after the server's end Prefect would try for a minute."""
    from prefect.events.worker import EventsWorker

    await cast(Awaitable[object], EventsWorker.drain_all(timeout=5.0, at_exit=True))
