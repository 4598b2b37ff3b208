"""The registry's tables of browsers that have signed in."""

from sqlalchemy import JSON, Column, Table

from blocks.registry.columns import NAME, UtcTime, Words, metadata

visits = Table(
    "visits",
    metadata,
    Column("digest", NAME, primary_key=True),
    Column("owner", Words, nullable=False, index=True),
    Column("scopes", JSON, nullable=False),
    Column("proof", NAME, nullable=False, unique=True),
    Column("key", NAME, nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("expires", UtcTime, nullable=False),
    Column("ended", UtcTime),
)

login_links = Table(
    "login_links",
    metadata,
    Column("digest", NAME, primary_key=True),
    Column("owner", Words, nullable=False, index=True),
    Column("scopes", JSON, nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("expires", UtcTime, nullable=False),
    Column("used", UtcTime),
)
