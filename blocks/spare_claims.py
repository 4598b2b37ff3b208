"""Whose a claimed spare worker is: one symbolic link a container, with the claim as its text.

A link is made together with its text, in one step, or not at all because there is one: of many processes one has the container,
and wherever one of them is killed the file is whole. Labels could not say it, since a container keeps those of its birth; nor
could a name, since the engine lets a second process rename what the first has just renamed.
"""

import os
from pathlib import Path

from domain.values import Value


class Claim(Value):
    """For whom a container was taken; without an identity: to be removed."""

    container: str
    identity: str = ""
    project: str = ""
    run: str = ""
    role: str = ""


class SpareClaims:
    """The claims of one installation, all of whose processes are on this machine."""

    def __init__(self, data_folder: Path) -> None:
        self._folder = data_folder / "claims"

    def take(self, claim: Claim) -> bool:
        """Tell whether the container is its now; the same claim again has what it had."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            os.symlink(claim.model_dump_json(), self._folder / claim.container)
        except FileExistsError:
            return self.of(claim.container) == claim
        return True

    def of(self, container: str) -> Claim | None:
        try:
            return Claim.model_validate_json(os.readlink(self._folder / container))
        except FileNotFoundError:
            return None

    def all(self) -> dict[str, Claim]:
        """Return every claim by its container."""
        try:
            names = os.listdir(self._folder)
        except FileNotFoundError:
            return {}
        return {name: claim for name in names if (claim := self.of(name))}

    def drop(self, container: str) -> None:
        """Forget the claim of a container that is gone; nothing happens when there is none."""
        (self._folder / container).unlink(missing_ok=True)
