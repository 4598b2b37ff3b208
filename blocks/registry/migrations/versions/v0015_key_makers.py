"""Which API key made which."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Add the column; of keys that are there it was not written down."""
    op.add_column("api_keys", sa.Column("maker", sa.String(), nullable=False, server_default=""))
