"""Checks, statuses, deployments and releases at GitHub. Fulfils `domain.github.Reports`.

Each thing is found again by an identity that was given to it at birth, so that who was killed half way makes no second one.
"""

from typing import Any

from blocks.github.wire import Wire, segment
from domain.github import CHECK, CommitCheck, Deployment
from domain.github_permissions import CHECKS, CONTENTS, DEPLOYMENTS, STATUSES

ENVIRONMENT, ACTIVE = "production", "success"
RECENT = "10"
"""So many deployments are looked at for one that was active until now."""
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
        query, rest = {"check_name": CHECK, "filter": "all"}, f"/commits/{check.commit}/check-runs"
        attempted = f"the check of {check.commit[:12]} at {name}"
        found = await self._wire.every(name, rest, CHECKS, attempted, query, of="check_runs")
        known = next((each for each in found if each["external_id"] == check.run), None)
        there = known["output"]["annotations_count"] if known else 0
        left = check.annotations[there:]  # a process that was killed may have sent some
        if known is None:
            born = {"name": CHECK, "head_sha": check.commit, "external_id": check.run, **_said(check, left[:AT_ONCE])}
            known, left = await self._wire.ask("POST", name, "/check-runs", CHECKS, attempted, born), left[AT_ONCE:]
        elif not left and (known["conclusion"], known["output"]["title"]) != (check.conclusion, check.title):
            await self._wire.ask("PATCH", name, f"/check-runs/{known['id']}", CHECKS, attempted, _said(check, ()))
        while left:
            body, left = _said(check, left[:AT_ONCE]), left[AT_ONCE:]
            await self._wire.ask("PATCH", name, f"/check-runs/{known['id']}", CHECKS, attempted, body)

    async def _status(self, name: str, check: CommitCheck) -> None:
        """Set it where it is another: GitHub takes a thousand of one name at a commit."""
        attempted = f"the status of {check.commit[:12]} at {name}"
        state = {"success": "success", "failure": "failure", "neutral": "pending"}[check.conclusion]
        body = {"state": state, "context": CHECK, "description": check.title[:140].strip()}
        if check.details_url:
            body["target_url"] = check.details_url
        there = await self._wire.every(name, f"/commits/{check.commit}/status", STATUSES, attempted, of="statuses")
        if not any(body.items() <= each.items() for each in there):
            await self._wire.ask("POST", name, f"/statuses/{check.commit}", STATUSES, attempted, body)

    async def is_deployed(self, name: str, deployment: Deployment) -> bool:
        """Tell whether GitHub shows this deployment as the active one."""
        known = await self._deployment(name, deployment)
        return known is not None and await self._state(name, known) == ACTIVE

    async def deployed(self, name: str, deployment: Deployment) -> None:
        """Let this deployment be there once, and be the active one: GitHub ends no earlier one in production by itself."""
        attempted = _deploying(name, deployment)
        known = await self._deployment(name, deployment)
        if known is None:
            known = await self._wire.ask("POST", name, "/deployments", DEPLOYMENTS, attempted, _wish(deployment))
        query = {"environment": ENVIRONMENT, "per_page": RECENT}
        for each in await self._wire.ask("GET", name, "/deployments", DEPLOYMENTS, attempted, query=query) or ():
            if each["id"] != known["id"] and await self._state(name, each) == ACTIVE:
                await self._set_state(name, each, {"state": "inactive"})
        if await self._state(name, known) != ACTIVE:
            await self._set_state(name, known, {"state": ACTIVE, "environment_url": deployment.address})

    async def _deployment(self, name: str, deployment: Deployment) -> dict[str, Any] | None:
        query = {"sha": deployment.commit, "environment": ENVIRONMENT}
        found = await self._wire.every(name, "/deployments", DEPLOYMENTS, _deploying(name, deployment), query)
        return next((each for each in found if each["payload"] == _identity(deployment)), None)

    async def _state(self, name: str, known: dict[str, Any]) -> str:
        """Return the newest state of a deployment; nothing when it has none."""
        rest, attempted = f"/deployments/{known['id']}/statuses", f"looking at deployment {known['id']} of {name}"
        said = await self._wire.ask("GET", name, rest, DEPLOYMENTS, attempted, query={"per_page": "1"})
        return str(said[0]["state"]) if said else ""

    async def _set_state(self, name: str, known: dict[str, Any], body: dict[str, Any]) -> None:
        rest, attempted = f"/deployments/{known['id']}/statuses", f"to change deployment {known['id']} of {name}"
        await self._wire.ask("POST", name, rest, DEPLOYMENTS, attempted, body)

    async def released(self, name: str, tag: str, title: str, body: str) -> None:
        """Publish a release of a tag that is there; nothing happens when it has one."""
        attempted = f"the release {tag} at {name}"
        if await self._wire.ask("GET", name, f"/releases/tags/{segment(tag)}", CONTENTS, attempted) is None:
            await self._wire.ask("POST", name, "/releases", CONTENTS, attempted, {"tag_name": tag, "name": title, "body": body})


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


def _deploying(name: str, deployment: Deployment) -> str:
    return f"the deployment of {deployment.commit[:12]} at {name}"


def _identity(deployment: Deployment) -> dict[str, str]:
    return {"run": deployment.run, "since": deployment.since.isoformat()}


def _wish(deployment: Deployment) -> dict[str, Any]:
    """Return the wish for a deployment; `required_contexts` empty: what stands is a fact, whatever else runs there."""
    return {
        "ref": deployment.commit,
        "environment": ENVIRONMENT,
        "payload": _identity(deployment),
        "auto_merge": False,
        "required_contexts": [],
        "description": f"Slipway run {deployment.run}",
    }
