"""What a command needs of a running installation."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from deployments.data_folder import Up, prefect_environment, read_up
from deployments.requests import Desk, open_desk
from deployments.settings import Settings, load_settings
from deployments.terminal import NotUp


def running(settings: Settings) -> Up:
    """Return where everything is; raise NotUp when no `slipway up` holds the data folder."""
    up = read_up(settings.home)
    if up is None:
        raise NotUp(str(settings.home))
    return up


@asynccontextmanager
async def session() -> AsyncIterator[tuple[Desk, Up]]:
    """Open the desk of the running installation."""
    up = running(load_settings())
    async with open_desk(prefect_environment(up)) as desk:
        yield desk, up
