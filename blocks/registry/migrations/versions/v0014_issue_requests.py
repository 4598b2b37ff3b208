"""What was proposed in issues of GitHub."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Make the table; issues were not read before."""
    op.create_table(
        "issue_requests",
        sa.Column("repository", sa.String(), nullable=False),
        sa.Column("issue", sa.BigInteger(), nullable=False),
        sa.Column("proposal", sa.JSON(), nullable=False),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("repository", "issue", name="pk_issue_requests"),
    )
