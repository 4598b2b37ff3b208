"""What people say to a run, what a run asks of people, and the proofs of what was delivered."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the tables of remarks, escalations and proofs."""
    op.create_table(
        "remarks",
        sa.Column("run", sa.String(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], name=op.f("fk_remarks_runs")),
        sa.PrimaryKeyConstraint("run", "sequence", name=op.f("pk_remarks")),
    )
    op.create_table(
        "escalations",
        sa.Column("run", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("diagnosis", sa.JSON(), nullable=False),
        sa.Column("asked", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deadline", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer", sa.JSON(), nullable=True),
        sa.Column("answered", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], name=op.f("fk_escalations_runs")),
        sa.PrimaryKeyConstraint("run", "number", name=op.f("pk_escalations")),
    )
    op.create_table(
        "proofs",
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("run", sa.String(), nullable=False),
        sa.Column("commit", sa.String(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("signature", sa.String(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["project"], ["projects.slug"], name=op.f("fk_proofs_projects"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_proofs")),
        sa.UniqueConstraint("run", name=op.f("uq_proofs_run")),
    )
