"""What the fake GitHub keeps about commits: check runs, statuses, deployments and releases."""

from collections import defaultdict
from typing import Any

from tests.fakes.github_rules import Call


class ReportState:
    """By repository, oldest first."""

    def __init__(self) -> None:
        self.checks: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.statuses: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.deployments: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.deployment_statuses: dict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
        self.releases: dict[str, list[dict[str, Any]]] = defaultdict(list)

    def checks_list_for_ref(self, call: Call, said: dict[str, Any]) -> Any:
        """Return them newest first; of one name only the newest, unless all are asked for."""
        found = [
            {**each, "output": {"title": each["output"]["title"], "annotations_count": len(each["output"]["annotations"])}}
            for each in self.checks[call.repository]
            if each["head_sha"] == call.places["ref"] and each["name"] == said.get("check_name", each["name"])
        ][::-1]
        if said.get("filter", "latest") == "latest":
            found = list({each["name"]: each for each in reversed(found)}.values())
        return {"total_count": len(found), "check_runs": found}

    def checks_create(self, call: Call, said: dict[str, Any]) -> Any:
        if (faults := _too_long(said)) is not None:
            return faults
        output = {"annotations": [], **said.get("output", {})}
        made = {**call.example, **said, "output": output, "id": len(self.checks[call.repository]) + 1}
        self.checks[call.repository].append(made)
        return made

    def checks_update(self, call: Call, said: dict[str, Any]) -> Any:
        """Change a check run; its annotations become more, as GitHub says they do."""
        if (faults := _too_long(said)) is not None:
            return faults
        found = self.checks[call.repository][int(call.places["check_run_id"]) - 1]
        more = said.get("output", {}).get("annotations", [])
        output = {**said.get("output", {}), "annotations": [*found["output"]["annotations"], *more]}
        found.update({**said, "output": output})
        return found

    def repos_get_combined_status_for_ref(self, call: Call, _: dict[str, Any]) -> Any:
        """Return the newest of each context."""
        there = [each for each in self.statuses[call.repository] if each["sha"] == call.places["ref"]]
        newest = {each["context"]: {"target_url": None, **each} for each in there}
        return {**call.example, "statuses": list(newest.values()), "total_count": len(newest)}

    def repos_create_commit_status(self, call: Call, said: dict[str, Any]) -> Any:
        self.statuses[call.repository].append({**said, "sha": call.places["sha"]})
        return {**call.example, **said}

    def repos_list_deployments(self, call: Call, said: dict[str, Any]) -> Any:
        """Return the newest first."""
        wanted = {key: said[key] for key in ("sha", "environment") if key in said}
        every = self.deployments[call.repository]
        return [each for each in every if wanted.items() <= each.items()][::-1]

    def repos_create_deployment(self, call: Call, said: dict[str, Any]) -> Any:
        kept = {key: said[key] for key in ("ref", "environment", "payload", "description")}
        made = {**call.example, **kept, "sha": said["ref"], "id": len(self.deployments[call.repository]) + 1}
        self.deployments[call.repository].append(made)
        return made

    def repos_list_deployment_statuses(self, call: Call, _: dict[str, Any]) -> Any:
        return self.deployment_statuses[call.repository, int(call.places["deployment_id"])][::-1]

    def repos_create_deployment_status(self, call: Call, said: dict[str, Any]) -> Any:
        """Keep it. GitHub itself makes only earlier deployments inactive that are not in production: none of ours."""
        number = int(call.places["deployment_id"])
        self.deployment_statuses[call.repository, number].append(said)
        return {**call.example, **said}

    def repos_get_release_by_tag(self, call: Call, _: dict[str, Any]) -> Any:
        from tests.fakes.github_state import MISSING

        return next((each for each in self.releases[call.repository] if each["tag_name"] == call.places["tag"]), MISSING)


def _too_long(said: dict[str, Any]) -> Any:
    """Return GitHub's refusal of a summary: described as characters, and counted as bytes (github/docs, issue 35252)."""
    from tests.fakes.github_state import Answer

    if len(said.get("output", {}).get("summary", "").encode()) <= 65_535:
        return None
    fault = {"resource": "CheckRun", "code": "custom", "field": "summary"}
    words = "summary exceeds a maximum bytesize of 65535"
    return Answer(422, {"message": "Validation Failed", "errors": [{**fault, "message": words}]})
