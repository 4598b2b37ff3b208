"""The benches' app, as `app/main.py` of its repository: FastAPI like a generated one; the frail release breaks when told to.

How it is broken outlives its process, in a file of the project's data: a bug does not go by a new start. A sound release
takes the file away.
"""

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.responses import PlainTextResponse

RELEASE = "sound"
"""`frail` in the other release: the bench replaces this line's word."""
MIB = 2**20
hoard: list[bytearray] = []
broken = ""


def breakage() -> Path:
    return Path(os.environ["DATA_DIR"]) / "breakage"


def eat() -> None:
    """Take memory until there is none, to the last kilobyte, and keep it."""
    size = 16 * MIB
    while True:
        try:
            hoard.append(bytearray(os.urandom(1024)) * (size // 1024))
        except MemoryError:
            size = max(size // 2, 1024)
            time.sleep(0.001)


def give_way(how: str) -> None:
    """Begin to be broken like this."""
    global broken  # noqa: PLW0603 - one process, one state
    broken = how
    if how == "exit":
        os._exit(0)
    if how == "crash loop":
        os._exit(1)
    if how == "out of memory":
        threading.Thread(target=eat, daemon=True).start()


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    if RELEASE == "sound":
        breakage().unlink(missing_ok=True)
    elif breakage().is_file():
        give_way(breakage().read_text())
    yield


app = FastAPI(lifespan=lifespan)


@app.middleware("http")
async def misbehave(request: Request, call: Callable[[Request], Awaitable[Response]]) -> Response:
    if broken == "hang":
        time.sleep(3600)  # noqa: ASYNC251 - that is the bug
    if broken == "500s" or (broken == "500s but for health" and request.url.path != "/health"):
        return PlainTextResponse("it is broken", status_code=500)
    return PlainTextResponse("it works!") if broken == "wrong content" else await call(request)


@app.get("/health")
def health() -> dict[str, str]:
    return {"status": "well"}


@app.get("/")
async def home() -> PlainTextResponse:
    return PlainTextResponse(RELEASE)


@app.get("/slow")
async def slow() -> PlainTextResponse:
    """Answer what a drain has to wait for."""
    await asyncio.sleep(0.3)
    return PlainTextResponse(RELEASE)


@app.post("/note")
async def note(request: Request) -> PlainTextResponse:
    await request.body()
    return PlainTextResponse(RELEASE)


@app.post("/break")
async def give_way_soon(how: str) -> PlainTextResponse:
    """Answer, and be broken a moment later."""
    breakage().write_text(how)
    threading.Timer(0.02, give_way, [how]).start()
    return PlainTextResponse(RELEASE)
