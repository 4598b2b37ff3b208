"""The fake GitHub refuses what GitHub does not describe, loudly, and what a token was not made for."""

from pathlib import Path

import httpx
import pytest

from domain.github_permissions import PULLS
from tests.fakes.github_api import GitHubApi
from tests.fakes.github_places import NAME, github_place
from tests.fakes.github_rules import NotDescribed, described

REPOSITORY = "/repos/club/notes"


@pytest.mark.parametrize(
    ("method", "path", "query", "body", "said"),
    [
        ("POST", f"{REPOSITORY}/pull", {}, {}, "no operation"),
        ("DELETE", REPOSITORY, {}, None, "no operation"),
        ("GET", f"{REPOSITORY}/pulls", {"sort_by": "new"}, None, "sort_by is not described"),
        ("GET", f"{REPOSITORY}/pulls", {"state": "merged"}, None, "not one of"),
        ("GET", f"{REPOSITORY}/pulls", {}, {}, "it takes no body"),
        ("POST", f"{REPOSITORY}/pulls", {}, None, "body is missing"),
        ("POST", f"{REPOSITORY}/pulls", {}, {"head": "a"}, "'base' is a required property"),
        ("POST", f"{REPOSITORY}/pulls", {}, {"head": "a", "base": "b", "reviewer": "c"}, "Additional properties"),
        ("PATCH", f"{REPOSITORY}/check-runs/1", {}, {"output": {"summary": "s", "annotations": [{}] * 51}}, "too long"),
        ("PATCH", f"{REPOSITORY}/git/refs/heads/a/b", {}, {"sha": 1}, "is not of type"),
    ],
)
def test_what_is_not_described_is_refused(method: str, path: str, query: dict[str, str], body: object, said: str) -> None:
    with pytest.raises(NotDescribed, match=said):
        described(method, path, query, body)


def test_what_is_described_is_known_by_its_operation() -> None:
    call = described("PATCH", f"{REPOSITORY}/git/refs/heads/slipway/r-1", {}, {"sha": "a" * 40, "force": False})
    assert (call.operation, call.repository, call.places["ref"]) == ("git/update-ref", NAME, "heads/slipway/r-1")


def test_call_that_is_not_described_fails_the_test_that_made_it(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="no operation"), GitHubApi(tmp_path) as api:
        assert httpx.get(f"{api.url}/repos/club/notes/stars").status_code == 400


async def test_token_opens_nothing_but_what_it_was_made_for(tmp_path: Path) -> None:
    with github_place(tmp_path) as place:
        place.state.make(NAME)
        place.state.make("club/other")
        token = await place.app.wire.access.token(NAME, PULLS)
        headers = {
            "Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28",
            "Authorization": f"Bearer {token.get_secret_value()}",
        }  # fmt: skip
        async with httpx.AsyncClient(base_url=place.api.url, headers=headers) as client:
            asked = ["/repos/club/notes/pulls", "/repos/club/other/pulls", "/repos/club/notes/deployments"]
            assert [(await client.get(path)).status_code for path in asked] == [200, 404, 403]
