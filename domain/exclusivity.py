"""Kinds whose copies must not run side by side: what serves stops first, and comes back if the new one fails.

What rests stays the live release: its row says that it does (`Release.rests`), so whoever finds it so after a kill knows what
to bring back.
"""

from collections.abc import Sequence

from domain.environment import EnvironmentVersion
from domain.releases import Release, ReleaseState
from domain.values import Value


class Exclusivity(Value):
    """What a kind says of its copies."""

    exclusive: bool = False
    unless: str = ""
    """Name of a variable with which they may run side by side all the same."""

    def is_alone(self, version: EnvironmentVersion | None) -> bool:
        """Tell whether a copy with this environment bears no other beside it; one that nobody knows bears none."""
        if not self.exclusive or not self.unless or version is None:
            return self.exclusive
        return self.unless not in version.secrets and not version.plain.get(self.unless)


def own(releases: Sequence[Release], run: str) -> Release | None:
    """Return the release that the run has made, if it has."""
    return next((release for release in releases if release.run == run), None)


def is_judged(releases: Sequence[Release], run: str) -> bool:
    """Tell whether the run's own release needs no room any more: it serves, has failed, or another has replaced it."""
    mine = own(releases, run)
    return mine is not None and mine.state is not ReleaseState.STARTING
