"""What an app answered against what a check expects: part-of matching, saved values and their places."""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field, JsonValue

from domain.checks import HttpStep
from domain.json_text import read_json
from domain.values import Value

_NAME = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_ABSENT = object()


class HttpAnswer(Value):
    """What came back for one step. Header names are lower case; repeated ones are joined by a comma."""

    status: int
    headers: dict[str, str] = Field(default_factory=dict)
    body: str = ""

    def json_body(self) -> Any:
        """Return the body as JSON; raise ValueError when it is none."""
        return read_json(self.body)


class Saved(Value):
    """A value taken from an answer."""

    value: JsonValue


class NotThere(Value):
    """Why a value could not be taken."""

    complaint: str


def mismatch(part: JsonValue, whole: JsonValue, path: str = "$") -> str | None:
    """Say where `whole` lacks `part`, naming the path; None when it is a part of it.

    Objects are compared by key and may hold more; lists by position and may be longer, but `[]` wants an empty
    list, since nothing else could; scalars are equal, where `true` is not 1 and 1 is 1.0.
    """
    if isinstance(part, dict):
        return _object_mismatch(part, whole, path)
    if isinstance(part, list):
        return _list_mismatch(part, whole, path)
    same_kind = isinstance(part, bool) == isinstance(whole, bool)
    return None if same_kind and part == whole else f"{path} is {_shown(whole)}, expected {_shown(part)}"


def complaint(step: HttpStep, answer: HttpAnswer) -> str | None:
    """Say the first thing that is wrong with the answer; None when it is as expected."""
    if answer.status != step.expect_status:
        return f"status is {answer.status}, expected {step.expect_status}"
    for name, wanted in step.expect_headers.items():
        found = answer.headers.get(name.lower())
        if found is None or wanted.lower() not in found.lower():
            return f"header {name} is {_shown(found)}, expected it to hold {_shown(wanted)}"
    for text in step.expect_contains:
        if text not in answer.body:
            return f"the body does not hold {_shown(text)}"
    return None if step.expect_json is None else _json_complaint(step.expect_json, answer)


def unsaved(step: HttpStep, saved: Mapping[str, JsonValue]) -> tuple[str, ...]:
    """Return the names that the step uses and no earlier step has saved."""
    used = _NAME.findall(json.dumps(step.model_dump(mode="json", exclude={"save"}), ensure_ascii=False))
    return tuple(sorted(set(used) - set(saved)))


def substituted(step: HttpStep, saved: Mapping[str, JsonValue]) -> HttpStep:
    """Replace `${name}` in path, headers, bodies and expectations; names that were not saved stay as they are.

    A JSON text that is nothing but `${name}` becomes the saved value itself, so a saved number stays a number.
    """
    fields = step.model_dump(exclude={"save"})
    replaced = {name: _replaced(value, saved, keep_type=name in ("json_body", "expect_json")) for name, value in fields.items()}
    replaced["path"] = target(str(replaced["path"]))
    return HttpStep.model_validate({**replaced, "save": step.save})


def target(path: str) -> str:
    """Return path and query of a path or an absolute URL: a check never leaves its app, wherever a Location points."""
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", path):
        parts = urlsplit(path)
        path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    path = path.partition("#")[0]
    return path if path.startswith(("/", "${")) else f"/{path}"


def taken(rule: str, answer: HttpAnswer) -> Saved | NotThere:
    """Take a value from an answer by its rule: `json:a.0.b`, `header:location` or `status`."""
    place, _, name = rule.partition(":")
    if rule == "status":
        return Saved(value=answer.status)
    if place == "header" and name:
        found = answer.headers.get(name.lower())
        return NotThere(complaint=f"there is no header {name!r} to save") if found is None else Saved(value=found)
    if place == "json":
        return _taken_from_json(name, answer)
    return NotThere(complaint=f"{rule!r} is no place to save from: use json:a.0.b, header:location or status")


def _taken_from_json(path: str, answer: HttpAnswer) -> Saved | NotThere:
    try:
        value = answer.json_body()
    except ValueError:
        return NotThere(complaint=f"the body is not JSON, so json:{path} cannot be saved")
    for key in path.split(".") if path else ():
        value = _member(value, key)
        if value is _ABSENT:
            return NotThere(complaint=f"the JSON answer has no {path!r} to save: {key!r} is missing")
    return Saved(value=value)


def _member(value: Any, key: str) -> Any:
    if isinstance(value, dict):
        return value.get(key, _ABSENT)
    if isinstance(value, list) and key.isascii() and key.isdigit() and int(key) < len(value):
        return value[int(key)]
    return _ABSENT


def _object_mismatch(part: dict[str, JsonValue], whole: JsonValue, path: str) -> str | None:
    if not isinstance(whole, dict):
        return f"{path} is {_shown(whole)}, expected an object"
    for key, wanted in part.items():
        if key not in whole:
            return f"{path}.{key} is missing, expected {_shown(wanted)}"
        found = mismatch(wanted, whole[key], f"{path}.{key}")
        if found:
            return found
    return None


def _list_mismatch(part: list[JsonValue], whole: JsonValue, path: str) -> str | None:
    if not isinstance(whole, list):
        return f"{path} is {_shown(whole)}, expected a list"
    if len(whole) < len(part) or (whole and not part):
        return f"{path} has {len(whole)} item(s), expected {'at least ' if part else ''}{len(part)}"
    found = (mismatch(wanted, whole[place], f"{path}[{place}]") for place, wanted in enumerate(part))
    return next((text for text in found if text), None)


def _json_complaint(wanted: JsonValue, answer: HttpAnswer) -> str | None:
    try:
        whole = answer.json_body()
    except ValueError:
        return "the body is not JSON"
    return mismatch(wanted, whole)


def _replaced(value: Any, saved: Mapping[str, JsonValue], *, keep_type: bool) -> Any:
    if isinstance(value, str):
        whole = _NAME.fullmatch(value)
        if whole and keep_type and whole[1] in saved:
            return saved[whole[1]]
        return _NAME.sub(lambda found: _as_text(saved.get(found[1], found[0])), value)
    if isinstance(value, dict):
        return {key: _replaced(item, saved, keep_type=keep_type) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_replaced(item, saved, keep_type=keep_type) for item in value]
    return value


def _as_text(value: JsonValue) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _shown(value: Any) -> str:
    text = "nothing" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 160 else f"{text[:160]}..."
