"""What the fake GitHub has and does: repositories with what stands on them. Its branches and commits are those of real git."""

import re
from base64 import b64encode
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any

from nacl.public import PrivateKey, SealedBox

from tests.fakes.git_server import git
from tests.fakes.github_access import Access
from tests.fakes.github_reports import ReportState
from tests.fakes.github_rules import Call


@dataclass(frozen=True)
class Answer:
    """What goes back."""

    status: int
    document: Any = None
    headers: dict[str, str] = field(default_factory=dict)


MISSING = Answer(404, {"message": "Not Found"})


def refused(words: str, status: int = 422) -> Answer:
    return Answer(status, {"message": words})


class State(ReportState):
    """Everything by repository, to look at and to change."""

    def __init__(self, folder: Path, access: Access) -> None:
        super().__init__()
        self.folder, self.access = folder, access
        self.login = "octocat"
        """Whose personal token it is, where there is one."""
        self.first_branch = "main"
        """How the first branch of a repository is called that is made."""
        self.organisations: set[str] = set()
        self.repositories: dict[str, dict[str, Any]] = {}
        self.made: dict[str, dict[str, Any]] = {}
        """By repository: with what words it was made."""
        self.pulls: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.reviews: dict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
        self.protected: dict[str, dict[str, Any]] = {}
        self.secrets: dict[tuple[str, str], str] = {}
        self.people: dict[tuple[str, str], str] = {}
        """By repository and login: what they may do."""
        self.invited: list[tuple[str, str, str]] = []
        self.transferred: list[tuple[str, str]] = []
        self.issues: dict[tuple[str, int], dict[str, Any]] = {}
        self.comments: dict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
        self.pusher = {"login": "wanda", "type": "User"}
        """Who pushed last, wherever."""
        self.pushed = "2026-11-28T12:00:00Z"
        """When that was."""
        self.gone = False
        """Whether what would be reacted to was taken away."""
        self.reactions: set[tuple[str, str, int, str]] = set()
        self._sealing = PrivateKey.generate()

    def answer(self, call: Call, query: dict[str, str], body: dict[str, Any], authorization: str) -> Answer:
        """Do what an operation says and return what goes back."""
        if (
            "repo" in call.places
            and call.operation != "apps/get-repo-installation"
            and call.repository not in self.repositories
        ):
            return MISSING
        said = getattr(self, re.sub(r"\W", "_", call.operation))(call, {**query, **body})
        return said if isinstance(said, Answer) else Answer(201 if "create" in call.operation else 200, said)

    def make(self, name: str, *, private: bool = True, description: str = "") -> None:
        """Make an empty repository."""
        bare = self.folder / f"{name}.git"
        bare.mkdir(parents=True)
        git(bare, "init", "-q", "--bare", "-b", self.first_branch)
        git(bare, "config", "http.receivepack", "true")
        self.repositories[name] = {"private": private, "description": description, "default_branch": self.first_branch}

    def head(self, name: str, branch: str) -> str:
        """Return a branch's commit; nothing when there is none."""
        try:
            return git(self.folder / f"{name}.git", "rev-parse", "--verify", f"{branch}^{{commit}}")
        except CalledProcessError:
            return ""

    def holds(self, name: str, branch: str, commit: str) -> bool:
        """Tell whether a commit is there and the branch has it."""
        try:
            git(self.folder / f"{name}.git", "merge-base", "--is-ancestor", commit, branch)
        except CalledProcessError:
            return False
        return True

    def opened(self, name: str, key: str) -> str:
        """Return a secret as the repository's workflows get it."""
        from base64 import b64decode

        return SealedBox(self._sealing).decrypt(b64decode(self.secrets[name, key])).decode()

    def apps_get_authenticated(self, call: Call, _: dict[str, Any]) -> Any:
        return call.example

    def users_get_authenticated(self, call: Call, _: dict[str, Any]) -> Any:
        return {**call.example, "login": self.login}

    def apps_get_repo_installation(self, call: Call, _: dict[str, Any]) -> Any:
        known = self.access.installations.get(call.places["owner"])
        return {**call.example, "id": known} if known and call.repository in self.repositories else MISSING

    def apps_get_org_installation(self, call: Call, _: dict[str, Any]) -> Any:
        known = self.access.installations.get(call.places["org"])
        return {**call.example, "id": known} if known and call.places["org"] in self.organisations else MISSING

    def apps_create_installation_access_token(self, call: Call, said: dict[str, Any]) -> Any:
        number = int(call.places["installation_id"])
        owner = next((owner for owner, known in self.access.installations.items() if known == number), "")
        if not owner:
            return MISSING
        if any(f"{owner}/{name}" not in self.repositories for name in said.get("repositories", ())):
            return refused(
                "There is at least one repository that does not exist or is not accessible to the parent installation."
            )
        text, given = self.access.give(owner, said)
        expires = f"{given.expires:%Y-%m-%dT%H:%M:%SZ}"
        return {"token": text, "expires_at": expires, "permissions": given.permissions}

    def repos_create_in_org(self, call: Call, said: dict[str, Any]) -> Any:
        return self._made(call, call.places["org"], said) if call.places["org"] in self.organisations else MISSING

    def repos_create_for_authenticated_user(self, call: Call, said: dict[str, Any]) -> Any:
        return self._made(call, self.login, said)

    def _made(self, call: Call, owner: str, said: dict[str, Any]) -> Any:
        name = f"{owner}/{said['name']}"
        if name in self.repositories:
            return refused("Repository creation failed.: name already exists on this account")
        self.made[name] = said
        self.make(name, private=said.get("private", False), description=said.get("description", ""))
        return self._repository(call, name)

    def repos_get(self, call: Call, _: dict[str, Any]) -> Any:
        return self._repository(call, call.repository)

    def _repository(self, call: Call, name: str) -> dict[str, Any]:
        facts = {"full_name": name, "html_url": f"https://github.com/{name}"}
        return {**call.example, **facts, "name": name.partition("/")[2], **self.repositories[name]}

    def repos_get_branch(self, call: Call, _: dict[str, Any]) -> Any:
        commit = self.head(call.repository, f"refs/heads/{call.places['branch']}")
        return {**call.example, "name": call.places["branch"], "commit": {"sha": commit}} if commit else MISSING

    def repos_list_activities(self, call: Call, said: dict[str, Any]) -> Any:
        """Return the last push to a reference, as the description's schema has it: its example is an older one."""
        after = self.head(call.repository, said["ref"])
        push = {"ref": said["ref"], "after": after, "timestamp": self.pushed, "actor": self.pusher, "activity_type": "push"}
        return [{key: call.example[0][key] for key in ("id", "node_id", "before")} | push]

    def repos_update_branch_protection(self, call: Call, said: dict[str, Any]) -> Any:
        if not self.head(call.repository, f"refs/heads/{call.places['branch']}"):
            return refused("Branch not found", 404)
        self.protected[call.repository] = said
        return call.example

    def git_update_ref(self, call: Call, said: dict[str, Any]) -> Any:
        name, reference = call.repository, f"refs/{call.places['ref']}"
        if not self.head(name, reference):
            return refused("Reference does not exist")
        if not self.holds(name, said["sha"], self.head(name, reference)) and not said.get("force"):
            return refused("Update is not a fast forward")
        git(self.folder / f"{name}.git", "update-ref", reference, said["sha"])
        return call.example

    def pulls_list(self, call: Call, said: dict[str, Any]) -> Any:
        owner, _, branch = said.get("head", "").partition(":")
        found = [self._pull(call.repository, each) for each in reversed(self.pulls[call.repository])]
        if said.get("state", "open") != "all":
            found = [each for each in found if each["state"] == said.get("state", "open")]
        return [each for each in found if not branch or (each["head"]["ref"] == branch and owner == call.places["owner"])]

    def pulls_create(self, call: Call, said: dict[str, Any]) -> Any:
        name = call.repository
        commit, base = self.head(name, said["head"]), self.head(name, said["base"])
        known = [each for each in self.pulls[name] if each["head"]["ref"] == said["head"]]
        if known and any(self._pull(name, each)["state"] == "open" for each in known):
            return refused(f"Validation Failed: A pull request already exists for {name.partition('/')[0]}:{said['head']}.")
        if not commit or not base or self.holds(name, base, commit):
            return refused(f"Validation Failed: No commits between {said['base']} and {said['head']}")
        number = len(self.pulls[name]) + 1
        made = {
            "number": number, "html_url": f"https://github.com/{name}/pull/{number}", "title": said["title"],
            "body": said.get("body", ""), "head": {"ref": said["head"], "sha": commit}, "base": {"ref": said["base"]},
        }  # fmt: skip
        self.pulls[name].append({**call.example, **made, "state": "open"})
        return self._pull(name, self.pulls[name][-1])

    def _pull(self, name: str, pull: dict[str, Any]) -> dict[str, Any]:
        """Return a pull request as it is now: merged once its base has its branch's commit, wherever that came from."""
        commit = self.head(name, pull["head"]["ref"]) or pull["head"]["sha"]
        merged = self.holds(name, pull["base"]["ref"], commit)
        return {**pull, "head": {**pull["head"], "sha": commit}, "state": "closed" if merged else pull["state"]}

    def pulls_update(self, call: Call, said: dict[str, Any]) -> Any:
        found = next(each for each in self.pulls[call.repository] if each["number"] == int(call.places["pull_number"]))
        found.update(said)
        return self._pull(call.repository, found)

    def pulls_list_reviews(self, call: Call, _: dict[str, Any]) -> Any:
        return self.reviews[call.repository, int(call.places["pull_number"])]

    def approve(
        self, name: str, number: int, commit: str, person: str = "anna", state: str = "APPROVED", as_: str = "MEMBER"
    ) -> None:
        """Let a person review."""
        review = {"user": {"login": person}, "state": state, "commit_id": commit, "author_association": as_}
        self.reviews[name, number].append(review)

    def repos_create_release(self, call: Call, said: dict[str, Any]) -> Any:
        """Publish a release of a tag; where there is none it would be made at the default branch."""
        if not self.head(call.repository, f"refs/tags/{said['tag_name']}"):
            return refused("this tag is not there, and would be made at another commit than was meant")
        self.releases[call.repository].append({**call.example, **said})
        return self.releases[call.repository][-1]

    def actions_get_repo_public_key(self, call: Call, _: dict[str, Any]) -> Any:
        return {**call.example, "key": b64encode(bytes(self._sealing.public_key)).decode()}

    def actions_create_or_update_repo_secret(self, call: Call, said: dict[str, Any]) -> Any:
        self.secrets[call.repository, call.places["secret_name"]] = said["encrypted_value"]
        return Answer(201, {})

    def repos_add_collaborator(self, call: Call, said: dict[str, Any]) -> Any:
        self.invited.append((call.repository, call.places["username"], said.get("permission", "push")))
        return Answer(201, call.example)

    def repos_get_collaborator_permission_level(self, call: Call, _: dict[str, Any]) -> Any:
        level = self.people.get((call.repository, call.places["username"]))
        return {**call.example, "permission": level} if level else MISSING

    def repos_transfer(self, call: Call, said: dict[str, Any]) -> Any:
        self.transferred.append((call.repository, said["new_owner"]))
        return Answer(202, call.example)

    def open_issue(
        self, name: str, number: int, title: str, body: str = "", author: str = "anna", labels: tuple[str, ...] = ()
    ) -> None:
        """Let a person open an issue."""
        said = {"title": title, "body": body, "user": {"login": author}, "labels": [{"name": each} for each in labels]}
        self.issues[name, number] = {"number": number, "state": "open", **said}

    def issues_get(self, call: Call, _: dict[str, Any]) -> Any:
        found = self.issues.get((call.repository, int(call.places["issue_number"])))
        example = {key: value for key, value in call.example.items() if key != "pull_request"}
        return {**example, **found} if found else MISSING

    def issues_list_comments(self, call: Call, _: dict[str, Any]) -> Any:
        return self.comments[call.repository, int(call.places["issue_number"])]

    def issues_create_comment(self, call: Call, said: dict[str, Any]) -> Any:
        number = sum(map(len, self.comments.values())) + 1
        where = f"https://github.com/{call.repository}/issues/{call.places['issue_number']}#issuecomment-{number}"
        made = {**call.example, "id": number, "body": said["body"], "user": {"login": "octoapp[bot]"}, "html_url": where}
        self.comments[call.repository, int(call.places["issue_number"])].append(made)
        return made

    def issues_update_comment(self, call: Call, said: dict[str, Any]) -> Any:
        every = [each for (name, _), told in self.comments.items() if name == call.repository for each in told]
        found = next((each for each in every if each["id"] == int(call.places["comment_id"])), None)
        if found is None:
            return MISSING
        found["body"] = said["body"]
        return found

    def reactions_create_for_issue(self, call: Call, said: dict[str, Any]) -> Any:
        if self.gone:
            return MISSING
        self.reactions.add((call.repository, "issue", int(call.places["issue_number"]), said["content"]))
        return {**call.example, "content": said["content"]}

    def reactions_create_for_issue_comment(self, call: Call, said: dict[str, Any]) -> Any:
        if self.gone:
            return MISSING
        self.reactions.add((call.repository, "comment", int(call.places["comment_id"]), said["content"]))
        return {**call.example, "content": said["content"]}
