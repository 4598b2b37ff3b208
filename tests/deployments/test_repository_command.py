"""`slipway repository`: what is shown, set and taken away, and the next thing to do."""

import json

import pytest

from blocks.installation import Installation
from deployments.terminal import BAD_INPUT, DONE
from tests.deployments.test_cli import Bench as Commands
from tests.deployments.test_cli import slipway  # noqa: F401


@pytest.fixture
def notes(slipway: Commands) -> Commands:  # noqa: F811
    """Return commands that know one project."""
    slipway("new", "keep notes", "--yes")
    return slipway


def test_repository_is_shown_set_and_taken_away_with_the_next_thing_to_do(notes: Commands) -> None:
    assert notes("repository", "keep-notes") == DONE
    assert "has no repository at GitHub: `slipway repository keep-notes OWNER/NAME` sets it" in notes.out
    assert notes("repository", "keep-notes", "anna/notes") == DONE
    assert notes.out.splitlines() == [
        "keep-notes has the repository https://github.com/anna/notes",
        "it has no token: make a fine-grained one for this repository alone and store it with "
        "`slipway secret set keep-notes GITHUB_TOKEN`",
        "no worker has the capability: set SLIPWAY_CAPABILITIES=github and start `slipway up` again",
    ]
    notes.vault.hold("keep-notes", "GITHUB_TOKEN", "github_pat_1")
    notes.prepare = lambda desk: setattr(
        desk.blocks, "installation", Installation(home="/home", engine="process", model="m", capabilities=("github",))
    )
    assert notes("repository", "keep-notes") == DONE
    assert notes.out == "keep-notes has the repository https://github.com/anna/notes\n"
    assert notes("repository", "keep-notes", "--none", "--json") == DONE
    document = {"project": "keep-notes", "repository": None, "address": None, "token": True, "workers": True}
    assert json.loads(notes.out) == document
    assert notes("history", "keep-notes", "--json") == DONE
    changes = [line["what"] for line in json.loads(notes.out)["history"]]
    assert changes[-2:] == ["repository set to anna/notes", "repository taken away"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("keep-notes", "https://github.com/anna/notes"), "OWNER/NAME"),
        (("keep-notes", "anna/notes.git"), "OWNER/NAME"),
        (("keep-notes", "anna/notes", "--none"), "not both"),
        (("other", "anna/notes"), "there is no project 'other'"),
    ],
)
def test_what_is_no_repository_changes_nothing(notes: Commands, words: tuple[str, ...], says: str) -> None:
    assert notes("repository", *words) == BAD_INPUT
    assert says in notes.err
    notes("repository", "keep-notes", "--json")
    assert json.loads(notes.out)["repository"] is None
