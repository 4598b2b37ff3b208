"""The pool of Telegram bots."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make the table; no bot was pooled before."""
    op.create_table(
        "bots",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("username", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("profile", sa.String(), nullable=False),
    )
    leased = sa.text("state = 'leased'")
    op.create_index("uq_bots_one_lease", "bots", ["project"], unique=True, sqlite_where=leased, postgresql_where=leased)
