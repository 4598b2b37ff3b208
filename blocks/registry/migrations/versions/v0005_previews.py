"""What a preview shows and what becomes the project's own when it is confirmed; where it is found; when it was cleared."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

EMPTY: dict[str, str] = {"host": "", "base": "", "data": "copy"}


def upgrade() -> None:
    """Let previews know their change; nothing made one before, so no row needs a truer value than these."""
    for name, default in EMPTY.items():
        op.add_column("previews", sa.Column(name, sa.String(), nullable=False, server_default=default))
    op.add_column("previews", sa.Column("reason", sa.Text(), nullable=False, server_default=""))
    for name, body in {"brief": "{}", "checks": "[]"}.items():
        op.add_column("previews", sa.Column(name, sa.JSON(), nullable=False, server_default=body))
    op.add_column("previews", sa.Column("cleared", sa.DateTime(timezone=True)))
