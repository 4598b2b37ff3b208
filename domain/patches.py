"""Commits and what they change."""

from pydantic import Field

from domain.values import Value

PLATFORM_FILES = frozenset({"Dockerfile", "app.json", "Procfile", ".dockerignore"})
PLATFORM_FOLDERS = (".github/workflows/",)
"""What belongs to the platform: a change that touches these is refused."""


class Commit(Value):
    sha: str = Field(pattern=r"^[0-9a-f]{40}$")
    parent: str | None
    changed: bool


class ChangedFile(Value):
    path: str
    added: int
    removed: int


class Patch(Value):
    base: str | None
    commit: str
    files: tuple[ChangedFile, ...]
    diff: str = ""
    """Unified diff, cut to a known length with the cut marked."""


def is_locked(path: str) -> bool:
    return path in PLATFORM_FILES or path.startswith(PLATFORM_FOLDERS)


def locked_files(patch: Patch) -> tuple[str, ...]:
    """Return the platform files that the patch touches."""
    return tuple(file.path for file in patch.files if is_locked(file.path))
