"""GitHub's settings: what does not go together is refused with the cure, and the doctor asks GitHub who we are."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from deployments.checks.github import github
from deployments.settings import load_settings
from domain.errors import BadInput
from tests.fakes.github_access import APP
from tests.fakes.github_places import PERSONAL, github_place


@pytest.fixture(autouse=True)
def nothing_set(no_settings: None) -> None:
    """Read no setting of this machine."""


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({"github_app_id": 7}, "an App needs both"),
        ({"github_token": SecretStr("x"), "github_app_id": 7, "github_app_key_file": __file__}, "set one of them"),
        ({"github_owner": "club"}, "nobody acts there"),
        ({"github_owner": "club/notes", "github_token": SecretStr("x")}, "SLIPWAY_GITHUB_OWNER"),
        ({"github_api_url": "ftp://github"}, "SLIPWAY_GITHUB_API_URL"),
    ],
)
def test_settings_that_cannot_be_are_told_with_the_cure(chosen: dict[str, object], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        load_settings(**chosen)


async def test_doctor_says_who_we_are_or_what_is_wrong(tmp_path: Path) -> None:
    assert (await github(load_settings())).ok is None
    with github_place(tmp_path) as place:
        url = place.api.url
        app = load_settings(
            github_api_url=url, github_app_id=APP, github_app_key_file=tmp_path / "app.pem", github_owner="club"
        )
        person = load_settings(github_api_url=url, github_token=SecretStr(PERSONAL))
        wrong = load_settings(github_api_url=url, github_token=SecretStr("github_pat_wrong"))
        assert (await github(app)).found == "the App octoapp, new repositories in club"
        assert (await github(person)).found == "the person octocat"
        refused = await github(wrong)
    assert (refused.ok, "Bad credentials" in refused.cure, "github_pat_wrong" in repr(refused)) == (False, True, False)
    away = await github(person)
    assert (away.ok, away.cure) == (None, "deliveries go there later, by themselves")
