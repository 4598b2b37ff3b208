"""Whether a release failed by its own health."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Let releases say it; of those that failed before, nobody wrote down why, so they may be tried again."""
    op.add_column("releases", sa.Column("unfit", sa.Boolean(), nullable=False, server_default=sa.false()))
