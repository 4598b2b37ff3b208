"""What a resource's container says of itself: how it is, where it listens, and whether it is what is wanted now."""

from collections.abc import Mapping

from blocks.docker_engine.containers import Container
from blocks.resource_clients import endpoint_at
from domain.resources import ResourceKind, ResourceSpec, ResourceState, ResourceStatus, url_of

PORTS = {ResourceKind.POSTGRES: 5432, ResourceKind.REDIS: 6379}
STATES = {"running": ResourceState.RUNNING, "restarting": ResourceState.RESTARTING}


def environment_of(found: Container) -> dict[str, str]:
    """Return what it was started with, its password too."""
    return dict(line.split("=", 1) for line in found["Config"]["Env"])


def fits(found: Container, spec: ResourceSpec, network: str, image: str) -> bool:
    """Tell whether the container has the password that is wanted, the image of now, and the network that its project has."""
    on = {each["NetworkID"] for each in found["NetworkSettings"]["Networks"].values()}
    wanted = (image, spec.password.get_secret_value())
    same = (found["Config"]["Image"], environment_of(found)["PASSWORD"]) == wanted
    return same and (network in on or network == found["HostConfig"]["NetworkMode"])


def address_of(found: Container) -> str:
    """Return its address on the project's network; empty while it has none."""
    return next((each["IPAddress"] for each in found["NetworkSettings"]["Networks"].values() if each["IPAddress"]), "")


def own_url(found: Container) -> str:
    """Return where Slipway itself reaches it, with its password."""
    kind = ResourceKind(found["Config"]["Labels"]["slipway.resource"])
    return url_of(kind, endpoint_at(kind, address_of(found), PORTS[kind]), environment_of(found)["PASSWORD"])


def libpq(found: Container) -> Mapping[str, str]:
    """Return libpq's variables for a program inside the container."""
    return {
        "PGHOST": "127.0.0.1",
        "PGUSER": "app",
        "PGDATABASE": "app",
        "PGPASSWORD": environment_of(found)["PASSWORD"],
    }


def status_of(found: Container) -> ResourceStatus:
    """Return how it is."""
    marks = found["Config"]["Labels"]
    return ResourceStatus(
        identity=marks["slipway.identity"],
        project=marks["slipway.project"],
        kind=ResourceKind(marks["slipway.resource"]),
        run=marks["slipway.run"],
        scratch_of=marks["slipway.scratch_of"],
        state=STATES.get(found["State"]["Status"], ResourceState.STOPPED),
        restarts=found["RestartCount"],
    )
