"""The registry's tables of doors: keys of the HTTP API, what was asked through it once, and what GitHub told."""

from sqlalchemy import JSON, BigInteger, Column, Integer, PrimaryKeyConstraint, Table

from blocks.registry.columns import NAME, UtcTime, Words, metadata

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", NAME, primary_key=True),
    Column("name", Words, nullable=False),
    Column("owner", Words, nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("digest", NAME, nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("expires", UtcTime),
    Column("used", UtcTime),
    Column("revoked", UtcTime),
    Column("maker", NAME, nullable=False, server_default=""),
)

api_requests = Table(
    "api_requests",
    metadata,
    Column("caller", NAME, nullable=False),
    Column("key", Words, nullable=False),
    Column("digest", NAME, nullable=False),
    Column("at", UtcTime, nullable=False, index=True),
    Column("status", Integer),
    Column("answer", JSON),
    PrimaryKeyConstraint("caller", "key"),
)

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", NAME, primary_key=True),
    Column("digest", NAME, nullable=False, unique=True),
    Column("event", JSON, nullable=False),
    Column("at", UtcTime, nullable=False, index=True),
    Column("handled", UtcTime),
    Column("outcome", Words, nullable=False),
    Column("tries", Integer, nullable=False),
)

issue_requests = Table(
    "issue_requests",
    metadata,
    Column("repository", NAME, nullable=False),
    Column("issue", BigInteger, nullable=False),
    Column("proposal", JSON, nullable=False),
    Column("basis", NAME, nullable=False),
    Column("at", UtcTime, nullable=False),
    PrimaryKeyConstraint("repository", "issue"),
)
