"""Webhooks as GitHub documents them: payloads of npm's @octokit/webhooks-examples 7.6.1 (MIT, Octokit contributors), verbatim.

Tests change single fields by name, so that it is seen what they are about.
"""

import hashlib
import hmac
import json
from copy import deepcopy
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

THEN = datetime(2019, 5, 15, 15, 21, tzinfo=UTC)
"""When the payloads were new."""
REPOSITORY, WHO = "Codertocat/Hello-World", "Codertocat"
SECRET = b"It's a Secret to Everybody"
EVENTS = {
    "push": "push",
    "push_deleted": "push",
    "push_tag": "push",
    "labeled": "issues",
    "unlabeled": "issues",
    "comment": "issue_comment",
    "comment_edited": "issue_comment",
    "ping": "ping",
    "star": "star",
}


@cache
def _all() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(__file__).with_suffix(".json").read_text())
    return found


def payload(name: str, **changed: Any) -> bytes:
    """Return the payload as it is sent; `a__b=c` puts c at the key b of a."""
    document = deepcopy(_all()[name])
    for path, value in changed.items():
        *parents, last = path.split("__")
        place = document
        for parent in parents:
            place = place[parent]
        place[last] = value
    return json.dumps(document).encode()


def command(words: str, comment: int = 492700400, **changed: Any) -> bytes:
    """Return a comment that was just written under an issue."""
    return payload("comment", comment__body=words, comment__id=comment, **changed)


def signature(body: bytes, secret: bytes = SECRET) -> str:
    return "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()


def headers(name: str, body: bytes, id: str = "72d3162e-cc78-11e3-81ab-4c9367dc0958", **changed: str) -> dict[str, str]:
    """Return what GitHub sends beside the body."""
    return {
        "Content-Type": "application/json",
        "User-Agent": "GitHub-Hookshot/044aadd",
        "X-GitHub-Delivery": id,
        "X-GitHub-Event": EVENTS[name],
        "X-GitHub-Hook-ID": "292430182",
        "X-Hub-Signature": "sha1=" + hmac.new(SECRET, body, hashlib.sha1).hexdigest(),
        "X-Hub-Signature-256": signature(body),
        **changed,
    }
