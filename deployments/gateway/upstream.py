"""The model service's end of an exchange: one request, streamed, and what it means when there is no answer."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress

import httpx

from blocks.trust import trust_for
from deployments.gateway.guests import Refused
from domain.errors import ModelKeyMissing, ModelKeyRefused
from domain.gateway import Refusal, returned_headers

ANTHROPIC = "https://api.anthropic.com"
CONNECT_SECONDS = 10.0
SILENCE_SECONDS = 60.0
"""A stream says at least `ping` every few seconds."""
WHOLE_SECONDS = 610.0
"""An answer that is not streamed comes after up to ten minutes."""
ERROR_BYTES = 1_000_000

PLAYED = (
    "this machine plays a recorded session, which has no answers for a CLI agent: set ANTHROPIC_API_KEY, unset SLIPWAY_REPLAY "
    "and start `slipway up` again"
)


class Declined(Exception):
    """The service answered with an error, which goes on as it is: (status, headers, body)."""

    def __init__(self, status: int, headers: Sequence[tuple[str, str]], body: bytes) -> None:
        super().__init__(status, headers, body)
        self.status = status
        self.headers = headers
        self.body = body


class Silent(Exception):
    """The service says nothing any more, in the middle of its answer."""


class Cut(Exception):
    """The service broke off in the middle of its answer."""


class Upstream:
    """Where the Messages API is, and the key for it; `api_key` empty: nobody answers, for the reason `missing`."""

    def __init__(
        self,
        api_key: str,
        base_url: str | None,
        missing: str = "",
        silence_seconds: float = SILENCE_SECONDS,
        whole_seconds: float = WHOLE_SECONDS,
    ) -> None:
        self.api_key = api_key
        self._base = (base_url or ANTHROPIC).rstrip("/")
        self._missing = missing or str(ModelKeyMissing())
        self._silence = silence_seconds
        self._whole = whole_seconds
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=20, keepalive_expiry=30.0)
        self._http = httpx.AsyncClient(limits=limits, verify=trust_for(self._base))

    def require(self) -> None:
        """Raise Refused when no model can be asked."""
        if not self.api_key:
            raise Refused(Refusal(status=403, type="permission_error", message=self._missing))

    @asynccontextmanager
    async def asked(
        self, path: str, query: str, headers: Mapping[str, str], body: bytes, *, streamed: bool
    ) -> AsyncIterator[httpx.Response]:
        """Send the request and yield the answer, whose body is read with `chunks`.

        Raises Declined for an error of the service, Refused when it does not answer. Leaving ends the request, whatever the
        service was about to say.
        """
        silence = self._silence if streamed else self._whole
        timeout = httpx.Timeout(silence, connect=CONNECT_SECONDS)
        url = self._base + path + (f"?{query}" if query else "")
        request = self._http.build_request("POST", url, content=body, headers=dict(headers), timeout=timeout)
        try:
            response = await self._http.send(request, stream=True)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Refused(_unanswered(error)) from error
        try:
            if response.status_code >= 400:
                raise await self._declined(response)
            yield response
        finally:
            await response.aclose()

    async def _declined(self, response: httpx.Response) -> Declined | Refused:
        """Return the service's error; a refusal of the operator's key is not the worker's fault, and is told as ours."""
        if response.status_code == 401:
            return Refused(Refusal(status=403, type="permission_error", message=str(ModelKeyRefused())))
        body = await _error_body(response)
        # Our key is not to be seen by the worker, whatever a service in between may echo.
        hidden = re.sub(re.escape(self.api_key.encode()), b"(key)", body)
        return Declined(response.status_code, returned_headers(response.headers.items()), hidden)

    async def close(self) -> None:
        await self._http.aclose()


async def chunks(response: httpx.Response) -> AsyncIterator[bytes]:
    """Yield the answer as it comes; raise Silent or Cut when it does not come to its end."""
    try:
        async for chunk in response.aiter_bytes():
            yield chunk
    except httpx.TimeoutException as error:
        raise Silent from error
    except httpx.HTTPError as error:
        raise Cut from error


async def _error_body(response: httpx.Response) -> bytes:
    """Return what the service says; what came until then when it breaks off."""
    said = b""
    with suppress(Silent, Cut, TimeoutError):
        async with asyncio.timeout(CONNECT_SECONDS):
            async for chunk in chunks(response):
                said += chunk
                if len(said) > ERROR_BYTES:
                    break
    return said


def _unanswered(error: Exception) -> Refusal:
    if isinstance(error, httpx.TimeoutException):
        return Refusal(status=504, type="timeout_error", message="the model service did not answer in time", again=1)
    return Refusal(
        status=502, type="api_error", message=f"the model service could not be reached: {type(error).__name__}", again=1
    )
