"""What is known of a project's secrets without any value: versions, their ages and lengths, who uses them, what is wrong."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from domain.complaints import Complaint
from domain.environment import EnvironmentVersion
from domain.releases import Release, ReleaseState
from domain.values import Value

SECRET_LIMIT = 32_768
"""Characters of one secret."""

PATIENCE = timedelta(days=1)
"""How long a replaced value is kept although nobody uses it: a deploy that chose it may be about to start it."""

STARTABLE = (ReleaseState.STARTING, ReleaseState.LIVE, ReleaseState.DRAINING, ReleaseState.KEPT)
"""States in which a release may be started again, with its own environment."""


class SecretInfo(Value):
    """One stored version of one secret."""

    key: str
    version: int
    reference: str
    """Where its value lies."""
    made: datetime
    length: int | None = None
    """In characters; None of one that was stored before lengths were written down."""
    generated: bool = False
    """Slipway made it up; else a person gave it."""
    unchecked: bool = False
    """Its person wants it used whatever it looks like."""
    complaint: Complaint | None = None


def newest(infos: Iterable[SecretInfo]) -> dict[str, SecretInfo]:
    """Return the version of each key that a new release gets."""
    return {info.key: info for info in sorted(infos, key=lambda info: info.version)}


def usable(infos: Iterable[SecretInfo]) -> tuple[str, ...]:
    """Return the keys, sorted, whose newest value nobody complained of."""
    return tuple(sorted(key for key, info in newest(infos).items() if info.complaint is None))


def users(reference: str, releases: Iterable[Release], environments: Mapping[int, EnvironmentVersion]) -> tuple[Release, ...]:
    """Return the releases that may be started again and would be given this value, newest first."""
    found = [
        release
        for release in releases
        if release.state in STARTABLE
        and (version := environments.get(release.environment_version)) is not None
        and reference in version.secrets.values()
    ]
    return tuple(sorted(found, key=lambda release: release.number, reverse=True))


def superseded(infos: Sequence[SecretInfo], used: Collection[str], now: datetime) -> tuple[SecretInfo, ...]:
    """Return the versions that may go: a newer one is there for some time, and no release needs them."""
    gone = []
    for info in infos:
        newer = [other.made for other in infos if other.key == info.key and other.version > info.version]
        if newer and now - min(newer) > PATIENCE and info.reference not in used:
            gone.append(info)
    return tuple(gone)
