"""`slipway repository`: what is shown, set and taken away, and the next thing to do."""

import asyncio
import json
import zipfile
from pathlib import Path

import pytest

from blocks.git.block import BareGitHost
from blocks.installation import Installation
from deployments.terminal import BAD_INPUT, DONE
from tests.deployments.test_cli import Bench as Commands
from tests.deployments.test_cli import slipway  # noqa: F401
from tests.fakes.github_places import NAME, github_place


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


def test_person_is_invited_and_the_repository_given_away(notes: Commands, tmp_path: Path) -> None:
    with github_place(tmp_path) as place:
        place.state.make(NAME)
        notes.prepare = lambda desk: setattr(desk.blocks, "github", place.app)
        assert notes("repository", "keep-notes", "--invite", "anna") == BAD_INPUT
        assert "sets it" in notes.err
        assert notes("repository", "keep-notes", NAME, "--invite", "anna", "--transfer", "annas-club") == DONE
        assert place.state.invited == [(NAME, "anna", "admin")]
        assert place.state.transferred == [(NAME, "annas-club")]
        assert notes("repository", "keep-notes", "--invite", "../anna") == BAD_INPUT
        assert "is no name at GitHub" in notes.err
        notes.prepare = lambda desk: setattr(desk.blocks, "github", None)
        assert notes("repository", "keep-notes", "--invite", "anna") == BAD_INPUT
        assert "SLIPWAY_GITHUB_APP_ID" in notes.err
    assert len(place.state.invited) == 1


def test_code_is_written_into_a_zip(notes: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host = BareGitHost(folder=str(tmp_path / "git"))
    work = tmp_path / "work"
    work.mkdir()
    (work / "app.py").write_text("pass")
    asyncio.run(host.create("keep-notes"))
    asyncio.run(host.commit_tree("keep-notes", work, branch="main", parent=None, message="one", author="a <a@b.c>"))
    place = Installation(home=str(tmp_path), engine="process", model="m")
    notes.prepare = lambda desk: setattr(desk.blocks, "installation", place)
    monkeypatch.chdir(work)
    assert notes("archive", "keep-notes") == DONE
    assert zipfile.is_zipfile(work / "keep-notes.zip")
    assert str(work / "keep-notes.zip") in notes.out
    assert notes("archive", "keep-notes") == BAD_INPUT
    assert notes("archive", "other") == BAD_INPUT
