"""The application: all nouns behind one gate."""

from collections.abc import Callable
from datetime import UTC, datetime

from fastapi import FastAPI
from starlette.types import ASGIApp

from deployments.api import (
    bots,
    domains,
    escalations,
    events,
    files,
    health,
    invitations,
    own_keys,
    people,
    prefect_door,
    previews,
    project_secrets,
    projects,
    proposals,
    releases,
    repositories,
    rollbacks,
    rotations,
    runs,
    webhooks,
)
from deployments.api.access import House
from deployments.api.doors import DESCRIPTION
from deployments.api.gate import Gate
from deployments.api.prefect_socket import PrefectServer, PrefectSockets
from deployments.api.problems import MEDIA_TYPE, SCHEMA, answer_problems
from deployments.web import assets, keeping, login, looking, requesting
from deployments.web.errors import answer_people

VERSION = "1"
ABOUT = (
    "Slipway by HTTP. Every call but health, readiness and this description needs a key: `slipway keys add NAME`, then "
    "`Authorization: Bearer slipway_…`. What is somebody else's is a 404. What goes wrong is problem+json."
)
NOUNS = (
    health,
    projects,
    proposals,
    files,
    runs,
    events,
    releases,
    rollbacks,
    domains,
    project_secrets,
    rotations,
    escalations,
    prefect_door,
    previews,
    repositories,
    own_keys,
    bots,
    invitations,
    people,
    webhooks,
)
PAGES = (assets, login, looking, requesting, keeping)
WRONG = ("400", "401", "403", "404", "409", "413", "422", "429", "503")


def routes(house: House) -> FastAPI:
    """Return the application without its gate."""
    shown = {"description": "What is wrong", "content": {MEDIA_TYPE: {"schema": SCHEMA}}}
    app = FastAPI(
        title="Slipway",
        version=VERSION,
        description=ABOUT,
        openapi_url=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses=dict.fromkeys(WRONG, shown),
    )
    app.state.house = house
    for noun in (*NOUNS, *PAGES):
        app.include_router(noun.router)
    answer_problems(app)
    answer_people(app)
    return app


def application(
    house: House, clock: Callable[[], datetime] = lambda: datetime.now(UTC), prefect: PrefectServer | None = None
) -> ASGIApp:
    """Return the application behind its gate; nothing reaches a route, nor a websocket of Prefect's, but through it."""
    sockets = PrefectSockets(doorkeeper=house.doorkeeper, clock=clock, server=prefect)
    return Gate(routes(house), house.doorkeeper, clock, sockets)
