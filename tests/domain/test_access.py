import json
from datetime import UTC, datetime
from typing import Any

import pytest

from domain.access import Answered, answered

LINE: dict[str, Any] = {
    "level": "info", "ts": 1795567363.25, "logger": "http.log.access.log0", "msg": "handled request",
    "request": {"remote_ip": "127.0.0.1", "client_ip": "127.0.0.1", "method": "GET", "host": "Notes.localhost:8080",
                "uri": "/a…"},
    "bytes_read": 0, "user_id": "", "duration": 0.5, "size": 19, "status": 200, "upstream": "127.0.0.1:18081",
}  # fmt: skip


def test_line_of_caddy_says_who_answered_whom() -> None:
    assert answered(json.dumps(LINE).encode()) == Answered(
        at=datetime.fromtimestamp(1795567363.25, UTC),
        host="notes.localhost",
        method="GET",
        upstream="127.0.0.1:18081",
        status=200,
        seconds=0.5,
    )


@pytest.mark.parametrize(
    ("host", "wanted"), [("a.b", "a.b"), ("a.b:1", "a.b"), ("[::1]:80", "[::1]"), ("", ""), ("A:b", "a:b")]
)
def test_host_is_told_without_its_port(host: str, wanted: str) -> None:
    read = answered(json.dumps(LINE | {"request": {"host": host}}).encode())
    assert read is not None
    assert read.host == wanted


def test_request_that_no_app_was_asked_has_no_upstream() -> None:
    read = answered(json.dumps({name: value for name, value in LINE.items() if name != "upstream"}).encode())
    assert read is not None
    assert read.upstream == ""


WHOLE = json.dumps(LINE).encode()
FAR, NEVER = (json.dumps(LINE | {"ts": ts}).encode() for ts in (1e300, float("nan")))


@pytest.mark.parametrize("line", [b"", b"\x00\xff", b"null", b"[]", b'{"ts": 1}', b'{"level":"error"}', WHOLE[:-5], FAR, NEVER])
def test_line_that_is_something_else_is_passed_over(line: bytes) -> None:
    assert answered(line) is None


@pytest.mark.parametrize(
    ("method", "may_write"), [("GET", False), ("HEAD", False), ("OPTIONS", False), ("POST", True), ("DELETE", True), ("", True)]
)
def test_method_says_whether_a_request_may_have_written(method: str, may_write: bool) -> None:
    read = answered(json.dumps(LINE | {"request": {"host": "a.b", "method": method}}).encode())
    assert read is not None
    assert read.may_write is may_write
