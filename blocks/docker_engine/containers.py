"""What all containers of Slipway have in common: labels from birth, hardening, and how they are found again."""

import re
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Literal

from docker.errors import APIError, NotFound
from docker.types import LogConfig, Ulimit

from blocks.docker_engine.connection import DockerConnection, is_conflict
from domain.workers import Limits

UID = 10001
MB = 1024 * 1024
OPEN_FILES = 16_384
"""Of one process. Docker's own limit is a million, which fills the kernel's memory and makes old programs close each."""
FILES_PER_MB = 256
"""Files, folders and links that a folder in memory may hold for each megabyte of its size."""
LEAVING = ("removing", "dead")
NAME_SECONDS = 10.0
NAME_POLL_SECONDS = 0.05
Kind = Literal["worker", "app", "resource"]
Container = Mapping[str, Any]
"""A container as the engine's `inspect` tells it."""


def container_name(installation: str, identity: str) -> str:
    return f"slipway-{installation}-{identity}"


def labels(installation: str, kind: Kind, project: str, run: str, role: str, identity: str) -> dict[str, str]:
    """Return the labels by which a container is adopted or reaped."""
    return {
        "slipway.installation": installation,
        "slipway.kind": kind,
        "slipway.project": project,
        "slipway.run": run,
        "slipway.role": role,
        "slipway.identity": identity,
    }


def folder_mb(limits: Limits) -> int:
    """Return the size of a writable folder in memory: two full ones must leave the container memory to work with."""
    return min(limits.disk_mb, limits.memory_mb * 3 // 8)


def tmpfs(limits: Limits, *, executable: bool) -> str:
    """Return the mount options of a writable folder in memory that belongs to the container's user."""
    size = folder_mb(limits)
    bounds = f"size={size}m,nr_inodes={size * FILES_PER_MB}"
    return f"rw,nosuid,nodev,{'exec' if executable else 'noexec'},{bounds},uid={UID},gid={UID},mode=0755"


def hardening(limits: Limits) -> dict[str, Any]:
    """Return the host settings that no container of ours goes without."""
    return {
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "mem_limit": limits.memory_mb * MB,
        "memswap_limit": limits.memory_mb * MB,
        "nano_cpus": int(limits.cpus * 1_000_000_000),
        "pids_limit": limits.pids,
        "shm_size": limits.memory_mb * MB // 16,
        "ulimits": [Ulimit(name="nofile", soft=OPEN_FILES, hard=OPEN_FILES), Ulimit(name="core", soft=0, hard=0)],
        "init": True,
        "log_config": LogConfig(type="json-file", config={"max-size": "5m", "max-file": "2"}),
    }


class DockerContainers:
    """Containers of one kind of one installation."""

    def __init__(self, connection: DockerConnection, installation: str, kind: Kind) -> None:
        self._connection = connection
        self._installation = installation
        self._kind = kind

    async def find(self, identity: str) -> Container | None:
        """Return the container of this identity; None when there is none, or a stranger's has its name."""
        name = container_name(self._installation, identity)
        return await self._connection.ask(f"looking at {name}", lambda api: self._ours(api, name))

    async def labelled(self, **wanted: str | None) -> Sequence[Container]:
        """Return the engine's short descriptions of all containers with these labels, running or not."""
        labels = {"installation": self._installation, "kind": self._kind, **wanted}
        filters = {"label": [f"slipway.{key}={value}" for key, value in labels.items() if value is not None]}
        return await self._connection.ask(f"listing the {self._kind}s", lambda api: api.containers(all=True, filters=filters))

    async def create(self, identity: str, settings: Mapping[str, Any]) -> None:
        """Create it, not started; one that somebody else made in the meantime is as good."""
        name = container_name(self._installation, identity)

        await self._connection.ask(f"creating {name}", lambda api: self._created(api, name, settings))

    async def start(self, identity: str) -> None:
        """Start it; one that runs is left as it is."""
        name = container_name(self._installation, identity)
        await self._connection.ask(f"starting {name}", lambda api: api.start(name))

    async def remove(self, identity: str) -> Container | None:
        """Kill and delete it with its anonymous volumes; return what it was, None when there was none."""
        name = container_name(self._installation, identity)
        return await self._connection.ask(f"removing {name}", lambda api: self._removed(api, name))

    def _created(self, api: Any, name: str, settings: Mapping[str, Any]) -> None:
        """Create it. The engine takes a name some time before the container can be seen, and frees it some time after."""
        deadline = time.monotonic() + NAME_SECONDS
        while True:
            try:
                api.create_container(name=name, **settings)
            except APIError as error:
                if not is_conflict(error) or time.monotonic() > deadline:
                    raise
            else:
                return
            found = self._ours(api, name)
            if found is not None and found["State"]["Status"] not in LEAVING:
                return
            time.sleep(NAME_POLL_SECONDS)

    def _ours(self, api: Any, name: str) -> Container | None:
        try:
            found: Container = api.inspect_container(name)
        except NotFound:
            return None
        marks = found["Config"].get("Labels") or {}
        kinds = ("worker", "spare") if self._kind == "worker" else (self._kind,)
        is_ours = marks.get("slipway.installation") == self._installation and marks.get("slipway.kind") in kinds
        return found if is_ours else None

    def _removed(self, api: Any, name: str) -> Container | None:
        found = self._ours(api, name)
        if found is None:
            return None
        try:
            api.remove_container(found["Id"], force=True, v=True)
        except NotFound:
            return found
        except APIError as error:
            if not is_conflict(error):  # 409: somebody else is removing it now
                raise
        return found


def moment(text: str) -> datetime | None:
    """Read the engine's time, which has nanoseconds; None when it tells none."""
    with suppress(ValueError):
        return datetime.fromisoformat(re.sub(r"(\.\d{6})\d*", r"\1", text).replace("Z", "+00:00")).astimezone(UTC)
    return None
