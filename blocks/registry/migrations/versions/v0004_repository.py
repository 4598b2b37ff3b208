"""The repository of a project at GitHub."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Let a project name its repository; those that are there have none."""
    op.add_column("projects", sa.Column("repository", sa.String(), nullable=False, server_default=""))
