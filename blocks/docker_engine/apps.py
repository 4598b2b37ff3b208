"""Releases and rehearsals in containers: on their project's own network, with no published port."""

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from blocks.docker_engine.commands import WORKER_UID
from blocks.docker_engine.connection import DockerConnection
from blocks.docker_engine.containers import Container, DockerContainers, container_name, hardening, labels, moment, tmpfs
from blocks.docker_engine.data import DockerData
from blocks.docker_engine.networks import DockerNetworks
from blocks.docker_engine.volumes import DATA, DockerVolumes
from domain.errors import UnknownObject
from domain.workers import AppSpec, AppState, AppStatus, filled

RESTARTS = 5
"""How often the engine restarts a release that ended with an error."""

# Heroku gives a process type's line to a shell. Where the line is one command, that command takes the shell's place (`env`
# understands leading assignments), so that SIGTERM reaches it; a compound line has to `exec` its last command itself.
PROCFILE = """
if [ "$1" ]; then
  first=$(sed -n "s/^$1:[[:space:]]*//p" Procfile | head -n 1)
  if [ "$first" ]; then sh -c "$first" || exit; fi
fi
line=$(sed -n "s/^$0:[[:space:]]*//p" Procfile | head -n 1)
[ "$line" ] || { echo "the Procfile has no process type $0" >&2; exit 1; }
case $line in
  *[\\;\\&\\|\\(\\`]* | *"exec "*) exec sh -c "$line" ;;
  *) exec sh -c "exec env $line" ;;
esac
"""

YOUNG = re.compile(r"Up (Less than a second|\d+ seconds?)\b")
"""What the engine's list says of a container that was started within the last minute."""
STATES = {"running": AppState.RUNNING, "paused": AppState.RUNNING, "restarting": AppState.RESTARTING}


class DockerApps:
    """Runs the apps of one installation."""

    def __init__(
        self,
        connection: DockerConnection,
        networks: DockerNetworks,
        volumes: DockerVolumes,
        data: DockerData,
        installation: str,
    ) -> None:
        self._connection = connection
        self._networks = networks
        self._volumes = volumes
        self._data = data
        self._installation = installation
        self._containers = DockerContainers(connection, installation, "app")

    async def start(self, spec: AppSpec) -> AppStatus:
        """Start it or adopt it; one of another candidate is replaced, and one that rested while its network was deleted."""
        network = await self._networks.of_project(spec.project)
        found = await self._containers.find(spec.identity)
        if found is not None and not fits(found, spec, network):
            await self._containers.remove(spec.identity)
            found = None
        if found is None:
            await self._containers.create(spec.identity, await self._settings(spec, network))
        if found is None or not found["State"]["Running"]:
            await self._containers.start(spec.identity)
        return await self.status(spec.identity)

    async def resume(self, identity: str) -> AppStatus:
        if await self._containers.find(identity) is None:
            raise UnknownObject("app", identity)
        await self._containers.start(identity)
        return await self.status(identity)

    async def stop(self, identity: str, seconds: float) -> None:
        """Stop it for good: the engine's restarts end with it too. Nothing happens when it is gone."""
        if await self._containers.find(identity) is not None:
            name = container_name(self._installation, identity)
            await self._connection.ask(f"stopping {name}", lambda api: api.stop(name, timeout=max(0, round(seconds))))

    async def remove(self, identity: str) -> None:
        """Delete the copy and what is its own, and with the last container of a project its network; its data stays."""
        found = await self._containers.remove(identity)
        if found is None or found["Config"]["Labels"]["slipway.role"] == "preview":
            await self._volumes.remove(self._volumes.own(identity))
        if found is not None:
            await self._networks.remove_of_project(found["Config"]["Labels"]["slipway.project"])

    async def status(self, identity: str) -> AppStatus:
        found = await self._containers.find(identity)
        return status_of(found) if found is not None else AppStatus(identity=identity, state=AppState.GONE)

    async def apps(self, project: str | None) -> Sequence[AppStatus]:
        """Ask once for all, and inspect only what does not run quietly, that is since more than a minute."""
        listed = await self._containers.labelled(project=project)
        statuses = await asyncio.gather(*(self._listed(container) for container in listed))
        return [status for status in statuses if status.state is not AppState.GONE]

    async def _listed(self, container: Container) -> AppStatus:
        if container["State"] == "running" and not YOUNG.match(container["Status"]):
            return quiet_status_of(container)
        return await self.status(container["Labels"]["slipway.identity"])

    async def logs(self, identity: str, lines: int) -> str:
        if await self._containers.find(identity) is None:
            return ""
        name = container_name(self._installation, identity)
        output = await self._connection.ask(f"reading the log of {name}", lambda api: api.logs(name, tail=lines))
        return str(output.decode("utf-8", "replace"))

    async def host_address(self, project: str) -> str:
        return await self._networks.gateway_of_project(project)

    async def _settings(self, spec: AppSpec, network: str) -> dict[str, Any]:
        """Return what the container is created with."""
        folders = {"/tmp": tmpfs(spec.limits, executable=False)}  # noqa: S108 inside the container
        volumes = []
        if spec.data == "scratch":
            folders[DATA] = tmpfs(spec.limits, executable=False)
        else:
            volumes = [f"{await self._volume(spec)}:{DATA}"]
        attempts = RESTARTS if spec.role in ("release", "preview") else 0
        host = {
            **hardening(spec.limits),
            "read_only": True,
            "tmpfs": folders,
            "binds": volumes,
            "network_mode": network,
            "restart_policy": {"Name": "on-failure", "MaximumRetryCount": attempts} if attempts else {"Name": "no"},
        }
        marks = labels(self._installation, "app", spec.project, spec.run, spec.role, spec.identity)
        config = await self._connection.ask("preparing an app", lambda api: api.create_host_config(**host))
        return {
            "image": spec.candidate,
            "entrypoint": ["/bin/sh", "-c", PROCFILE],
            "command": [spec.process, spec.first],
            "user": WORKER_UID,
            "environment": {"HOME": "/tmp", **filled(spec.environment, DATA), "PORT": str(spec.port), "DATA_DIR": DATA},  # noqa: S108
            "labels": {**marks, "slipway.candidate": spec.candidate, "slipway.port": str(spec.port)},
            "healthcheck": {"test": ["NONE"]},
            "host_config": config,
        }

    async def _volume(self, spec: AppSpec) -> str:
        """Return the volume with the copy's data; one of its own is made from the project's before the copy is there."""
        if spec.data == "project":
            return await self._volumes.ensure(self._volumes.data(spec.project), spec.project)
        own = await self._volumes.ensure(self._volumes.own(spec.identity), spec.project)
        if spec.data == "copy":
            await self._data.fill(spec.project, own)
        return own


def fits(found: Container, spec: AppSpec, network: str) -> bool:
    """Tell whether the container is of the wanted candidate, and runs or can be: `docker network prune` takes its network."""
    is_wanted: bool = found["Config"]["Labels"]["slipway.candidate"] == spec.candidate
    can_run: bool = found["State"]["Running"] or found["HostConfig"]["NetworkMode"] == network
    return is_wanted and can_run


def quiet_status_of(listed: Container) -> AppStatus:
    """Return what the engine's list tells of a copy that runs."""
    marks = listed["Labels"]
    return AppStatus(
        **_whose(marks), state=AppState.RUNNING, address=_address(marks, listed["NetworkSettings"]["Networks"].values())
    )


def status_of(found: Container) -> AppStatus:
    """Return what the engine's `inspect` tells of one copy."""
    marks, state = found["Config"]["Labels"], found["State"]
    what = STATES.get(state["Status"], AppState.STOPPED)
    is_running = what is AppState.RUNNING
    return AppStatus(
        **_whose(marks),
        state=what,
        address=_address(marks, found["NetworkSettings"]["Networks"].values()) if is_running else "",
        exit_code=None if is_running or state["Status"] == "created" else state["ExitCode"],
        out_of_memory=bool(state["OOMKilled"]),
        restarts=found["RestartCount"],
        started=moment(state["StartedAt"]) if is_running else None,
    )


def _whose(marks: Mapping[str, str]) -> dict[str, str]:
    return {key: marks[f"slipway.{key}"] for key in ("identity", "project", "run", "role")}


def _address(marks: Mapping[str, str], networks: Iterable[Mapping[str, str]]) -> str:
    """Return where it listens; empty while it has no address yet."""
    return next((f"{each['IPAddress']}:{marks['slipway.port']}" for each in networks if each["IPAddress"]), "")
