"""What a project says of itself in app.json (Heroku's schema with Dokku's `healthchecks`)."""

import shlex
from typing import Any

from domain.errors import BadInput
from domain.json_text import read_json

DEFAULT_TEST_COMMAND = 'python -m pytest --junitxml="$REPORTS_DIR/junit.xml"'


def manifest_from(text: str) -> dict[str, Any]:
    """Return app.json as a dict, empty for an empty text; raise BadInput when it cannot be read."""
    if not text.strip():
        return {}
    try:
        manifest = read_json(text)
    except ValueError as error:
        raise BadInput(f"app.json is not valid JSON ({error}): mend it") from error
    if not isinstance(manifest, dict):
        raise BadInput("app.json must hold one JSON object: mend it")
    return manifest


def command_of_tests(manifest: dict[str, Any]) -> str:
    """Return `environments.test.scripts.test` (https://devcenter.heroku.com/articles/heroku-ci), or the default."""
    value: Any = manifest
    for key in ("environments", "test", "scripts", "test"):
        value = value.get(key) if isinstance(value, dict) else None
    return value.strip() if isinstance(value, str) and value.strip() else DEFAULT_TEST_COMMAND


def pytest_arguments(command: str) -> tuple[str, ...] | None:
    """Return what a command that only runs pytest gives it, without its report files; None for any other command."""
    try:
        words = shlex.split(command)
    except ValueError:
        return None
    for start in (["python", "-m", "pytest"], ["python3", "-m", "pytest"], ["pytest"]):
        if words[: len(start)] == start:
            rest = [word for word in words[len(start) :] if not word.startswith("--junit")]
            return None if set("".join(rest)) & _SHELL else tuple(rest)
    return None


_SHELL = frozenset("$;&|<>`\\\n*?")
"""What a shell would do something with."""


def at_the_project(command: str) -> tuple[str, ...]:
    """Return the argv that runs a shell command where the project stands.

    A worker of a prepared folder begins there; one of an image begins in its own workspace, and the project is in /app.
    """
    return ("sh", "-c", f"if [ ! -e app.json ] && [ -e /app/app.json ]; then cd /app; fi\n{command}")
