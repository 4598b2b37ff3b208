"""The model gateway's contract: who may use it, how a CLI is told of it, which requests and headers pass, and its errors.

The gateway speaks Anthropic's Messages API to CLI agents in workers. Decisions only, no I/O; what a request asks for and what
it may cost is in `gateway_requests`, what an answer has used in `gateway_usage`. Beside models it answers git's questions for
the credential of a project's own repository, which are in `git_credentials`, and passes calls of our own tools on to the
process that serves them.
Source: https://platform.claude.com/docs/en/api/errors (shape of errors).
"""

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Mapping
from typing import Literal

from pydantic import Field, ValidationError

from domain.values import Value

GATEWAY_MARK = "slipway-gw-"
TOKEN = re.compile(GATEWAY_MARK + r"([A-Za-z0-9_-]{1,900})\.([0-9a-f]{64})")
"""How a run's token looks, so that it can be recognised wherever it leaks to."""

TOKEN_SECONDS = 12 * 60 * 60
"""Longer than a worker lives; a token also ends with its run."""

MESSAGES, COUNT_TOKENS = "/v1/messages", "/v1/messages/count_tokens"

GIT_CREDENTIAL = "/git/credential"

TOOLS = "/mcp"
"""Where the tools of a token's door are, by the Model Context Protocol."""

DEAR_BETAS = ("context-1m-", "fast-mode-")
"""Beta features that change what a token costs; they are left out of a request."""


DOOR = r"^([a-z0-9][a-z0-9-]{0,80})?$"
"""How a door is named; empty for none."""

Use = Literal["models", "repository", "tools"]
"""What a token is for; none opens another."""


class Access(Value):
    """What a token proves: who calls, for what, and until when."""

    run: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,80}$")
    project: str = Field(min_length=1, max_length=100)
    role: str = Field(min_length=1, max_length=60)
    conversation: str = Field(min_length=1, max_length=200, description="Begins the names of its lines in the ledger")
    expires: int = Field(description="Unix time")
    use: Use = "models"
    door: str = Field(
        default="", pattern=DOOR, description="Door to tools of ours, with which it ends; those for tools open it"
    )


def token_of(access: Access, key: str) -> str:
    """Return the token with which a CLI uses the gateway; only a holder of the installation's key can make it."""
    content = base64.urlsafe_b64encode(access.model_dump_json().encode()).decode().rstrip("=")
    return f"{GATEWAY_MARK}{content}.{_seal(content, key)}"


def access_of(token: str, key: str, now: float) -> Access | None:
    """Return what a token proves; None when it was not made with this key, or is too old."""
    found = TOKEN.fullmatch(token)
    if found is None or not hmac.compare_digest(_seal(found[1], key), found[2]):
        return None
    try:
        access = Access.model_validate_json(base64.urlsafe_b64decode(found[1] + "=" * (-len(found[1]) % 4)))
    except (binascii.Error, ValidationError):
        return None
    return access if now < access.expires else None


def gateway_environment(host: str, port: int, token: str) -> dict[str, str]:
    """Return the variables with which Anthropic's own clients (Claude Code, the SDKs) use the gateway."""
    return {"ANTHROPIC_BASE_URL": f"http://{host}:{port}", "ANTHROPIC_AUTH_TOKEN": token}


def tools_environment(host: str, port: int, token: str) -> dict[str, str]:
    """Return the variables by which a CLI finds our tools. Claude Code sends no ANTHROPIC_AUTH_TOKEN to servers of tools."""
    return {"SLIPWAY_TOOLS_URL": f"http://{host}:{port}{TOOLS}", "SLIPWAY_TOOLS_TOKEN": token}


def git_environment(host: str, port: int, token: str) -> dict[str, str]:
    """Return the variables by which the credential helper in a worker finds the gateway."""
    return {"SLIPWAY_GIT_ASK": f"http://{host}:{port}{GIT_CREDENTIAL}", "SLIPWAY_GIT_TOKEN": token, "GIT_TERMINAL_PROMPT": "0"}


def given_token(headers: Mapping[str, str]) -> str:
    """Return the token of a request, by lower-case header names; empty when there is none."""
    scheme, _, bearer = headers.get("authorization", "").partition(" ")
    return headers.get("x-api-key") or (bearer.strip() if scheme.lower() == "bearer" else "")


class Refusal(Value):
    """An answer of the gateway's own, in the Messages API's shape of errors."""

    status: int
    type: str
    message: str
    again: float | None = Field(default=None, description="Seconds after which the same may work; None: it never will")

    @property
    def body(self) -> bytes:
        return json.dumps({"type": "error", "error": {"type": self.type, "message": self.message}}).encode()

    @property
    def headers(self) -> dict[str, str]:
        """Say whether to try again: Anthropic's clients obey it, and Claude Code would else repeat a 401 for minutes."""
        again = {} if self.again is None else {"retry-after": f"{self.again:g}"}
        return {"content-type": "application/json", "x-should-retry": "false" if self.again is None else "true", **again}


def wrong_place(method: str, path: str, query: str) -> Refusal | None:
    """Return why a request is for something that the gateway does not do; None for what it does."""
    if path in (GIT_CREDENTIAL, TOOLS) and not query:
        return None if method == "POST" else _not_post(path)
    if path not in (MESSAGES, COUNT_TOKENS) or query not in ("", "beta=true"):
        return Refusal(
            status=404, type="not_found_error", message=f"the model gateway passes only {MESSAGES} and {COUNT_TOKENS}"
        )
    return None if method == "POST" else _not_post(path)


def _not_post(path: str) -> Refusal:
    return Refusal(status=405, type="invalid_request_error", message=f"{path} takes POST")


def sent_headers(headers: Mapping[str, str], access: Access, api_key: str) -> dict[str, str]:
    """Return what goes to the model service: the few headers that it needs, the real key, and whose call it is."""
    kept = {name: headers[name] for name in ("accept", "anthropic-version", "content-type", "user-agent") if name in headers}
    named = [beta.strip() for beta in headers.get("anthropic-beta", "").split(",")]
    betas = [beta for beta in named if beta and not beta.startswith(DEAR_BETAS)]
    return {
        **kept,
        **({"anthropic-beta": ",".join(betas)} if betas else {}),
        "accept-encoding": "identity",
        "x-api-key": api_key,
        "x-slipway-run": access.run,
        "x-slipway-role": access.role,
        "x-slipway-conversation": access.conversation,
    }


def returned_headers(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return what comes back to the worker, by lower-case names: nothing that tells of the operator's account."""
    kept = ("content-type", "request-id", "retry-after", "retry-after-ms", "x-should-retry")
    return [(name, value) for name, value in headers if name in kept or name.startswith("anthropic-ratelimit-")]


def _seal(content: str, key: str) -> str:
    return hmac.new(key.encode(), f"gateway {content}".encode(), hashlib.sha256).hexdigest()
