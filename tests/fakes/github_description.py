"""GitHub's own description of its API, cut down to the operations that we use: what the fake checks requests with.

`github_description.json` was made of npm's `@octokit/openapi`, version 23.0.2 (MIT, Copyright 2020 Octokit contributors):

    npm pack @octokit/openapi && tar xzf octokit-openapi-*.tgz
    .venv/bin/python -m tests.fakes.github_description package

Of each operation it keeps the parameters, the request's body as a JSON schema that takes no unknown field, the statuses that
are described, and the first example of a success without its `_url` fields.
"""

import json
import sys
from pathlib import Path
from typing import Any

KEPT = Path(__file__).with_name("github_description.json")
SOURCE = "generated/api.github.com.json"

USED = """
GET /app
GET /app/installations/{installation_id}
POST /app/installations/{installation_id}/access_tokens
GET /repos/{owner}/{repo}/installation
GET /orgs/{org}/installation
GET /user
POST /orgs/{org}/repos
POST /user/repos
GET /repos/{owner}/{repo}
GET /repos/{owner}/{repo}/activity
GET /repos/{owner}/{repo}/branches/{branch}
PUT /repos/{owner}/{repo}/branches/{branch}/protection
PATCH /repos/{owner}/{repo}/git/refs/{ref}
GET /repos/{owner}/{repo}/pulls
POST /repos/{owner}/{repo}/pulls
GET /repos/{owner}/{repo}/pulls/{pull_number}
PATCH /repos/{owner}/{repo}/pulls/{pull_number}
GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews
GET /repos/{owner}/{repo}/compare/{basehead}
GET /repos/{owner}/{repo}/commits/{ref}/check-runs
POST /repos/{owner}/{repo}/check-runs
PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}
GET /repos/{owner}/{repo}/commits/{ref}/status
POST /repos/{owner}/{repo}/statuses/{sha}
GET /repos/{owner}/{repo}/deployments
POST /repos/{owner}/{repo}/deployments
GET /repos/{owner}/{repo}/deployments/{deployment_id}/statuses
POST /repos/{owner}/{repo}/deployments/{deployment_id}/statuses
GET /repos/{owner}/{repo}/releases/tags/{tag}
POST /repos/{owner}/{repo}/releases
GET /repos/{owner}/{repo}/actions/secrets/public-key
PUT /repos/{owner}/{repo}/actions/secrets/{secret_name}
PUT /repos/{owner}/{repo}/collaborators/{username}
GET /repos/{owner}/{repo}/collaborators/{username}/permission
POST /repos/{owner}/{repo}/transfer
GET /repos/{owner}/{repo}/issues/{issue_number}
GET /repos/{owner}/{repo}/issues/{issue_number}/comments
POST /repos/{owner}/{repo}/issues/{issue_number}/comments
PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}
POST /repos/{owner}/{repo}/issues/{issue_number}/reactions
POST /repos/{owner}/{repo}/issues/comments/{comment_id}/reactions
"""


def trimmed(whole: dict[str, Any]) -> dict[str, Any]:
    """Return the operations that are used, by method and path."""
    lines = [line.split(" ", 1) for line in USED.strip().splitlines()]
    kept = {f"{method} {path}": _operation(whole, whole["paths"][path], method.lower()) for method, path in lines}
    return {"source": f"@octokit/openapi {whole['info']['version']}, MIT", "operations": kept}


def _operation(whole: dict[str, Any], place: dict[str, Any], method: str) -> dict[str, Any]:
    described = place[method]
    parameters = [_plain(whole, each) for each in (*place.get("parameters", ()), *described.get("parameters", ()))]
    body = described.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    return {
        "id": described["operationId"],
        "parameters": [
            {"name": each["name"], "in": each["in"], "required": each.get("required", False), "schema": each["schema"]}
            for each in parameters
        ],
        "body": _plain(whole, body) if body else None,
        "body_required": described.get("requestBody", {}).get("required", False),
        "statuses": sorted(described["responses"]),
        "example": _example(whole, described["responses"]),
    }


def _example(whole: dict[str, Any], responses: dict[str, Any]) -> Any:
    success = next((responses[status] for status in sorted(responses) if status.startswith("2")), {})
    content = _plain(whole, success, closed=False, deep=False).get("content", {}).get("application/json", {})
    examples = [_plain(whole, each, closed=False).get("value") for each in content.get("examples", {}).values()]
    first = examples[0] if examples else None
    if isinstance(first, dict) and "$ref" in first:  # GitHub refers from within a value, too
        first = _found(whole, first["$ref"])["value"]
    return _short(first)


def _short(node: Any) -> Any:
    """Return an example without the addresses of other calls: most of its bytes, and nothing that we read."""
    if isinstance(node, list):
        return [_short(each) for each in node]
    if not isinstance(node, dict):
        return node
    return {key: _short(value) for key, value in node.items() if not key.endswith("_url") or key == "html_url"}


def _plain(whole: dict[str, Any], node: Any, *, closed: bool = True, deep: bool = True) -> Any:
    """Return the node as JSON schema: references put in, `nullable` as a type, objects closed, words for people left out."""
    if isinstance(node, list):
        return [_plain(whole, each, closed=closed) for each in node]
    if not isinstance(node, dict):
        return node
    if isinstance(node.get("$ref"), str):
        return _plain(whole, _found(whole, node["$ref"]), closed=closed, deep=deep)
    if not deep or not closed:
        return node
    made = {key: _plain(whole, value) for key, value in node.items() if key not in WORDS or not isinstance(value, str)}
    if made.pop("nullable", False) is True and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
        made = {key: [*value, None] if key == "enum" else value for key, value in made.items()}
    if isinstance(made.get("properties"), dict) and made.get("type") in ("object", ["object", "null"]):
        made.setdefault("additionalProperties", False)
    return made


WORDS = ("description", "x-githubCloudOnly", "title", "example", "format")


def _found(whole: dict[str, Any], reference: str) -> Any:
    node: Any = whole
    for step in reference.removeprefix("#/").split("/"):
        node = node[step.replace("~1", "/").replace("~0", "~")]
    return node


if __name__ == "__main__":
    text = json.dumps(trimmed(json.loads((Path(sys.argv[1]) / SOURCE).read_text())), sort_keys=True, indent=1)
    KEPT.write_text(f"{text}\n")
