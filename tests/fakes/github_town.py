"""A GitHub for a whole installation: a person with a clone of their own, and webhooks that come signed, through Caddy."""

import json
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from tests.fakes.git_server import IDENTITY, git
from tests.fakes.github_access import APP
from tests.fakes.github_places import OWNER, Place, github_place
from tests.fakes.github_webhooks import headers, payload, signature

PERSON, GUEST = "wanda", "stan"
"""One who administers the repositories, and one who may only read them."""
TOKEN = "github_pat_22BB-of-wanda"


@dataclass
class Clone:
    """A person's own clone."""

    folder: Path

    def push(self, files: Mapping[str, str | None], message: str = "By hand") -> str:
        """Commit these files (None: without it) on what main has, push it, and return the commit."""
        git(self.folder, "pull", "-q", "--rebase")
        for path, text in files.items():
            if text is None:
                (self.folder / path).unlink()
            else:
                (self.folder / path).write_text(text)
        git(self.folder, "add", "-A")
        git(self.folder, *IDENTITY, "commit", "-q", "-m", message)
        git(self.folder, "push", "-q", "origin", "HEAD:main")
        return git(self.folder, "rev-parse", "HEAD")


@dataclass
class Town:
    """Both halves of that GitHub, and what people do there."""

    there: Place
    folder: Path
    http_port: int = 0
    """Where Slipway's Caddy is."""
    secret: str = field(default="", repr=False)

    @property
    def settings(self) -> dict[str, str]:
        """Return what makes an installation act there, as the App."""
        return {
            "SLIPWAY_GITHUB_API_URL": self.there.api.url,
            "SLIPWAY_GITHUB_URL": self.there.git.url,
            "SLIPWAY_GITHUB_APP_ID": str(APP),
            "SLIPWAY_GITHUB_APP_KEY_FILE": str(self.folder / "app.pem"),
            "SLIPWAY_GITHUB_OWNER": OWNER,
            "SLIPWAY_API_PORT": "0",
        }

    def main(self, name: str) -> str:
        return self.there.state.head(name, "refs/heads/main")

    def clone(self, name: str) -> Clone:
        """Let the person, who administers the repository from now on, clone it."""
        self.there.state.people.update({(name, PERSON): "admin", (name, GUEST): "read"})
        self.there.git.tokens[TOKEN] = name
        work = self.folder / f"clone-{uuid.uuid4().hex[:6]}"
        address = f"{self.there.git.url.replace('//', f'//{PERSON}:{TOKEN}@')}/{name}"
        subprocess.run(["git", "clone", "-q", address, str(work)], check=True, capture_output=True)
        return Clone(work)

    def tell(self, event: str, name: str, sender: str = PERSON, **changed: Any) -> int:
        """Bring a signed webhook through Caddy, and return how it was answered."""
        body = payload(event, repository__full_name=name, sender__login=sender, **changed)
        signed = {"X-Hub-Signature-256": signature(body, self.secret.encode()), "Host": f"api.localhost:{self.http_port}"}
        url, sent = f"http://127.0.0.1:{self.http_port}/github/webhook", headers(event, body, str(uuid.uuid4()), **signed)
        return httpx.post(url, content=body, headers=sent, trust_env=False, timeout=60).status_code

    def pushed(self, name: str, before: str) -> int:
        """Tell of a push to main."""
        return self.tell(
            "push",
            name,
            ref="refs/heads/main",
            before=before,
            after=self.main(name),
            head_commit={"message": "By hand"},
            repository__pushed_at=int(datetime.now(UTC).timestamp()),
            repository__default_branch="main",
        )

    def labelled(self, name: str, issue: int, title: str, text: str) -> int:
        """Open an issue with the label, and tell of that."""
        self.there.state.open_issue(name, issue, title, text, PERSON, ("slipway",))
        what = {"number": issue, "title": title, "body": text, "updated_at": datetime.now(UTC).isoformat()}
        return self.tell("labeled", name, label__name="slipway", **{f"issue__{key}": value for key, value in what.items()})

    def commented(self, name: str, words: str, issue: int = 1, sender: str = PERSON) -> int:
        """Tell of a comment that was written."""
        number = uuid.uuid4().int % 10**9
        what = {"body": words, "id": number, "created_at": datetime.now(UTC).isoformat()}
        return self.tell(
            "comment", name, sender, issue__number=issue, **{f"comment__{key}": text for key, text in what.items()}
        )

    def said(self, name: str, issue: int = 1) -> list[str]:
        """Return what was said at the issue, without marks."""
        return [each["body"].partition("-->\n")[2] for each in self.there.state.comments[name, issue]]

    def reach(self, http_port: int, told: str) -> None:
        """Know where Slipway is and with what to sign, from what `slipway github webhook --json` told."""
        self.http_port, self.secret = http_port, json.loads(told)["secret"]


@contextmanager
def town(folder: Path) -> Iterator[Town]:
    with github_place(folder) as there:
        yield Town(there, folder)
