"""Indexes on what is asked for all the time: the open runs, the newest ones, and what was spent since a moment."""

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Make them; no row changes."""
    op.create_index("ix_runs_state", "runs", ["state"])
    op.create_index("ix_runs_created", "runs", ["created"])
    op.create_index("ix_ledger_at", "ledger", ["at"])
