"""Bad input: whatever is sent to any operation of the description, the answer is clear, and tells nothing of the inside."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from domain.runs import RunState
from tests.deployments.api_bench import ANN, OPERATOR, READ, WRITE, Api, api_in
from tests.deployments.test_api_callers import BODIES, IN_PATH, RUN

NASTY_TEXTS = (
    "", " ", "a\x00b", "\x1b[31m", "../../etc/passwd", "'; DROP TABLE runs; --", "ключ\u202e", "r-", "notes\n", "-1", "1e9",
    "99999999999999999999", "x" * 3000,
)  # fmt: skip
NASTY_VALUES: tuple[Any, ...] = (
    None, True, -1, 1.5, 10**30, float("inf"), [], {"a": {"b": 1}}, "", "a\x00b", "../../etc/passwd", "x" * 3000, "\ud800",
)  # fmt: skip
NASTY_BODIES = (
    b"", b"null", b"[]", b"{", b'"text"', b"\xff\xfe", b'{"text": "\xed\xa0\x80"}', b'{"text": 1e999}', b"[" * 100_000,
    b'{"a":' * 30_000, b"1" * 10_000, b'{"text": "a", "text": ["b"]}', b'{"text": "a", "__proto__": {}}', b"text=a",
    b"\x00" * 64,
)  # fmt: skip
INSIDE = ("Traceback", "sqlalchemy", "sqlite", "pydantic", "/tmp/", "deployments", ".py", "registry", "redis", "Error:")


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    async with api_in(tmp_path) as bench:
        await bench.project("notes")
        await bench.desk.end(RUN, RunState.FAILED)
        yield bench


def told(answered: httpx.Response, sent: object) -> None:
    """See to it that the answer is none of a fault, and is a problem where it is a refusal."""
    assert answered.status_code < 500, (answered.request.method, str(answered.request.url), sent, answered.text)
    if answered.status_code >= 400:
        assert answered.headers["Content-Type"] == "application/problem+json"
        assert not [word for word in INSIDE if word in answered.text], (sent, answered.text)


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def fields(document: dict[str, Any], method: str, path: str) -> list[str]:
    """Return the names of what the operation's body may hold."""
    content = document["paths"][path][method.lower()]["requestBody"]["content"]["application/json"]["schema"]
    return list(document["components"]["schemas"][content["$ref"].rpartition("/")[2]]["properties"])


async def document_of(api: Api) -> dict[str, Any]:
    described: dict[str, Any] = (await api.client.get("/openapi.json")).json()
    return described


async def test_parameters_may_hold_anything(api: Api) -> None:
    key, tried = await api.key(ANN, READ, WRITE, OPERATOR), 0
    for method, path, operation in operations(await document_of(api)):
        for parameter in operation.get("parameters", ()):
            for text in NASTY_TEXTS:
                names, query, headers = dict(IN_PATH), {}, {}
                match parameter["in"]:
                    case "path":
                        names[parameter["name"]] = text
                    case "query":
                        query[parameter["name"]] = text
                    case _:
                        headers[parameter["name"]] = text.encode().replace(b"\n", b"").replace(b"\x00", b"")
                quoted = {
                    name: httpx.QueryParams({"": value}).__str__()[1:].replace("+", "%20") for name, value in names.items()
                }
                body = BODIES.get((method, path))
                answered = await api.ask(method, path.format(**quoted), key, params=query or None, headers=headers, json=body)
                told(answered, (parameter["name"], text))
                tried += 1
    assert tried > 300


async def test_bodies_may_hold_anything(api: Api) -> None:
    key, tried, document = await api.key(ANN, READ, WRITE, OPERATOR), 0, await document_of(api)
    for (method, path), body in BODIES.items():
        target, headers = path.format(**IN_PATH), {"Content-Type": "application/json"}
        for sent in NASTY_BODIES:
            told(await api.ask(method, target, key, content=sent, headers=headers), sent[:40])
        for kind in ("text/plain", "application/xml", "multipart/form-data", "nonsense", ""):
            told(await api.ask(method, target, key, content=b"<a/>", headers={"Content-Type": kind}), kind)
        for name in (*fields(document, method, path), "no_such_field"):
            for value in NASTY_VALUES:
                content = json.dumps({**body, name: value}).encode()
                told(await api.ask(method, target, key, content=content, headers=headers), (name, value))
                tried += 1
    assert tried > 200


async def test_nothing_was_changed_by_what_was_refused(api: Api) -> None:
    key = await api.key(ANN, READ, WRITE, OPERATOR)
    before = [await api.registry.projects(), await api.registry.runs(), await api.registry.history()]
    for method, path in BODIES:
        for sent in NASTY_BODIES:
            answered = await api.ask(
                method, path.format(**IN_PATH), key, content=sent, headers={"Content-Type": "application/json"}
            )
            assert answered.status_code in (400, 422), (path, sent[:40])
    after = [await api.registry.projects(), await api.registry.runs(), await api.registry.history()]
    assert [len(each) for each in before] == [len(each) for each in after]
