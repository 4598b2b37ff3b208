"""What a command needs of a running installation."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deployments.terminal import NotUp

if TYPE_CHECKING:
    from deployments.data_folder import Up
    from deployments.requests import Desk
    from deployments.settings import Settings


def running(settings: "Settings") -> "Up":
    """Return where everything is; raise NotUp when no `slipway up` holds the data folder."""
    from deployments.data_folder import read_up

    up = read_up(settings.home)
    if up is None:
        raise NotUp(str(settings.home))
    return up


@asynccontextmanager
async def open_session() -> AsyncIterator[tuple["Desk", "Up"]]:
    """Open the desk of the running installation."""
    from deployments.prefect_access import prefect_environment
    from deployments.settings import load_settings

    up = running(load_settings())
    from deployments.requests import open_desk

    async with open_desk(prefect_environment(up)) as desk:
        yield desk, up


@dataclass(frozen=True, kw_only=True)
class Shared:
    """What all commands share."""

    debug: bool = False
    session: Callable[[], AbstractAsyncContextManager[tuple["Desk", "Up"]]] = open_session
