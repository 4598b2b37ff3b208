"""The authorisation matrix: each route of the API by each kind of caller."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from deployments.api.doors import OPEN, PREFECT, SIGNED, WEBHOOK
from domain.keys import ApiKey, id_in
from domain.proofs import SignedProof
from domain.runs import RunState
from tests.deployments.api_bench import ANN, BOB, NOON, OPERATOR, READ, WRITE, Api, api_in, api_routes
from tests.deployments.conftest import released
from tests.deployments.web_bench import init_data

RUN = "r-notes000000"
KEY = "0123456789ab"
IN_PATH = {
    "project": "notes", "run": RUN, "number": "1", "name": "WORD", "host": "notes.example.org", "key": KEY,
    "username": "shop_bot", "person": "1001", "rollback": "5d0b7b7e-3f0c-4a60-9c62-0e6f6f4f8b1a",
}  # fmt: skip
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/v1/projects"): {"text": "something of my own"},
    ("POST", "/v1/projects/{project}/changes"): {"text": "colours"},
    ("POST", "/v1/projects/{project}/rollback"): {"version": 1},
    ("PUT", "/v1/projects/{project}/secrets/{name}"): {"value": "hush-hush-hush"},
    ("POST", "/v1/projects/{project}/domains"): {"host": "other.example.org"},
    ("POST", "/v1/runs/{run}/tell"): {"text": "for our team only"},
    ("POST", "/v1/projects/{project}/tell"): {"text": "for our team only"},
    ("POST", "/v1/proposals"): {"text": "something of my own"},
    ("POST", "/v1/proposals/accept"): {"offer": "none.0"},
    ("POST", "/v1/projects/{project}/secrets/{name}/rotation"): {"value": "hush-hush-hush"},
    ("PUT", "/v1/projects/{project}/repository"): {"name": ""},
    ("POST", "/v1/projects/{project}/repository/invite"): {"login": "anna"},
    ("POST", "/v1/projects/{project}/repository/transfer"): {"login": "anna"},
    ("POST", "/v1/invitations"): {"note": "for the club"},
    ("PUT", "/v1/people/{person}/limits"): {"runs": 3},
    ("POST", "/v1/keys"): {"name": "another"},
    ("POST", "/v1/bots"): {"token": "no token"},
    ("POST", "/v1/runs/{run}/answer"): {"choice": "guidance", "text": "use a list"},
}
NOBODYS = {
    "/v1/me", "/v1/proof-key", "/v1/projects", "/v1/proposals", "/v1/proposals/accept", "/v1/runs", "/v1/escalations",
    "/v1/keys", "/v1/files",
}  # fmt: skip
"""Routes about the caller: everybody may ask them, and sees what is theirs."""
OPERATORS = {
    "/v1/bots", "/v1/bots/{username}", "/v1/invitations", "/v1/invitations/{number}", "/v1/people",
    "/v1/people/{person}/block", "/v1/people/{person}/allow", "/v1/people/{person}/limits",
}  # fmt: skip
REPOSITORY = "/v1/projects/{project}/repository"
"""Everybody may look at their own; what is changed there is done with Slipway's account."""
STRANGERS = ("none", "wrong", "expired", "revoked", "forged app", "old app")


@dataclass(frozen=True)
class Cell:
    method: str
    path: str
    caller: str

    @property
    def wanted(self) -> int | None:
        """Return the status with which it is refused; None when it is let through."""
        writes = self.method not in ("GET", "HEAD")
        if self.path in OPEN:
            return None
        if self.path in SIGNED:
            return 401  # no key is a signature
        if self.caller in STRANGERS:
            return 401
        if self.path == PREFECT:
            return None if self.caller == "operator" else 403
        if self.path in OPERATORS or (writes and self.path.startswith(REPOSITORY)):
            return None if self.caller == "operator" or (self.caller == "watcher" and not writes) else 403
        if writes and self.caller in ("reader", "watcher"):
            return 403
        if (self.caller, self.method, self.path) == ("app", "POST", "/v1/keys"):
            return 403  # what it makes would outlast what it has shown
        return 404 if self.caller in ("other", "app") and self.path not in NOBODYS else None


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    """A project with everything that a route may name."""
    async with api_in(tmp_path) as bench:
        await bench.project("notes")
        await released(bench.desk, "notes", 2)
        await bench.desk.look.add_host("notes", IN_PATH["host"], ANN)
        proof = SignedProof(run=RUN, body={"commit": "c" * 40}, signature="00", created=NOON)
        await bench.registry.add_key(ApiKey(id=KEY, name="old", owner=ANN, scopes=(READ,), digest="0" * 64, created=NOON))
        await bench.registry.add_bot("123456789", "shop_bot", NOON)
        await bench.registry.add_proof("notes", "c" * 40, proof)
        await bench.registry.add_invitation("digest", "", 1, ANN, NOON, None)
        await bench.committed("notes")
        await bench.desk.end(RUN, RunState.FAILED)  # so that a stream of it ends
        yield bench


async def keys_of(api: Api) -> dict[str, str]:
    """Return a key for each kind of caller; empty for the one that has none."""
    expired, revoked = await api.key(ANN, READ, WRITE, days=1), await api.key(ANN, WRITE)
    await api.registry.revoke_key(id_in(revoked) or "", NOON)
    api.now = NOON + timedelta(days=2)
    return {
        "none": "",
        "wrong": f"slipway_{'0' * 12}_{'a' * 43}",
        "expired": expired,
        "revoked": revoked,
        "other": await api.key(BOB, READ, WRITE),
        "reader": await api.key(ANN, READ),
        "watcher": await api.key("local:op", OPERATOR),
        "owner": await api.key(ANN, READ, WRITE),
        "operator": await api.key("local:op", OPERATOR, WRITE),
        "app": f"tma {init_data(api, 1003)}",
        "forged app": f"tma {init_data(api, 1003).replace('1003', '1004')}",
        "old app": f"tma {init_data(api, 1003, seconds=601)}",
    }


async def test_each_route_lets_through_whom_it_should_and_nobody_else(api: Api) -> None:
    keys, failed = await keys_of(api), []
    for method, path in api_routes():
        for caller, key in keys.items():
            api.counters.now += 60  # wrong keys have a limit of their own, which is not what this is about
            cell = Cell(method, path, caller)
            headers = {"Authorization": key if " " in key else f"Bearer {key}"} if key else {}
            body = BODIES.get((method, path))
            answered = await api.client.request(method, path.format(**IN_PATH), headers=headers, json=body)
            let = answered.status_code not in (401, 403, 404) and answered.status_code < 500
            if not (let if cell.wanted is None else answered.status_code == cell.wanted):
                failed.append((cell, answered.status_code, answered.text))
    assert failed == []


async def test_what_is_anothers_answers_to_the_letter_as_what_is_not_there(api: Api) -> None:
    other = await api.key(BOB, READ, WRITE)
    for method, path in api_routes():
        if path in OPEN | SIGNED or path in NOBODYS or path == PREFECT or path in OPERATORS:
            continue
        body, answers = BODIES.get((method, path)), []
        for names in (IN_PATH, IN_PATH | {"project": "ghost", "run": "r-ghost00000", "key": "f" * 12}):
            said = (await api.ask(method, path.format(**names), other, json=body)).json()
            answers.append({name: value for name, value in said.items() if name != "request"})
        assert answers[0] == answers[1], (method, path)
    assert (await api.registry.projects())[0].owner == ANN
    assert api.desk.rolled_back == api.desk.proposed == []
    assert await api.desk.vault.names("notes") == ()


def test_every_changing_route_is_tried_with_a_body_that_it_takes() -> None:
    changing = {(method, path) for method, path in api_routes() if method in ("POST", "PUT", "PATCH", "DELETE")}
    bare = {
        ("PUT", "/v1/files"),
        ("POST", "/v1/runs/{run}/cancel"),
        ("POST", "/v1/projects/{project}/previews/{number}/confirm"),
        ("DELETE", "/v1/projects/{project}"),
        ("DELETE", "/v1/projects/{project}/domains/{host}"),
        ("DELETE", "/v1/projects/{project}/previews/{number}"),
        ("DELETE", "/v1/keys/{key}"),
        ("DELETE", "/v1/bots/{username}"),
        ("DELETE", "/v1/projects/{project}/secrets/{name}"),
        ("DELETE", "/v1/projects/{project}/secrets/{name}/unneeded"),
        ("DELETE", "/v1/invitations/{number}"),
        ("POST", "/v1/people/{person}/block"),
        ("POST", "/v1/people/{person}/allow"),
    }
    assert changing == {*BODIES} | bare | {("POST", WEBHOOK)}
