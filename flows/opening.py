"""Open the blocks: what every flow does first."""

import asyncio
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeVar, cast

from prefect.blocks.core import Block
from prefect.context import FlowRunContext

from blocks.caddy import Caddy
from blocks.claude import Claude
from blocks.docker_engine import DockerEngine
from blocks.git_host import BareGitHost
from blocks.installation import Installation
from blocks.process_engine import ProcessEngine
from blocks.registry import SqlRegistry
from blocks.vault import SecretVault
from blocks.wakeups import RedisWakeups
from domain.conversations import ModelClient
from domain.protocols import GitHost, Registry, Vault, Wakeups
from domain.routes import Proxy
from domain.workers import Engine

B = TypeVar("B", bound=Block)

DOCUMENT = "slipway"
"""Every block document of an installation has this name."""


@dataclass(frozen=True, kw_only=True)
class Blocks:
    """The outside services of one installation, each behind its Protocol."""

    installation: Installation
    registry: Registry
    wakeups: Wakeups
    vault: Vault
    git: GitHost
    proxy: Proxy
    engine: Engine
    model: ModelClient


_opened: ContextVar[Blocks | None] = ContextVar("opened", default=None)


async def load(block: type[B]) -> B:
    return cast(B, await block.aload(DOCUMENT))


async def open_blocks() -> Blocks:
    """Load every block of this installation from the Prefect server; a subflow uses what the flow around it has opened."""
    opened = _opened.get() if _is_subflow() else None
    if opened is None:
        opened = await _load_all()
        _opened.set(opened)
    return opened


def _is_subflow() -> bool:
    context = FlowRunContext.get()
    return context is not None and context.flow_run is not None and context.flow_run.parent_task_run_id is not None


async def _load_all() -> Blocks:
    installation = await load(Installation)
    registry, wakeups, vault = await asyncio.gather(load(SqlRegistry), load(RedisWakeups), load(SecretVault))
    git, proxy, model, engine = await asyncio.gather(load(BareGitHost), load(Caddy), load(Claude), _load_engine(installation))
    return Blocks(
        installation=installation,
        registry=registry,
        wakeups=wakeups,
        vault=vault,
        git=git,
        proxy=proxy,
        engine=engine,
        model=model,
    )


async def _load_engine(installation: Installation) -> Engine:
    return await load(DockerEngine) if installation.engine == "docker" else await load(ProcessEngine)
