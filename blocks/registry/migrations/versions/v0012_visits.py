"""Browsers that have signed in, and the links by which they do."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Make the tables; there was no page before."""
    op.create_table(
        "visits",
        sa.Column("digest", sa.String(), primary_key=True),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("proof", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended", sa.DateTime(timezone=True)),
        sa.UniqueConstraint("proof", name="uq_visits_proof"),
    )
    op.create_index("ix_visits_owner", "visits", ["owner"])
    op.create_table(
        "login_links",
        sa.Column("digest", sa.String(), primary_key=True),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used", sa.DateTime(timezone=True)),
    )
    op.create_index("ix_login_links_owner", "login_links", ["owner"])
