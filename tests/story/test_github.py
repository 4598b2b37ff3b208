"""A project whose code is at GitHub, on a whole installation: what is built goes there, and what people do there is heard.

GitHub is a loopback one that holds each call against GitHub's own description; its git is real. Webhooks come through Caddy.
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.runs import Run
from tests.fakes.github_town import GUEST, Clone, Town, town
from tests.fakes.messages_api import ScriptedMessagesAPI
from tests.story import tales
from tests.story.installation import Installation, Spoken, until
from tests.story.player import Player, Tale, brief, done, http_check, plan, ran, unseen, wrote

NAME = "club/bell"
HUM = """

@app.get("/hum")
def hum() -> dict[str, bool]:
    return {"hums": True}
"""
HUM_TEST = tales.RING_TEST.replace("ring", "hum")
HUMS = {"hum": "When it is asked to hum, then it hums"}
ISSUE = 7
TITLE, TEXT = "It should hum", "While the soup cooks."
HUMMING = Tale(
    request=f"{TITLE}\n\n{TEXT}",
    brief=brief("Soup bell", "bell", {"ring": "When the bell is rung, then it says that it rings", **HUMS}),
    plan=plan(
        "One more route.",
        http_check("hum", {"path": "/hum", "expect_json": {"hums": True}}),
        unseen("hum", {"path": "/hum?low=1", "expect_json": {"hums": True}}),
    ),
    steps=[
        [ran(f"cat >>app/main.py <<'EOF'\n{HUM}EOF"), wrote("tests/test_hum.py", HUM_TEST)],
        done("It hums."),
    ],
)
RED = "from app.main import app\n\n\ndef test_it_is_called_otherwise() -> None:\n    assert app.title == 'Otherwise'\n"

pytestmark = pytest.mark.story


class Pushing(dict[str, Tale]):
    """Tales; of a push, which only the reviewer is asked about, there is nothing to say."""

    def __missing__(self, request: str) -> Tale:
        assert " pushed " in request, f"no tale knows {request!r}"
        return Tale(request=request, brief={}, plan={}, steps=[])


@pytest.fixture(scope="module")
def github(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder: Path = tmp_path_factory.mktemp("github")
    with town(folder) as found:
        yield found


@pytest.fixture(scope="module")
def place(github: Town) -> Iterator[Installation]:
    player = Player(tales=Pushing())
    player.tell(tales.BELL, HUMMING)
    place = Installation("process", player, more=github.settings)
    try:
        with ScriptedMessagesAPI(player) as api:
            place.open(api)
            github.reach(place.up.http_port, place.say("github", "webhook", "--json").out)
            yield place
            left = place.end()
            assert not left, [process.cmdline() for process in left]
            assert not api.problems, api.problems
    finally:
        place.remove()


@pytest.fixture(scope="module")
def built(place: Installation) -> Spoken:
    return place.say("new", tales.BELL.request, "--yes", "--json")


@pytest.fixture(scope="module")
def clone(github: Town, built: Spoken) -> Clone:
    return github.clone(NAME)


@pytest.fixture(scope="module")
def red(place: Installation, github: Town, clone: Clone) -> Run:
    """Let a person push a test that fails, and the listener be killed as soon as that is heard; return its run."""
    return pushed(place, github, clone, {"tests/test_name.py": RED}, kill="api")


@pytest.fixture(scope="module")
def waiting(place: Installation, github: Town, clone: Clone, red: Run) -> Run:
    """Let the person mend it, and change the Dockerfile besides; return the run, which asks."""
    text = (clone.folder / "Dockerfile").read_text()
    return pushed(place, github, clone, {"tests/test_name.py": None, "Dockerfile": f"{text}LABEL by=hand\n"})


@pytest.fixture(scope="module")
def approved(place: Installation, github: Town, waiting: Run) -> Run:
    """Let a guest, and then the administrator, approve that change; return the run at its end."""
    [question] = place.registry(lambda registry: registry.escalations(waiting.id))
    assert [each for each, _ in checks(github, github.main(NAME))] == ["neutral"]
    for person in ({"sender": GUEST}, {}):
        said = len(github.said(NAME))
        assert github.commented(NAME, f"/slipway approve {question.diagnosis.digest[:12]}", **person) == 202
        until(lambda said=said: len(github.said(NAME)) > said, "the comment is answered")
    return ended(place, waiting.id)


@pytest.fixture(scope="module")
def proposed(place: Installation, github: Town, approved: Run) -> str:
    assert github.labelled(NAME, ISSUE, TITLE, TEXT) == 202
    [proposal] = until(lambda: github.said(NAME, ISSUE), "the Brief is at the issue")
    return proposal


@pytest.fixture(scope="module")
def humming(place: Installation, github: Town, proposed: str) -> Run:
    """Approve the Brief, and let the delivery's GitHub lose an answer on its way; return the run at its end."""
    known = len(runs(place))
    assert github.commented(NAME, "/slipway approve", ISSUE) == 202
    until(lambda: len(runs(place)) > known, "its run is begun")
    until(lambda: len(github.said(NAME, ISSUE)) > 1, "that is said")
    github.there.api.loses_next_effect = True
    return ended(place, runs(place)[0].id)


def runs(place: Installation) -> list[Run]:
    """Return the project's runs, newest first."""
    return list(place.registry(lambda registry: registry.runs("bell")))


def ended(place: Installation, run: str) -> Run:
    """Return the run once it has ended, or asks."""

    def over() -> Run | None:
        found = place.registry(lambda registry: registry.run(run))
        return found if found and (found.ended or found.state.value == "waiting") else None

    return until(over, f"{run} has ended or asks")


def pushed(place: Installation, github: Town, clone: Clone, files: dict[str, str | None], kill: str = "") -> Run:
    """Push these files and tell of it; return the run of that once it has ended, or asks."""
    before, known = github.main(NAME), len(runs(place))
    clone.push(files)
    assert github.pushed(NAME, before) == 202
    if kill:
        place.service(kill).kill()
    until(lambda: len(runs(place)) > known, "the run of the push is begun")
    return ended(place, runs(place)[0].id)


def checks(github: Town, commit: str) -> list[tuple[str, str]]:
    """Return what our checks say of the commit, in its newest words."""
    return [
        (each["conclusion"], each["output"]["title"]) for each in github.there.state.checks[NAME] if each["head_sha"] == commit
    ]


def approved_commit(place: Installation) -> str:
    return next(each.commit for each in place.releases("bell") if each.number == 2)


def test_what_is_built_is_a_repository_with_pull_request_check_deployment_and_release(
    place: Installation, github: Town, built: Spoken
) -> None:
    assert built.code == 0, built
    state, release = github.there.state, place.live("bell")
    assert release is not None
    [pull] = state.pulls[NAME]
    assert (pull["title"], pull["head"]["ref"]) == ("Soup bell", f"slipway/{built.document['run']}")
    for part in ("- [x] When the bell is rung", "| verdict | passed", "| cost |", built.document["address"]):
        assert part in pull["body"]
    assert checks(github, release.commit) == [("success", "Tests: All 2 tests passed. Acceptance: All 2 checks hold.")]
    [deployment] = state.deployments[NAME]
    [status] = state.deployment_statuses[NAME, 1]
    assert (deployment["sha"], status["environment_url"]) == (release.commit, built.document["address"])
    assert [each["tag_name"] for each in state.releases[NAME]] == ["v1"]


def test_red_push_is_told_at_its_line_and_goes_nowhere_also_when_who_heard_it_is_killed(
    place: Installation, github: Town, red: Run
) -> None:
    assert red.state.value == "failed"
    assert "does not pass" in red.message
    [check] = [each for each in github.there.state.checks[NAME] if each["external_id"] == red.id]
    [remark] = check["output"]["annotations"]
    assert (check["conclusion"], remark["path"], remark["start_line"]) == ("failure", "tests/test_name.py", 5)
    release = place.live("bell")
    assert release is not None
    assert (release.number, len(runs(place))) == (1, 2)


def test_platform_files_wait_for_an_administrators_word_about_this_very_change(
    place: Installation, github: Town, waiting: Run, approved: Run
) -> None:
    assert (waiting.state.value, approved.state.value) == ("waiting", "delivered")
    stranger, done = github.said(NAME)[:2]
    assert "Only people who may write" in stranger
    assert done == f"Approved: run `{approved.id}` goes on with exactly that change."
    assert [each["tag_name"] for each in github.there.state.releases[NAME]][:2] == ["v1", "v2"]
    assert [each for each, _ in checks(github, approved_commit(place))] == ["success"]


def test_issue_with_the_label_becomes_a_change_in_its_comments(
    place: Installation, github: Town, proposed: str, humming: Run
) -> None:
    assert f"- {HUMS['hum']}" in proposed
    assert humming.state.value == "delivered"
    until(lambda: len(github.said(NAME, ISSUE)) > 2, "the end is said at the issue")
    said = github.said(NAME, ISSUE)
    assert f"It is being built (run `{humming.id}`)" in said[1]
    assert "✅ Soup bell is online" in said[2]
    assert len(said) == 3
    assert place.get("bell", "/hum").json() == {"hums": True}
    assert [each["head"]["ref"] for each in github.there.state.pulls[NAME]][1:] == [f"slipway/{humming.id}"]


def test_rollback_is_a_comment(place: Installation, github: Town, humming: Run) -> None:
    said = len(github.said(NAME))
    assert github.commented(NAME, "/slipway rollback") == 202
    until(lambda: place.get("bell", "/hum").status_code == 404, "the release before serves")
    until(lambda: len(github.said(NAME)) > said, "it is answered")
    assert github.said(NAME)[-1] == "bell goes back to an earlier release."
    release = place.live("bell")
    assert release is not None
    assert release.number == 2


def test_no_token_of_github_is_kept(place: Installation, github: Town, humming: Run) -> None:
    made = "ghs_" + "0" * 32
    assert any(token.startswith(made) for token in github.there.api.access.tokens)
    kept = subprocess.run(["grep", "-rlF", "-D", "skip", made, str(place.data)], capture_output=True, check=False)
    assert kept.stdout == b""
