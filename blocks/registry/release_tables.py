"""The tables of releases and of what belongs to them."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    false,
    text,
)

from blocks.registry.columns import NAME, UtcTime, Words, metadata, of_project

releases = Table(
    "releases",
    metadata,
    of_project(),
    Column("number", Integer, nullable=False),
    Column("run", NAME, nullable=False),
    Column("commit", NAME, nullable=False),
    Column("candidate", NAME, nullable=False),
    Column("environment_version", Integer, nullable=False),
    Column("state", NAME, nullable=False),
    Column("address", Words, nullable=False),
    Column("reason", Words, nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("went_live", UtcTime),
    # SQL's NULL, not JSON's: the rows that were there before have it.
    Column("health", JSON(none_as_null=True)),
    Column("ended", UtcTime),
    Column("actor", Words, nullable=False, server_default=""),
    Column("unfit", Boolean, nullable=False, server_default=false()),
    PrimaryKeyConstraint("project", "number"),
    UniqueConstraint("run"),
    Index(
        "uq_releases_one_live",
        "project",
        unique=True,
        sqlite_where=text("state = 'live'"),
        postgresql_where=text("state = 'live'"),
    ),
)

domains = Table(
    "domains",
    metadata,
    Column("host", NAME, primary_key=True),
    of_project(index=True),
    Column("added", UtcTime, nullable=False),
    Column("by", Words, nullable=False),
)

previews = Table(
    "previews",
    metadata,
    of_project(),
    Column("number", Integer, nullable=False),
    Column("run", NAME, nullable=False, unique=True),
    Column("commit", NAME, nullable=False),
    Column("candidate", NAME, nullable=False),
    Column("environment_version", Integer, nullable=False),
    Column("state", NAME, nullable=False),
    Column("address", Words, nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("expires", UtcTime, nullable=False),
    Column("host", NAME, nullable=False, server_default=""),
    Column("base", NAME, nullable=False, server_default=""),
    Column("data", NAME, nullable=False, server_default="copy"),
    Column("reason", Words, nullable=False, server_default=""),
    Column("brief", JSON, nullable=False, server_default="{}"),
    Column("checks", JSON, nullable=False, server_default="[]"),
    Column("cleared", UtcTime),
    PrimaryKeyConstraint("project", "number"),
)

resources = Table(
    "resources",
    metadata,
    of_project(),
    Column("kind", NAME, nullable=False),
    Column("reference", Words, nullable=False),
    Column("created", UtcTime, nullable=False),
    PrimaryKeyConstraint("project", "kind"),
)

snapshots = Table(
    "snapshots",
    metadata,
    of_project(),
    Column("release", Integer, nullable=False),
    Column("reference", NAME, nullable=False),
    Column("schema_before", Words, nullable=False),
    Column("schema_after", Words),
    Column("bytes", BigInteger, nullable=False),
    Column("state", NAME, nullable=False),
    Column("taken", UtcTime, nullable=False),
    PrimaryKeyConstraint("project", "release", "reference"),
)

variables = Table(
    "variables",
    metadata,
    of_project(),
    Column("name", NAME, nullable=False),
    Column("source", NAME, nullable=False),
    Column("by", Words, nullable=False),
    PrimaryKeyConstraint("project", "name"),
)

rollbacks = Table(
    "rollbacks",
    metadata,
    Column("position", Integer, primary_key=True),
    of_project(index=True),
    Column("bad", Integer, nullable=False),
    Column("good", Integer),
    Column("automatic", Boolean, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("outcome", NAME, nullable=False),
)
