"""Is a call one that GitHub describes? By its own OpenAPI description, of which `github_description.json` holds our part."""

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from jsonschema import Draft7Validator

from tests.fakes.github_description import KEPT


class NotDescribed(Exception):
    """GitHub's description does not know the call, or says that it is another."""


@dataclass(frozen=True)
class Call:
    """A call that is described: its operation, and what stands in its path."""

    operation: str
    places: dict[str, str]
    example: Any

    @property
    def repository(self) -> str:
        """Return OWNER/NAME, or the owner, or nothing."""
        owner = self.places.get("owner") or self.places.get("org") or ""
        return f"{owner}/{self.places['repo']}" if "repo" in self.places else owner


@lru_cache(maxsize=1)
def _operations() -> list[tuple[str, re.Pattern[str], dict[str, Any]]]:
    described = json.loads(KEPT.read_text())["operations"]
    return [(place.split(" ")[0], _pattern(place.split(" ")[1]), operation) for place, operation in described.items()]


def _pattern(path: str) -> re.Pattern[str]:
    """Return what a path is like; only the name of a git reference may hold slashes."""
    named = re.sub(r"\{(\w+)\}", lambda found: f"(?P<{found[1]}>{'.+' if found[1] == 'ref' else '[^/]+'})", path)
    return re.compile(named)


def described(method: str, path: str, query: dict[str, str], body: Any) -> Call:
    """Return the call; raise NotDescribed with every fault that is found."""
    matching = [
        (found, operation)
        for verb, pattern, operation in _operations()
        if verb == method and (found := pattern.fullmatch(path))
    ]
    if not matching:
        raise NotDescribed(f"{method} {path} is no operation that we have a description of")
    found, operation = min(matching, key=lambda each: len("".join(each[0].groupdict().values())))
    faults = [*_query_faults(operation, query), *_body_faults(operation, body)]
    if faults:
        raise NotDescribed(f"{method} {path}: {'; '.join(faults)}")
    places = {name: unquote(value) for name, value in found.groupdict().items()}
    return Call(operation=operation["id"], places=places, example=operation["example"])


def _query_faults(operation: dict[str, Any], query: dict[str, str]) -> list[str]:
    known = {each["name"]: each for each in operation["parameters"] if each["in"] == "query"}
    missing = [name for name, each in known.items() if each["required"] and name not in query]
    faults = [f"?{name} is missing" for name in missing] + [f"?{name} is not described" for name in query if name not in known]
    for name, text in query.items():
        if name in known:
            value: Any = int(text) if known[name]["schema"].get("type") == "integer" and text.isdigit() else text
            faults += [f"?{name}: {error.message}" for error in Draft7Validator(known[name]["schema"]).iter_errors(value)]
    return faults


def _body_faults(operation: dict[str, Any], body: Any) -> list[str]:
    if operation["body"] is None:
        return [] if body is None else ["it takes no body"]
    if body is None:
        return ["its body is missing"] if operation["body_required"] else []
    return [f"{error.json_path}: {error.message}" for error in Draft7Validator(operation["body"]).iter_errors(body)]
