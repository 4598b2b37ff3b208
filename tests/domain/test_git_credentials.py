"""Which of git's questions is for a project's own repository, as tables of cases."""

import pytest

from domain.errors import BadInput
from domain.git_credentials import (
    QUESTION_LIMIT,
    GitCredential,
    Question,
    Site,
    question_of,
    site_of,
    told,
    why_not,
)
from domain.names import checked_repository

SITE = Site("https", "github.com")
OWN = "anna/notes"


def asked(path: str = OWN, host: str = "github.com", protocol: str = "https", username: str = "") -> Question:
    return Question(protocol=protocol, host=host, path=path, username=username)


@pytest.mark.parametrize(
    "question", [asked(), asked("anna/notes.git"), asked(username="x-access-token")], ids=lambda question: question.address
)
def test_a_question_for_exactly_the_repository_is_answered(question: Question) -> None:
    assert why_not(question, SITE, OWN) == ""


@pytest.mark.parametrize(
    "question",
    [
        asked("anna/other"),
        asked("bob/notes"),
        asked(""),
        asked("anna"),
        asked("anna/notes/"),
        asked("/anna/notes"),
        asked("anna//notes"),
        asked("anna/notes.git/"),
        asked("anna/notes.git.git"),
        asked("anna/notes.GIT"),
        asked("Anna/notes"),
        asked("anna/Notes"),
        asked("anna/notes/../other"),
        asked("anna/other/../notes"),
        asked("./anna/notes"),
        asked("anna/notes/."),
        asked("anna/notes%2f..%2fother"),
        asked("anna/%2e%2e/anna/notes"),
        asked("anna%2Fnotes"),
        asked("anna/notes?x=1"),
        asked("anna/notes#x"),
        asked("anna/notes.wiki.git"),
        asked("anna/notes-evil"),
        asked("anna/notes.git/info/lfs"),
        asked("anna/note"),
        asked(" anna/notes"),
        asked(host="evil.example"),
        asked(host="github.com.evil.example"),
        asked(host="evil.github.com"),
        asked(host="GitHub.com"),
        asked(host="github.com:443"),
        asked(host="github.com:8443"),
        asked(host="github.com."),
        asked(host="gist.github.com"),
        asked(host="anna@github.com"),
        asked(host=""),
        asked(protocol="http"),
        asked(protocol="HTTPS"),
        asked(protocol="ssh"),
        asked(protocol=""),
        asked(username="anna"),
        asked(username="x-access-token@evil.example"),
    ],
    ids=lambda question: f"{question.username}@{question.address}",
)
def test_every_other_question_is_not(question: Question) -> None:
    assert why_not(question, SITE, OWN)


def test_a_project_without_a_repository_has_no_credential() -> None:
    assert "`slipway repository`" in why_not(asked(), SITE, "")
    assert why_not(asked(""), SITE, "")
    assert why_not(asked(".git"), SITE, "")


def test_gits_own_question_is_read() -> None:
    body = b'capability[]=authtype\nprotocol=https\nhost=github.com\npath=anna/notes\nwwwauth[]=Basic realm="x"\n\n'
    assert question_of(body) == asked()
    assert question_of(b"protocol=https\nhost=github.com\npath=anna/a=b\nusername=anna") == asked("anna/a=b", username="anna")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\n",
        b"\nprotocol=https\nhost=github.com\npath=anna/notes\n",
        b"hello",
        b"wwwauth[]=x\n",
        b"protocol=https\nhost=evil.example\nhost=github.com\npath=anna/notes\n",
        b"protocol=https\nhost=github.com\npath=anna/other\npath=anna/notes\n",
        b"url=https://evil.example/\nprotocol=https\nhost=github.com\npath=anna/notes\n",
        b"protocol=https\r\nhost=github.com\r\npath=anna/notes\r\n",
        b"protocol=https\nhost=github.com\0.evil.example\npath=anna/notes\n",
        "protocol=https\nhost=g\u0131thub.com\npath=anna/notes\n".encode(),
        b"\xff\xfe",
        b"path=" + b"a" * QUESTION_LIMIT,
    ],
)
def test_what_git_does_not_say_is_no_question(body: bytes) -> None:
    assert question_of(body) is None


@pytest.mark.parametrize(
    ("address", "site"),
    [
        ("https://github.com", SITE),
        ("https://github.com:443", SITE),
        ("https://git.example.org:8443", Site("https", "git.example.org:8443")),
        ("http://127.0.0.1:3000", Site("http", "127.0.0.1:3000")),
        ("http://git.example.org:80", Site("http", "git.example.org")),
    ],
)
def test_a_site_is_said_as_git_says_it(address: str, site: Site) -> None:
    assert site_of(address) == site
    assert site.address(OWN) == f"{site.protocol}://{site.host}/{OWN}"


def test_the_answer_is_in_gits_words_and_a_credential_does_not_show_itself() -> None:
    credential = GitCredential(username="x-access-token", password="github_pat_1")
    assert told(credential) == b"username=x-access-token\npassword=github_pat_1\n"
    assert "github_pat_1" not in f"{credential!r} {credential} {credential.model_dump_json()}"


@pytest.mark.parametrize("name", ["anna/notes", "a/b", "anna-b/no.tes_-1", "firm_x/.github", "A/B", "anna/notes.gitx"])
def test_a_repository_is_named_as_github_does(name: str) -> None:
    assert checked_repository(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "", "anna", "/", "anna/", "/notes", "anna/notes/x", "anna/..", "anna/.", "anna/notes.git", "-anna/notes", "an na/notes",
        "https://github.com/anna/notes", "github.com/anna/notes", "anna/notes\n", "anna/notes?x", "anna/n%6ftes", "ännä/notes",
        f"{'a' * 40}/notes", f"anna/{'n' * 101}", "../notes", "anna@evil/notes",
    ],
)  # fmt: skip
def test_what_is_no_repository_is_refused_with_the_form(name: str) -> None:
    with pytest.raises(BadInput, match="OWNER/NAME"):
        checked_repository(name)
