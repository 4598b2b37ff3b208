"""Checks, statuses, deployments and releases at GitHub. Fulfils `domain.github.Reports`.

Each thing is found again by an identity that was given to it at birth, so that who was killed half way makes no second one.
"""

from typing import Any

from blocks.github_wire import Wire, segment
from domain.github import CHECK, CHECKS, CONTENTS, DEPLOYMENTS, STATUSES, CommitCheck, DeploymentState

ENVIRONMENT = "production"
AT_ONCE = 50
"""Annotations that one call takes."""


class RemoteReports:
    """Each method looks for what is there, then makes or changes it."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def report(self, name: str, check: CommitCheck) -> None:
        """Let one check run with the check's identity say this; a personal token, which may make none, sets a status."""
        if not self._wire.access.makes_checks:
            await self._status(name, check)
            return
        query = {"check_name": CHECK, "per_page": "100"}
        attempted = f"the check of {check.commit[:12]} at {name}"
        found = await self._wire.ask("GET", name, f"/commits/{check.commit}/check-runs", CHECKS, attempted, query=query)
        known = next((each for each in (found or {}).get("check_runs", ()) if each["external_id"] == check.run), None)
        there = known["output"]["annotations_count"] if known else 0
        rest = check.annotations[there:]  # a process that was killed may have sent some
        if known is None:
            born = {"name": CHECK, "head_sha": check.commit, "external_id": check.run, **_said(check, rest[:AT_ONCE])}
            known, rest = await self._wire.ask("POST", name, "/check-runs", CHECKS, attempted, born), rest[AT_ONCE:]
        elif not rest and known["conclusion"] != check.conclusion:
            await self._wire.ask("PATCH", name, f"/check-runs/{known['id']}", CHECKS, attempted, _said(check, ()))
        while rest:
            body, rest = _said(check, rest[:AT_ONCE]), rest[AT_ONCE:]
            await self._wire.ask("PATCH", name, f"/check-runs/{known['id']}", CHECKS, attempted, body)

    async def _status(self, name: str, check: CommitCheck) -> None:
        state = {"success": "success", "failure": "failure", "neutral": "success"}[check.conclusion]
        body = {"state": state, "context": CHECK, "description": check.title[:140]}
        if check.details_url:
            body["target_url"] = check.details_url
        await self._wire.ask("POST", name, f"/statuses/{check.commit}", STATUSES, f"the status of {check.commit[:12]}", body)

    async def deployed(self, name: str, commit: str, run: str, state: DeploymentState, address: str) -> None:
        """Let one deployment with the run's identity have this state and address."""
        attempted = f"the deployment of {commit[:12]} at {name}"
        query = {"sha": commit, "environment": ENVIRONMENT, "per_page": "100"}
        found = await self._wire.ask("GET", name, "/deployments", DEPLOYMENTS, attempted, query=query)
        known = next((each for each in found or () if each["payload"] == {"run": run}), None)
        if known is None:
            known = await self._wire.ask("POST", name, "/deployments", DEPLOYMENTS, attempted, _deployment(commit, run))
        rest = f"/deployments/{known['id']}/statuses"
        said = await self._wire.ask("GET", name, rest, DEPLOYMENTS, attempted, query={"per_page": "1"})
        if said and said[0]["state"] == state:
            return
        body = {"state": state, "environment_url": address, "auto_inactive": True}
        await self._wire.ask("POST", name, rest, DEPLOYMENTS, attempted, body)

    async def released(self, name: str, commit: str, tag: str, title: str, body: str) -> None:
        """Publish a release of a commit that is there, by a tag that GitHub makes with it; nothing happens when it has one."""
        attempted = f"the release {tag} at {name}"
        if await self._wire.ask("GET", name, f"/releases/tags/{segment(tag)}", CONTENTS, attempted) is None:
            said = {"tag_name": tag, "target_commitish": commit, "name": title, "body": body}
            await self._wire.ask("POST", name, "/releases", CONTENTS, attempted, said)


def _said(check: CommitCheck, annotations: tuple[Any, ...]) -> dict[str, Any]:
    output = {
        "title": check.title,
        "summary": check.summary,
        "annotations": [
            {
                "path": each.path,
                "start_line": each.line,
                "end_line": each.line,
                "annotation_level": "failure",
                "title": each.title,
                "message": each.message,
            }
            for each in annotations
        ],
    }
    details = {"details_url": check.details_url} if check.details_url else {}
    return {"status": "completed", "conclusion": check.conclusion, "output": output, **details}


def _deployment(commit: str, run: str) -> dict[str, Any]:
    """Return the wish for a deployment; `required_contexts` empty: what stands is a fact, whatever else runs there."""
    return {
        "ref": commit,
        "environment": ENVIRONMENT,
        "payload": {"run": run},
        "auto_merge": False,
        "required_contexts": [],
        "description": f"Slipway run {run}",
    }
