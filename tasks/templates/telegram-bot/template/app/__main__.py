"""The process: `/health` answers from its first moment, and the bot works until SIGTERM."""

import asyncio
import logging
import signal

from app.connection import Connection
from app.pages import listen
from app.settings import Settings, read


async def serve(settings: Settings) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    connection = Connection(settings)
    server = listen(connection, settings)
    try:
        await connection.hold(ended)
    finally:
        server.stop()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it writes addresses down, and the token is in them
    asyncio.run(serve(read()))
