"""The Prefect events by which a watch says what is not well; automations listen to them."""

from prefect.events import emit_event

from domain.releases import Release
from domain.values import Value

UNHEALTHY = "slipway.release.unhealthy"
RECOVERED = "slipway.release.recovered"
CUT_OFF = "slipway.release.cut-off"
ALIVE = "slipway.watch.alive"
PLATFORM = "slipway.watch.platform"


class Probe(Value):
    """What one look at a release showed; `complaint` is empty when it is well."""

    release: Release
    complaint: str = ""
    is_outside: bool = False
    """The release is not at fault, and none is taken back."""


def emit(event: str, probe: Probe) -> None:
    """Send a Prefect event about the release; the automation that rolls back listens to it."""
    release = probe.release
    emit_event(
        event,
        resource={
            "prefect.resource.id": f"slipway.release.{release.project}.{release.number}",
            "prefect.resource.name": release.identity,
            "slipway.project": release.project,
        },
        payload={"release": release.number, "project": release.project, "reason": probe.complaint},
    )


def emit_platform(unwell: int, watched: int) -> None:
    """Say that most apps are unwell at once; an automation raises the alarm, and no release is taken back for it."""
    emit_event(PLATFORM, resource={"prefect.resource.id": "slipway.watch"}, payload={"unwell": unwell, "watched": watched})


def emit_alive() -> None:
    """Say that somebody watches; an automation raises the alarm when this stays away."""
    emit_event(ALIVE, resource={"prefect.resource.id": "slipway.watch"})
