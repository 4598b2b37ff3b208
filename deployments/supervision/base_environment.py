"""The environment that every child of `slipway up` begins with."""

import os

from deployments.settings import variable

SECRETS = ("anthropic_api_key", "telegram_token", "database_url", "redis_url")
"""Settings that no child needs in its environment: they reach flows inside encrypted blocks."""


def base_environment() -> dict[str, str]:
    """Return our own environment without what only `slipway up` itself needs: keys, tokens, another Prefect profile."""
    hidden = {variable(field) for field in SECRETS}
    return {name: value for name, value in os.environ.items() if name not in hidden and not name.startswith("PREFECT_")}
