"""Pull requests at GitHub. Fulfils `domain.github.Pulls`."""

from typing import Any

from blocks.github.repositories import RemoteRepositories
from blocks.github.wire import Wire
from domain.github import PullRequest
from domain.github_commands import may_write
from domain.github_permissions import PULLS

DECIDES = ("APPROVED", "CHANGES_REQUESTED", "DISMISSED")


class RemotePulls:
    """Each method is one call, and of whom approved one more for each of them."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def of_branch(self, name: str, branch: str) -> PullRequest | None:
        """Return the newest pull request of a branch of the repository, open or not; None when there is none."""
        owner, _, _ = name.partition("/")
        query = {"head": f"{owner}:{branch}", "state": "all", "per_page": "1"}
        found = await self._wire.ask("GET", name, "/pulls", PULLS, f"looking for the pull request of {branch}", query=query)
        return _pull(found[0]) if found else None

    async def open_pull(self, name: str, branch: str, base: str, title: str, body: str) -> PullRequest:
        """Ask that `branch` comes into `base`."""
        asked = {"title": title, "body": body, "head": branch, "base": base}
        return _pull(await self._wire.ask("POST", name, "/pulls", PULLS, f"the pull request of {branch} at {name}", asked))

    async def update_pull(self, name: str, number: int, title: str, body: str) -> None:
        """Give a pull request other words."""
        attempted = f"to change pull request {number} of {name}"
        await self._wire.ask("PATCH", name, f"/pulls/{number}", PULLS, attempted, {"title": title, "body": body})

    async def approved(self, name: str, number: int, commit: str) -> bool:
        """Tell whether somebody who may write approved this very commit, and nobody's last word is against it.

        `author_association` does not tell: a member who does not say so in public is a stranger there (actions/github-script,
        issue 643).
        """
        attempted = f"looking who approved pull request {number} of {name}"
        last: dict[str, dict[str, Any]] = {}
        for review in await self._wire.every(name, f"/pulls/{number}/reviews", PULLS, attempted):
            if review["state"] in DECIDES and review["user"]:
                last[review["user"]["login"]] = review
        access = RemoteRepositories(self._wire).access
        words = [review for person, review in last.items() if may_write(await access(name, person))]
        good = any(review["state"] == "APPROVED" and review["commit_id"] == commit for review in words)
        return good and all(review["state"] != "CHANGES_REQUESTED" for review in words)


def _pull(found: dict[str, Any]) -> PullRequest:
    return PullRequest(
        number=found["number"],
        url=found["html_url"],
        title=found["title"],
        body=found.get("body") or "",
        open=found["state"] == "open",
        branch=found["head"]["ref"],
        commit=found["head"]["sha"],
    )
