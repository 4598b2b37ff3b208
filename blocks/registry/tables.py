"""The registry's tables. What must never be true is refused here, whatever the code above does."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    text,
)

from blocks.registry.columns import NAME, UtcTime, Words, metadata, of_project
from blocks.registry.door_tables import api_keys, api_requests
from blocks.registry.people_tables import buttons, invitations, members, people
from blocks.registry.release_tables import domains, previews, releases, resources, rollbacks, snapshots, variables
from blocks.registry.visit_tables import login_links, visits

__all__ = [
    "api_keys",
    "api_requests",
    "audit",
    "bots",
    "buttons",
    "checks",
    "domains",
    "environments",
    "escalations",
    "invitations",
    "ledger",
    "login_links",
    "members",
    "metadata",
    "notifications",
    "people",
    "previews",
    "progress",
    "projects",
    "proofs",
    "releases",
    "remarks",
    "resources",
    "rollbacks",
    "runs",
    "snapshots",
    "transcripts",
    "variables",
    "visits",
]

projects = Table(
    "projects",
    metadata,
    Column("slug", NAME, primary_key=True),
    Column("title", Words, nullable=False),
    Column("kind", NAME, nullable=False),
    Column("owner", Words, nullable=False),
    Column("brief", JSON, nullable=False),
    Column("domain", Words, nullable=False),
    Column("created", UtcTime, nullable=False),
    # The highest fence that changed a release of the project: a lower one changes nothing any more.
    Column("fence", BigInteger, nullable=False, server_default="0"),
    Column("repository", NAME, nullable=False, server_default=""),
)


checks = Table(
    "checks",
    metadata,
    Column("position", Integer, primary_key=True),
    of_project(),
    Column("id", NAME, nullable=False),
    Column("covers", NAME, nullable=False),
    Column("run", NAME, nullable=False),
    Column("retired", Boolean, nullable=False),
    Column("body", JSON, nullable=False),
    UniqueConstraint("project", "id"),
)

runs = Table(
    "runs",
    metadata,
    Column("id", NAME, primary_key=True),
    # No foreign key: runs outlive their project, and start before it.
    Column("project", NAME, nullable=False, index=True),
    Column("change", Boolean, nullable=False),
    Column("request", Words, nullable=False),
    Column("state", NAME, nullable=False, index=True),
    Column("step", NAME, nullable=False),
    Column("round", Integer, nullable=False),
    Column("flow_run", NAME, nullable=False),
    Column("address", Words, nullable=False),
    Column("message", Words, nullable=False),
    Column("waits_for", JSON, nullable=False),
    Column("origin", JSON, nullable=False),
    Column("created", UtcTime, nullable=False, index=True),
    Column("ended", UtcTime),
)

progress = Table(
    "progress",
    metadata,
    Column("run", NAME, ForeignKey(runs.c.id), nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("kind", NAME, nullable=False),
    Column("step", NAME, nullable=False),
    Column("text", Words, nullable=False),
    Column("data", JSON, nullable=False),
    PrimaryKeyConstraint("run", "sequence"),
)

environments = Table(
    "environments",
    metadata,
    of_project(),
    Column("number", Integer, nullable=False),
    Column("secrets", JSON, nullable=False),
    Column("plain", JSON, nullable=False),
    PrimaryKeyConstraint("project", "number"),
)

notifications = Table(
    "notifications",
    metadata,
    Column("position", Integer, primary_key=True),
    Column("key", NAME, nullable=False, unique=True),
    Column("channel", NAME, nullable=False),
    Column("chat", NAME, nullable=False),
    Column("text", Words, nullable=False),
    Column("run", NAME, nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("sent", UtcTime),
    Index("ix_notifications_unsent", "channel", sqlite_where=text("sent IS NULL"), postgresql_where=text("sent IS NULL")),
)

ledger = Table(
    "ledger",
    metadata,
    Column("call", NAME, primary_key=True),
    # No foreign key: what was spent stays spent when the project is gone.
    Column("project", NAME, nullable=False, index=True),
    Column("run", NAME, nullable=False, index=True),
    Column("node", NAME, nullable=False),
    Column("model", NAME, nullable=False),
    Column("reserved", BigInteger, nullable=False),
    Column("settled", Boolean, nullable=False),
    Column("spent", BigInteger),
    Column("input", BigInteger, nullable=False),
    Column("output", BigInteger, nullable=False),
    Column("cache_read", BigInteger, nullable=False),
    Column("cache_write", BigInteger, nullable=False),
    Column("at", UtcTime, nullable=False, index=True),
)

transcripts = Table(
    "transcripts",
    metadata,
    Column("conversation", NAME, nullable=False),
    Column("position", Integer, nullable=False),
    Column("message", JSON, nullable=False),
    PrimaryKeyConstraint("conversation", "position"),
)

audit = Table(
    "audit",
    metadata,
    Column("position", Integer, primary_key=True),
    Column("project", NAME, nullable=False, index=True),
    Column("at", UtcTime, nullable=False),
    Column("actor", Words, nullable=False),
    Column("what", Words, nullable=False),
    Column("why", Words, nullable=False),
    Column("version", Integer),
)

remarks = Table(
    "remarks",
    metadata,
    Column("run", NAME, ForeignKey(runs.c.id), nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("person", Words, nullable=False),
    Column("text", Words, nullable=False),
    PrimaryKeyConstraint("run", "sequence"),
)

escalations = Table(
    "escalations",
    metadata,
    Column("run", NAME, ForeignKey(runs.c.id), nullable=False),
    Column("number", Integer, nullable=False),
    Column("diagnosis", JSON, nullable=False),
    Column("asked", UtcTime, nullable=False),
    Column("deadline", UtcTime, nullable=False),
    Column("answer", JSON),
    Column("answered", UtcTime),
    PrimaryKeyConstraint("run", "number"),
)

proofs = Table(
    "proofs",
    metadata,
    Column("position", Integer, primary_key=True),
    of_project(),
    Column("run", NAME, nullable=False, unique=True),
    Column("commit", NAME, nullable=False),
    Column("body", JSON, nullable=False),
    Column("signature", NAME, nullable=False),
    Column("created", UtcTime, nullable=False),
)

bots = Table(
    "bots",
    metadata,
    Column("id", NAME, primary_key=True),
    Column("username", NAME, nullable=False),
    Column("state", NAME, nullable=False),
    # No reference: while the bot rests it names who had it last, who may be gone.
    Column("project", NAME, nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("since", UtcTime, nullable=False),
    Column("profile", NAME, nullable=False),
    Index(
        "uq_bots_one_lease",
        "project",
        unique=True,
        sqlite_where=text("state = 'leased'"),
        postgresql_where=text("state = 'leased'"),
    ),
)
