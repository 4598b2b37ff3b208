"""One call to GitHub's API: the token that fits it, what was read before and has not changed, and what a refusal means.

It neither waits nor tries again, but for a token that was revoked. Once GitHub has asked to wait, nothing is sent until then:
who goes on all the same is banned (https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api).
"""

from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx
from pydantic import SecretStr

from blocks.github.tokens import Access, AppTokens, PersonalToken
from blocks.plain_http import plain_client
from blocks.trust import trust_for
from domain.errors import AnswerLost, Broken, ServiceUnreachable
from domain.github_errors import GitHubBusy, GitHubRefused, refusal
from domain.github_permissions import Permissions

SECONDS = 30.0
READ_BEFORE = 256
"""Answers that are kept to be asked for again only if they have changed."""
READ_BYTES = 100_000
"""Of each of them at most."""
PAGES = 50
"""So many hundreds of a list are read: GitHub takes 2,500 comments at an issue."""
VERSION = "2022-11-28"


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


class Wire:
    """Carries calls to one GitHub as one App or person."""

    def __init__(self, api_url: str, access: Access | None, clock: Callable[[], datetime] = utc_now) -> None:
        self._api_url, self._clock = api_url.rstrip("/"), clock
        self._access = access
        self._closed_until: datetime | None = None
        self._read: OrderedDict[tuple[str, str], tuple[str, _Page]] = OrderedDict()

    @classmethod
    def of_app(cls, api_url: str, app: int, key_file: Path, clock: Callable[[], datetime] = utc_now) -> "Wire":
        """Return the wire of an App; its key is read when it is first needed."""
        wire = cls(api_url, None, clock)
        wire._access = AppTokens(app, key_file, wire._call, clock)
        return wire

    @classmethod
    def of_person(cls, api_url: str, token: SecretStr, clock: Callable[[], datetime] = utc_now) -> "Wire":
        """Return the wire of a person's token."""
        return cls(api_url, PersonalToken(token), clock)

    @property
    def access(self) -> Access:
        if self._access is None:
            raise Broken("GitHub was asked without an App or a token")
        return self._access

    async def ask(
        self,
        method: str,
        name: str,
        rest: str,
        permissions: Permissions,
        attempted: str,
        body: dict[str, Any] | None = None,
        query: dict[str, str] | None = None,
    ) -> Any:
        """Call `/repos/<name><rest>`; return what came back, None for what is not there when it was only read."""
        path = f"/repos/{name}{rest}"
        return await self.ask_path(method, path, name, permissions, attempted, body, query)

    async def ask_path(
        self,
        method: str,
        path: str,
        name: str,
        permissions: Permissions,
        attempted: str,
        body: dict[str, Any] | None = None,
        query: dict[str, str] | None = None,
    ) -> Any:
        """Call any path with the token of `name`, a repository or an owner."""
        sent = f"{path}?{httpx.QueryParams(query)}" if query else path
        return (await self._page(method, sent, name, permissions, attempted, body)).document

    async def every(
        self, name: str, rest: str, permissions: Permissions, attempted: str, query: dict[str, str] | None = None, of: str = ""
    ) -> list[Any]:
        """Return all of a list at `/repos/<name><rest>`, in its order, or of the one that is at `of` of what comes back."""
        path, asked = f"/repos/{name}{rest}", httpx.QueryParams({**(query or {}), "per_page": "100"})
        found: list[Any] = []
        for _ in range(PAGES):
            page = await self._page("GET", f"{path}?{asked}", name, permissions, attempted, None)
            found += ((page.document or {}).get(of) if of else page.document) or ()
            if not page.following:
                return found
            asked = httpx.URL(page.following).params  # its path may be another, under which no answer was kept
        raise GitHubRefused(attempted, 0, f"there are more than {PAGES * 100:,}")

    async def who(self) -> Any:
        """Return what GitHub knows of us."""
        path, token = await self.access.own()
        return await self._call("GET", path, f"Bearer {token.get_secret_value()}", None, "asking who we are")

    async def _page(
        self, method: str, path: str, name: str, permissions: Permissions, attempted: str, body: dict[str, Any] | None
    ) -> "_Page":
        token = await self.access.token(name, permissions)
        try:
            return await self._exchange(method, path, f"Bearer {token.get_secret_value()}", body, attempted, last=False)
        except _Revoked as revoked:
            if not self.access.forget(name):
                raise revoked.refusal from None
        token = await self.access.token(name, permissions)
        return await self._exchange(method, path, f"Bearer {token.get_secret_value()}", body, attempted)

    async def _call(self, method: str, path: str, authorization: str, body: dict[str, Any] | None, attempted: str) -> Any:
        return (await self._exchange(method, path, authorization, body, attempted)).document

    async def _exchange(
        self, method: str, path: str, authorization: str, body: dict[str, Any] | None, attempted: str, last: bool = True
    ) -> "_Page":
        now = self._clock()
        if self._closed_until is not None and now < self._closed_until:
            raise GitHubBusy((self._closed_until - now).total_seconds(), attempted)
        known = self._read.get((path, authorization)) if method == "GET" else None
        answer = await self._send(method, path, authorization, body, attempted, known[0] if known else "")
        if answer.status_code == 304 and known:
            return known[1]
        if answer.status_code == 404 and method == "GET":
            return NOTHING
        if answer.is_success:
            return self._kept(method, path, authorization, answer, attempted)
        refused = refusal(answer.status_code, _lower(answer.headers), _words(answer), attempted, now)
        if isinstance(refused, GitHubBusy):
            self._closed_until = now + timedelta(seconds=refused.seconds)
        if answer.status_code == 401 and not last:
            raise _Revoked(refused)
        raise refused

    async def _send(
        self, method: str, path: str, authorization: str, body: dict[str, Any] | None, attempted: str, etag: str
    ) -> httpx.Response:
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": authorization,
            "User-Agent": "slipway",
            "X-GitHub-Api-Version": VERSION,
            **({"If-None-Match": etag} if etag else {}),
        }
        try:
            async with self._client() as client:
                return await client.request(method, f"{self._api_url}{path}", headers=headers, json=body)
        except httpx.ConnectError as error:
            raise ServiceUnreachable("GitHub", attempted, type(error).__name__) from None
        except httpx.HTTPError as error:
            raise AnswerLost("GitHub", attempted, type(error).__name__) from None

    def _client(self) -> httpx.AsyncClient:
        if self._api_url.startswith("http://"):
            return plain_client(timeout=SECONDS)
        return httpx.AsyncClient(timeout=SECONDS, verify=trust_for(self._api_url))

    def _kept(self, method: str, path: str, authorization: str, answer: httpx.Response, attempted: str) -> "_Page":
        """Return what the answer holds; what can be asked for again, and is small, is kept with its mark.

        No list is: its page may be as it was while another one follows it by now.
        """
        if answer.status_code == 204 or not answer.content:
            return _Page({})
        try:
            page = _Page(answer.json(), answer.links.get("next", {}).get("url", ""))
        except ValueError:
            raise AnswerLost("GitHub", attempted, "its answer is no JSON") from None
        is_small = isinstance(page.document, dict) and len(answer.content) <= READ_BYTES
        if method == "GET" and is_small and (etag := answer.headers.get("ETag")):
            self._read[path, authorization] = (etag, page)
            while len(self._read) > READ_BEFORE:
                self._read.popitem(last=False)
        return page


class _Page(NamedTuple):
    """What came back, and where what follows it is."""

    document: Any
    following: str = ""


NOTHING = _Page(None)


class _Revoked(Exception):
    """The token was not taken."""

    def __init__(self, refusal_: Exception) -> None:
        super().__init__(refusal_)
        self.refusal = refusal_


def segment(text: str, keep: str = "") -> str:
    """Return a name as a part of a path."""
    return quote(text, safe=keep)


def _lower(headers: httpx.Headers) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _words(answer: httpx.Response) -> str:
    """Return what GitHub says of a refusal, with what it found wrong; nothing of a page for browsers."""
    try:
        document = answer.json()
        errors = document.get("errors") or ()
        found = [_fault(each) for each in ([errors] if isinstance(errors, str) else errors)]
        return ": ".join(text for text in (str(document.get("message", "")), *found) if text)
    except (ValueError, AttributeError, TypeError):
        return "" if answer.text.lstrip().startswith("<") else answer.text


def _fault(found: Any) -> str:
    """Return one fault: a sentence, or an object that has one or only a code for a field."""
    return (
        found if isinstance(found, str) else found.get("message") or f"{found.get('code', '')} {found.get('field', '')}".strip()
    )
