"""Open the desk: what every process does first that takes requests."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from deployments.desk.requests import Desk


@asynccontextmanager
async def open_desk(environment: dict[str, str]) -> AsyncIterator[Desk]:
    """Open the blocks of a running installation; `environment` is `prefect_environment(up)`."""
    os.environ.update(environment)
    from prefect.context import refresh_global_settings_context

    from flows.opening import open_blocks

    refresh_global_settings_context()  # Prefect may have been imported before its server was known

    yield Desk(await open_blocks())
