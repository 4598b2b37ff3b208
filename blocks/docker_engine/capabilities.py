"""Which image and which runtime a worker's capabilities ask for; what is missing is said before anything is created."""

from collections.abc import Mapping
from typing import Any

from blocks.docker_engine.connection import DockerConnection
from domain.capabilities import lacking
from domain.errors import CapabilityMissing
from domain.workers import WorkerSpec

NODE = "node"
"""Key of the image that has Node and no CLI; those of CLIs have Node too."""
SYSBOX = "sysbox-runc"
"""A runtime whose containers run containers of their own: root in them is nobody outside, and no socket of ours is mounted."""
LABEL = "slipway.capabilities"


class WorkerImages:
    """The images of workers: the plain one, and those with a program or Node, by its pinned name."""

    def __init__(self, connection: DockerConnection, plain: str, tools: Mapping[str, str]) -> None:
        self._connection = connection
        self._plain = plain
        self._tools = dict(tools)

    async def chosen(self, spec: WorkerSpec) -> str:
        """Return the image for `spec`; raise CapabilityMissing, with the cure, when it lacks what is asked for."""
        if spec.image:
            return spec.image
        image = self._plain
        if spec.program is not None:
            if spec.program.pinned not in self._tools:
                wanted = f"the worker {spec.identity} needs {spec.program.pinned}, which no image here has"
                raise CapabilityMissing(f"{wanted}: name its engine in SLIPWAY_ENGINES and run `slipway up` again")
            image = self._tools[spec.program.pinned]
        elif {NODE, "docker"} & set(spec.capabilities):
            image = next(iter(self._tools.values()), self._plain)
        if spec.capabilities and (lack := lacking(spec.identity, spec.capabilities, await self._present(image))):
            raise CapabilityMissing(lack)
        return image

    def runtime(self, spec: WorkerSpec) -> dict[str, Any]:
        """Return the host settings that only a worker with containers of its own has.

        Its kernel capabilities hold in the user namespace that sysbox makes and mean nothing outside: it is not privileged.
        """
        return {"runtime": SYSBOX, "cap_drop": [], "read_only": False} if "docker" in spec.capabilities else {}

    def main(self, spec: WorkerSpec, idle: str) -> dict[str, Any]:
        """Return the main process of such a worker: root of its namespace, with its Docker engine; commands are not root."""
        started = ["dockerd --group app >/var/log/dockerd.log 2>&1 &" + idle, idle]
        return {"user": "0:0", "command": started} if "docker" in spec.capabilities else {}

    async def _present(self, image: str) -> set[str]:
        found = await self._connection.ask(f"looking at {image}", lambda api: api.inspect_image(image))
        named = set(((found["Config"].get("Labels") or {}).get(LABEL) or "git python").split())
        if "docker" in named:
            engine = await self._connection.ask("asking for the engine's runtimes", lambda api: api.info())
            named -= set() if SYSBOX in (engine.get("Runtimes") or {}) else {"docker"}
        return named
