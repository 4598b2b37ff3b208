"""Who we are to GitHub: tokens for one repository and one purpose, renewed in time, and kept from everybody's eyes."""

import logging
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from blocks.github.block import GitHubAccess
from blocks.github.wire import Wire
from domain.errors import AnswerLost, BadInput, ServiceUnreachable
from domain.github_errors import GitHubBusy, GitHubRefused
from domain.github_permissions import PULLS
from tests.fakes.github_access import APP
from tests.fakes.github_places import NAME, PERSONAL, Place, github_place


@pytest.fixture
def place(tmp_path: Path):  # type: ignore[no-untyped-def]
    with github_place(tmp_path) as found:
        found.state.make(NAME)
        yield found


def at_its_hour(place: Place) -> Wire:
    """Return the App's wire with the clock of the fake."""
    return Wire.of_app(place.api.url, APP, Path(place.app.app_key_file), lambda: place.api.access.now)


async def test_token_is_for_one_repository_and_what_is_done_there(place: Place) -> None:
    await place.app.pulls.of_branch(NAME, "main")
    given = list(place.api.access.tokens.values())[-1]
    assert given.repositories == ("notes",)
    assert given.permissions == {"metadata": "read", "pull_requests": "write"}


async def test_token_is_kept_while_it_holds_and_made_anew_ahead_of_its_end(place: Place) -> None:
    wire = at_its_hour(place)
    first = await wire.access.token(NAME, PULLS)
    place.api.access.ahead = timedelta(minutes=54)
    assert await wire.access.token(NAME, PULLS) == first
    place.api.access.ahead = timedelta(minutes=56)
    assert await wire.access.token(NAME, PULLS) != first
    assert place.api.count("POST", "/access_tokens") == 2


async def test_app_that_was_installed_anew_is_found_again(place: Place) -> None:
    wire = at_its_hour(place)
    await wire.access.token(NAME, PULLS)
    place.api.access.installations["club"] = 78
    place.api.access.ahead = timedelta(minutes=56)
    await wire.access.token(NAME, PULLS)
    assert place.api.count("POST", "/78/access_tokens") == 1


async def test_revoked_token_is_replaced_once(place: Place) -> None:
    wire = at_its_hour(place)
    first = await wire.access.token(NAME, PULLS)
    del place.api.access.tokens[first.get_secret_value()]
    assert await wire.ask("GET", NAME, "/pulls", PULLS, "looking") == []
    assert [status for status, _, path in place.api.asked if path.endswith("/pulls")] == [401, 200]


async def test_app_that_is_not_installed_is_told_with_the_cure(place: Place) -> None:
    with pytest.raises(GitHubRefused, match="not installed there; install it"):
        await place.app.talk.issue("stranger/notes", 1)


async def test_personal_token_that_is_not_taken_is_told_with_the_cure(place: Place) -> None:
    wrong = GitHubAccess(api_url=place.api.url, token=SecretStr("github_pat_wrong"))
    with pytest.raises(GitHubRefused, match=r"401.*slipway doctor"):
        await wrong.pulls.of_branch(NAME, "main")


async def test_who_we_are(place: Place) -> None:
    assert (await place.app.who(), await place.person.who()) == ("octoapp", "octocat")
    await place.app.who()
    assert place.api.count("GET", "/app") == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(lambda key: key.chmod(0o640), "chmod 600", id="read-by-others"),
        pytest.param(lambda key: key.unlink(), "SLIPWAY_GITHUB_APP_KEY_FILE", id="gone"),
        pytest.param(lambda key: key.write_text("no key"), "no private key", id="no-key"),
    ],
)
async def test_key_that_cannot_be_used_is_told_and_never_shown(place: Place, change, said: str) -> None:  # type: ignore[no-untyped-def]
    change(Path(place.app.app_key_file))
    with pytest.raises(BadInput, match=said) as raised:
        await place.app.who()
    assert "no key" not in str(raised.value)


async def test_no_secret_is_in_logs_or_in_what_is_shown_of_the_block(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    token = (await place.app.credential(NAME)).password.get_secret_value()
    await place.app.repositories.head(NAME, "main")
    assert token.startswith("ghs_")
    assert "ghs_" not in caplog.text
    assert "Bearer" not in caplog.text
    assert PERSONAL not in f"{place.person!r}{place.person.model_dump_json()}"
    assert token not in f"{place.app!r}{place.app.model_dump_json()}"


async def test_limit_is_kept_without_asking_until_it_is_over(place: Place) -> None:
    wire = at_its_hour(place)
    await wire.access.token(NAME, PULLS)
    reset = int(place.api.access.now.timestamp()) + 1800
    limits = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(reset)}
    place.api.answers.append((403, limits, {"message": "API rate limit exceeded"}))
    for _ in range(2):
        with pytest.raises(GitHubBusy) as raised:
            await wire.ask("GET", NAME, "/pulls", PULLS, "looking")
        assert raised.value.seconds <= 1800
    asked = len(place.api.asked)
    place.api.access.ahead = timedelta(seconds=1801)
    assert await wire.ask("GET", NAME, "/pulls", PULLS, "looking") == []
    assert len(place.api.asked) == asked + 1


async def test_what_has_not_changed_is_not_sent_again(place: Place) -> None:
    place.state.open_issue(NAME, 1, "Dates")
    first, again = [await place.app.talk.issue(NAME, 1) for _ in range(2)]
    assert first == again
    place.state.issues[NAME, 1]["title"] = "End dates"
    changed = await place.app.talk.issue(NAME, 1)
    assert changed is not None
    assert changed.title == "End dates"
    assert [status for status, _, path in place.api.asked if path.endswith("/issues/1")] == [200, 304, 200]


async def test_github_that_is_not_there_is_to_be_tried_again() -> None:
    nobody = GitHubAccess(api_url="http://127.0.0.1:9", token=SecretStr("github_pat_x"))
    with pytest.raises(ServiceUnreachable):
        await nobody.who()


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (
            {"message": "Validation Failed", "errors": [{"code": "already_exists", "field": "tag_name"}]},
            "Failed: already_exists tag_name",
        ),
        (
            {"message": "Validation Failed", "errors": "Cannot update this protected ref."},
            "Failed: Cannot update this protected ref.",
        ),
        ({"message": "Invalid request.", "errors": ["Only one.", {"message": "Two"}]}, "request.: Only one.: Two"),
        ({"message": "Not this", "errors": None}, "Not this"),
        ("no object", "no object"),
    ],
)
async def test_what_github_finds_wrong_is_told_in_its_words(place: Place, document: object, said: str) -> None:
    await place.app.credential(NAME)
    place.api.answers.append((422, {}, document))
    with pytest.raises(GitHubRefused, match=said):
        await place.app.who()


async def test_page_that_github_shows_where_it_is_broken_is_not_told(place: Place) -> None:
    await place.app.credential(NAME)
    place.api.answers.append((502, {}, b"<!DOCTYPE html>\n<title>Unicorn! &middot; GitHub</title>"))
    with pytest.raises(AnswerLost, match="502 it said nothing"):
        await place.app.who()


async def test_broken_github_is_to_be_tried_again(place: Place) -> None:
    await place.app.credential(NAME)
    place.api.answers.extend([(502, {}, {"message": "Server Error"})])
    with pytest.raises(ServiceUnreachable, match="502"):
        await place.app.who()
