"""Alembic's environment for the registry; `blocks.registry.schema` runs it."""
