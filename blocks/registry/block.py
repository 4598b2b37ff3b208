"""The registry: the durable truth about projects, runs, releases, money and messages, on SQLite or Postgres."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prefect.blocks.core import Block
from pydantic import Field, SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from blocks.registry.bots import BotPool
from blocks.registry.domains import ProjectDomains
from blocks.registry.escalations import Escalations
from blocks.registry.issues import IssueRows
from blocks.registry.keys import ApiKeys
from blocks.registry.ledger import LedgerLines
from blocks.registry.listings import Pages
from blocks.registry.members import KnownMembers
from blocks.registry.outbox import Outbox
from blocks.registry.people import KnownPeople
from blocks.registry.previews import ProjectPreviews
from blocks.registry.projects import Projects
from blocks.registry.proofs import Proofs
from blocks.registry.releases import Releases
from blocks.registry.remarks import RunRemarks
from blocks.registry.requested import AskedOnce
from blocks.registry.resources import ProjectResources
from blocks.registry.rollbacks import ProjectRollbacks
from blocks.registry.runs import Runs
from blocks.registry.snapshots import SnapshotRows
from blocks.registry.spending import PersonalUse
from blocks.registry.store import engine_kept, open_engine
from blocks.registry.transcripts import Conversations
from blocks.registry.variables import Variables
from blocks.registry.visits import BrowserVisits
from blocks.registry.webhooks import HeardWebhooks


class SqlRegistry(  # type: ignore[misc]
    Projects,
    Runs,
    Releases,
    ProjectRollbacks,
    ProjectDomains,
    ProjectPreviews,
    ProjectResources,
    Outbox,
    KnownPeople,
    KnownMembers,
    PersonalUse,
    LedgerLines,
    Conversations,
    RunRemarks,
    Escalations,
    Proofs,
    Variables,
    SnapshotRows,
    BotPool,
    ApiKeys,
    Pages,
    AskedOnce,
    HeardWebhooks,
    BrowserVisits,
    IssueRows,
    Block,
):
    """Fulfil `domain.registry.Registry`: each method is one short transaction, safe among processes.

    `load(conversation)` is the Protocol's; the block document itself is opened with `SqlRegistry.aload("slipway")`.
    """

    _block_type_slug = "slipway-registry"
    _block_type_name = "Slipway registry"

    url: SecretStr = Field(description="SQLAlchemy's async address: sqlite+aiosqlite:///FILE or postgresql+asyncpg://...")
    budget_micro_usd: int = Field(ge=0, description="What all model calls of one project may cost, in millionths of a USD")

    sessions_url: SecretStr | None = Field(
        default=None, description="Redis in which conversations can be looked at while they are led; None shows them nowhere"
    )

    def engine(self) -> AsyncEngine:
        """Return this process's engine for the address."""
        return open_engine(self.url.get_secret_value())

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Keep connections open inside this block, for all methods that are called in this event loop."""
        async with engine_kept(self.url.get_secret_value()):
            yield

    async def close(self) -> None:
        """Let go of what the engine holds; the next method opens it again."""
        await self.engine().dispose()
