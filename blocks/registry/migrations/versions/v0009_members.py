"""Who may talk to the bot, with limits of their own, and invitations."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Make both tables; nobody was invited or blocked before, and the settings say who may come in."""
    op.create_table(
        "members",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("standing", sa.String(), nullable=False),
        sa.Column("invitation", sa.Integer()),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True)),
        sa.Column("runs", sa.Integer()),
        sa.Column("per_minute", sa.Integer()),
        sa.Column("usd_day", sa.Float()),
        sa.Column("usd_month", sa.Float()),
        sa.PrimaryKeyConstraint("name", name="pk_members"),
    )
    op.create_table(
        "invitations",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires", sa.DateTime(timezone=True)),
        sa.Column("revoked", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("number", name="pk_invitations"),
        sa.UniqueConstraint("digest", name="uq_invitations_digest"),
        sa.CheckConstraint("used <= uses", name="ck_invitations_uses"),
    )
