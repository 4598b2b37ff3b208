"""Alembic's environment for the registry; `blocks.registry_migrations` runs it."""
