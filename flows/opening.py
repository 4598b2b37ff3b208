"""Open the blocks: what every flow does first."""

from dataclasses import dataclass
from typing import TypeVar, cast

from blocks.caddy import Caddy
from prefect.blocks.core import Block

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


async def load(block: type[B]) -> B:
    return cast(B, await block.aload(DOCUMENT))


async def open_blocks() -> Blocks:
    """Load every block of this installation from the Prefect server."""
    installation = await load(Installation)
    return Blocks(
        installation=installation,
        registry=await load(SqlRegistry),
        wakeups=await load(RedisWakeups),
        vault=await load(SecretVault),
        git=await load(BareGitHost),
        proxy=await load(Caddy),
        engine=await load(DockerEngine) if installation.engine == "docker" else await load(ProcessEngine),
        model=await load(Claude),
    )
