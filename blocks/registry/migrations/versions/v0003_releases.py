"""What releases need to take themselves back: fences, domains, previews, resources, snapshots, variables, rollbacks."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the columns and the tables; what is there already stays as it is."""
    widen()
    op.create_table(
        "domains",
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("added", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["project"], ["projects.slug"], name=op.f("fk_domains_projects"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("host", name=op.f("pk_domains")),
    )
    op.create_index(op.f("ix_domains_project"), "domains", ["project"], unique=False)
    op.create_table(
        "previews",
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("run", sa.String(), nullable=False),
        sa.Column("commit", sa.String(), nullable=False),
        sa.Column("candidate", sa.String(), nullable=False),
        sa.Column("environment_version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["project"], ["projects.slug"], name=op.f("fk_previews_projects"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("project", "number", name=op.f("pk_previews")),
        sa.UniqueConstraint("run", name=op.f("uq_previews_run")),
    )
    op.create_table(
        "resources",
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["project"], ["projects.slug"], name=op.f("fk_resources_projects"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("project", "kind", name=op.f("pk_resources")),
    )
    op.create_table(
        "snapshots",
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("release", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("schema_before", sa.Text(), nullable=False),
        sa.Column("schema_after", sa.Text(), nullable=True),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("taken", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["project"], ["projects.slug"], name=op.f("fk_snapshots_projects"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("project", "release", "reference", name=op.f("pk_snapshots")),
    )
    op.create_table(
        "variables",
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["project"], ["projects.slug"], name=op.f("fk_variables_projects"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("project", "name", name=op.f("pk_variables")),
    )
    op.create_table(
        "rollbacks",
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("bad", sa.Integer(), nullable=False),
        sa.Column("good", sa.Integer(), nullable=True),
        sa.Column("automatic", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["project"], ["projects.slug"], name=op.f("fk_rollbacks_projects"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_rollbacks")),
    )
    op.create_index(op.f("ix_rollbacks_project"), "rollbacks", ["project"], unique=False)


def widen() -> None:
    """Add columns; rows that are there get what is true of them: no fence yet, nobody in particular."""
    op.add_column("projects", sa.Column("fence", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("releases", sa.Column("health", sa.JSON(), nullable=True))
    op.add_column("releases", sa.Column("ended", sa.DateTime(timezone=True), nullable=True))
    op.add_column("releases", sa.Column("actor", sa.Text(), nullable=False, server_default=""))
    op.add_column("audit", sa.Column("version", sa.Integer(), nullable=True))
