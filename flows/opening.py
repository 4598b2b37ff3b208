"""Open the blocks: what every flow does first."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from prefect.blocks.core import Block
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import BlockDocument
from prefect.context import FlowRunContext

from blocks.attachment_files import AttachmentFiles
from blocks.caddy import Caddy
from blocks.claude.block import Claude
from blocks.docker_engine.block import DockerEngine
from blocks.git.block import BareGitHost
from blocks.github.block import GitHubAccess
from blocks.github.git import GitHubRemote
from blocks.installation import Installation
from blocks.mcp_doors import McpDoors
from blocks.process_engine.block import ProcessEngine
from blocks.redis_rates import RedisRates
from blocks.redis_talks import RedisTalks
from blocks.registry.block import SqlRegistry
from blocks.telegram_accounts import TelegramAccounts
from blocks.vault import SecretVault
from blocks.wakeups import RedisWakeups
from domain.allowances import Rates
from domain.attachments import Attachments
from domain.bots import BotAccounts
from domain.conversations import ModelClient
from domain.engines import Engine
from domain.errors import Broken
from domain.github_protocols import GitHub, RemoteGit
from domain.protocols import GitHost, Vault
from domain.routes import Proxy
from domain.talks import Talks
from domain.tool_doors import ToolDoors

B = TypeVar("B", bound=Block)

DOCUMENT = "slipway"
"""Every block document of an installation has this name."""


@dataclass(frozen=True, kw_only=True)
class Blocks:
    """The outside services of one installation, each behind its Protocol."""

    installation: Installation
    registry: SqlRegistry
    wakeups: RedisWakeups
    talks: Talks
    rates: Rates
    vault: Vault
    git: GitHost
    proxy: Proxy
    engine: Engine
    model: ModelClient
    github: GitHub | None = None
    """None: this installation does not act at GitHub."""
    remote: RemoteGit | None = None
    """Git between here and GitHub; None with it."""

    @property
    def attachments(self) -> Attachments:
        """Return where the files of requests are kept."""
        return AttachmentFiles(Path(self.installation.home))

    @property
    def doors(self) -> ToolDoors:
        """Return the way by which agents in workers reach tools of ours."""
        return McpDoors(Path(self.installation.home))

    @property
    def accounts(self) -> BotAccounts:
        """Return Telegram as the owners of bots see it."""
        return TelegramAccounts(self.installation.telegram_api_url)

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Keep connections to the registry and Redis open inside this block: for a process that lives in one event loop."""
        async with self.registry.kept(), self.wakeups.kept():
            yield


_opened: ContextVar[Blocks | None] = ContextVar("opened", default=None)


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
    """Read all documents in one request: one for each block costs a run half a second."""
    async with get_client() as client:
        answer = await client.request(
            "POST",
            "/block_documents/filter",
            json={"block_documents": {"name": {"any_": [DOCUMENT]}}, "include_secrets": True, "limit": 200},
        )
    found = BlockDocument.model_validate_list(answer.json())
    documents = {document.block_type.slug: document.data for document in found if document.block_type is not None}
    installation, wakeups = _block(Installation, documents), _block(RedisWakeups, documents)
    host = _block(BareGitHost, documents)
    github = _block(GitHubAccess, documents) if installation.github else None
    return Blocks(
        installation=installation,
        registry=_block(SqlRegistry, documents),
        wakeups=wakeups,
        talks=RedisTalks(wakeups.url.get_secret_value()),
        rates=RedisRates(wakeups.url.get_secret_value()),
        vault=_block(SecretVault, documents),
        git=host,
        proxy=_block(Caddy, documents),
        engine=_block(DockerEngine, documents) if installation.engine == "docker" else _block(ProcessEngine, documents),
        model=_block(Claude, documents),
        github=github,
        remote=GitHubRemote(Path(host.folder), installation.github_url, github, installation.ca_bundle) if github else None,
    )


def _block(kind: type[B], documents: Mapping[str, dict[str, Any]]) -> B:
    slug = kind.get_block_type_slug()
    if slug not in documents:
        raise Broken(f"the Prefect server has no block {slug!r} of this installation: start `slipway up` again")
    return kind.model_validate(documents[slug])
