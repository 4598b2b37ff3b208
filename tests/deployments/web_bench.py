"""A browser before the API in this process: it keeps its cookie and says that our own page sends what it sends."""

import re
from collections.abc import Sequence
from datetime import timedelta
from urllib.parse import urlencode

import httpx

from deployments.api.application import application
from domain.keys import Scope
from domain.previews import PreviewedChange, PreviewState
from domain.telegram_identity import Word, signature
from tasks.visits import PERSONAL, make_link
from tests.deployments.api_bench import ANN, BOT_TOKEN, PEPPER, Api
from tests.fakes.desk import a_brief

PLACE = "https://page.example.org"
OURS = {"Sec-Fetch-Site": "same-origin", "Accept": "text/html"}


def browser(api: Api, place: str = PLACE) -> httpx.AsyncClient:
    """Return a browser that is not signed in."""
    app = application(api.house, lambda: api.now)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=place, headers=OURS)


async def signed_in(api: Api, owner: str = ANN, scopes: Sequence[Scope] = PERSONAL, place: str = PLACE) -> httpx.AsyncClient:
    """Return a browser that has signed in by a link."""
    visitor = browser(api, place)
    code = await make_link(owner, scopes, PEPPER, api.registry, api.now)
    answered = await visitor.post("/login/link", data={"code": code})
    assert (answered.status_code, answered.headers["Location"]) == (303, "/"), answered.text
    return visitor


def init_data(api: Api, user: int, word: Word = Word.MINI_APP, seconds: int = 0, **more: str) -> str:
    """Return what Telegram signs for this person, so many seconds ago."""
    said = {"user": f'{{"id":{user},"first_name":"Ann"}}'} if word is Word.MINI_APP else {"id": str(user)}
    fields = {"auth_date": str(int(api.now.timestamp()) - seconds), **said, **more}
    return urlencode({**fields, "hash": signature(fields, word, BOT_TOKEN)})


async def token_in(visitor: httpx.AsyncClient, path: str = "/") -> str:
    """Return the token that the forms of this browser carry."""
    found = re.search(r'name="form" value="([0-9a-f]{64})"', (await visitor.get(path)).text)
    assert found is not None
    return found[1]


async def send(visitor: httpx.AsyncClient, path: str, once: str = "1", **fields: str) -> httpx.Response:
    """Post a form of the page."""
    return await visitor.post(path, data={"form": await token_in(visitor), "once": once, **fields})


async def previewed(api: Api, project: str, run: str) -> None:
    """Let a change of the project be up to be looked at."""
    made = {"commit": "new", "candidate": "sha256:2", "base": "old", "brief": a_brief(project, project), "checks": ()}
    change = PreviewedChange(project=project, run=run, **made)
    await api.registry.add_preview(change, "localhost", api.now, api.now + timedelta(days=3))
    number = (await api.registry.previews(project))[0].number
    await api.registry.move_preview(project, number, PreviewState.UP, address=f"http://{project}-{number}.localhost")
