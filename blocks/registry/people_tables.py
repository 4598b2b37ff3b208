"""The tables of people: how they are spoken to, what their buttons do, who may come in, and by which invitation."""

from sqlalchemy import Boolean, CheckConstraint, Column, Float, Integer, Table

from blocks.registry.columns import NAME, UtcTime, Words, metadata

people = Table(
    "people",
    metadata,
    Column("name", NAME, primary_key=True),
    Column("language", NAME, nullable=False),
    Column("quiet", Boolean, nullable=False),
)

buttons = Table(
    "buttons",
    metadata,
    Column("reference", NAME, primary_key=True),
    Column("person", Words, nullable=False),
    Column("action", Words, nullable=False),
    Column("shown", UtcTime, nullable=False, index=True),
)

members = Table(
    "members",
    metadata,
    Column("name", NAME, primary_key=True),
    Column("standing", NAME, nullable=False),
    Column("invitation", Integer),
    Column("by", Words, nullable=False),
    Column("since", UtcTime),
    # What the operator set for this person alone; NULL is as for everybody.
    Column("runs", Integer),
    Column("per_minute", Integer),
    Column("usd_day", Float),
    Column("usd_month", Float),
)

invitations = Table(
    "invitations",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("digest", NAME, nullable=False, unique=True),
    Column("note", Words, nullable=False),
    Column("uses", Integer, nullable=False),
    Column("used", Integer, nullable=False),
    Column("by", Words, nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("expires", UtcTime),
    Column("revoked", UtcTime),
    CheckConstraint("used <= uses", name="ck_invitations_uses"),
)
