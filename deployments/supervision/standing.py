"""Being the supervisor in this terminal: `slipway up`, and what a demo shares with it."""

import asyncio
import signal
import sys

from deployments.data_folder import AlreadyUp
from deployments.settings import Settings, load_settings
from deployments.terminal import DONE


async def stay_up() -> int:
    """Be the supervisor until a signal comes; a second one says so and changes nothing."""
    ended = asyncio.Event()
    stop_on_signals(ended)
    try:
        await supervise(load_settings(), ended)
    except AlreadyUp as already:
        say(str(already))
    return DONE


async def supervise(settings: Settings, ended: asyncio.Event) -> None:
    from deployments.supervision.supervisor import up

    await up(settings, say, ended)


def stop_on_signals(ended: asyncio.Event) -> None:
    """Set the event on Ctrl-C and SIGTERM."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)


def say(text: str) -> None:
    """Print a line for the operator; stdout belongs to documents."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
