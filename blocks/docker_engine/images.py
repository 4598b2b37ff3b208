"""Candidate images: built from a project's own Dockerfile by the engine, named by their digest."""

import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import requests
from docker.errors import APIError, ImageNotFound, create_api_error_from_http_exception
from docker.types import CancellableStream
from docker.utils.build import PatternMatcher

from blocks.archives import is_git, pack
from blocks.docker_engine.connection import DockerConnection, is_conflict
from blocks.docker_engine.networks import DockerNetworks, EgressProxy
from domain.candidates import BuildFailed, Built
from domain.egress import proxy_environment, run_token
from domain.errors import EngineUnreachable, SlipwayError

MEMORY_BYTES = 2 * 1024**3
CONTEXT_BYTES = 512 * 1024**2
LOG_CHARACTERS = 64_000
DIGEST_CHARACTERS = 12
PROXY_ARGUMENTS = ("http_proxy", "https_proxy", "no_proxy")
"""Docker's predefined build arguments, in both cases of letters."""


class DockerImages:
    """Builds and removes the candidates of one installation."""

    def __init__(
        self,
        connection: DockerConnection,
        networks: DockerNetworks,
        installation: str,
        base_image: str,
        egress: EgressProxy | None = None,
    ) -> None:
        self._connection = connection
        self._networks = networks
        self._egress = egress
        self._installation = installation
        self._base_image = base_image

    async def build(self, source: Path, project: str, run: str, seconds: float) -> Built | BuildFailed:
        """Build the folder's Dockerfile; a failing step is a value, a base image or an engine that is gone is an error.

        Its steps have the network of the run's workers: what a requirement's set-up runs is a stranger's too.
        """
        started = time.monotonic()
        await self._connection.ask(
            f"looking at the base image {self._base_image}", lambda api: api.inspect_image(self._base_image)
        )
        context = await asyncio.to_thread(packed_context, source)
        log = BuildLog()
        doing = f"building {project}"
        parameters = {**self._parameters(project), **await self._network(run)}
        try:
            response = await self._connection.ask(doing, lambda api: _post(api, context, parameters, seconds))
        except SlipwayError as error:
            if refusal := dockerfile_refusal(error.__cause__):
                return BuildFailed(log=refusal, seconds=time.monotonic() - started)
            raise
        timed_out = await self._followed(doing, response, log, seconds)
        spent = time.monotonic() - started
        if timed_out or log.failed:
            return BuildFailed(log=log.text, timed_out=timed_out, seconds=spent)
        if not log.image:
            raise EngineUnreachable("the Docker engine", doing, "the build's output ended before the build")
        await self._connection.ask(doing, lambda api: self._tag(api, log.image, project))
        return Built(candidate=log.image, log=log.text, seconds=spent)

    async def remove(self, candidate: str) -> None:
        """Delete a candidate that nothing uses."""

        def remove(api: Any) -> None:
            try:
                marks = api.inspect_image(candidate)["Config"].get("Labels") or {}
                if marks.get("slipway.installation") == self._installation:
                    api.remove_image(candidate)
            except ImageNotFound:
                return
            except APIError as error:
                if not is_conflict(error):  # 409: a container uses it
                    raise

        await self._connection.ask(f"removing {candidate}", remove)

    async def of_project(self, project: str) -> Sequence[str]:
        """Return the candidates that carry the project's label."""
        labels = [f"{name}={value}" for name, value in self._marks(project).items()]
        found = await self._connection.ask(
            f"listing the candidates of {project}", lambda api: api.images(filters={"label": labels})
        )
        return [image["Id"] for image in found]

    def _marks(self, project: str) -> dict[str, str]:
        # No label tells the run: the same content shall give the same digest.
        return {"slipway.installation": self._installation, "slipway.project": project}

    def _parameters(self, project: str) -> dict[str, str | int]:
        return {
            "buildargs": json.dumps({"BASE_IMAGE": self._base_image}),
            "labels": json.dumps(self._marks(project)),
            "memory": MEMORY_BYTES,
            "memswap": MEMORY_BYTES,
            "rm": 1,
            "forcerm": 1,
        }

    async def _network(self, run: str) -> dict[str, str]:
        """Return what connects the steps to the workers' network, with the way to package registries.

        Docker's own proxy variables need no ARG, stay out of the image and its history, and do not spoil the cache.
        """
        if self._egress is None:
            return {}
        network = await self._networks.of_workers()
        proxies = proxy_environment(network.gateway, self._egress.port, run, run_token(self._egress.key, run))
        known = {name: value for name, value in proxies.items() if name.lower() in PROXY_ARGUMENTS}
        return {"networkmode": network.id, "buildargs": json.dumps({"BASE_IMAGE": self._base_image, **known})}

    async def _followed(self, doing: str, response: requests.Response, log: "BuildLog", seconds: float) -> bool:
        """Read the build's output to its end; return whether the deadline cut it off, which makes the engine stop it."""
        stream = CancellableStream(response.iter_lines(), response)
        reading = asyncio.ensure_future(self._connection.thread(doing, lambda: log.follow(stream)))
        ended: set[asyncio.Future[None]] = set()
        try:
            ended, _ = await asyncio.wait({reading}, timeout=seconds)
        finally:
            if not ended:
                stream.close()
            await asyncio.wait({reading})
            response.close()
        reading.result()
        return not ended

    def _tag(self, api: Any, image: str, project: str) -> None:
        """Name the image, for people and so that no `docker image prune` takes it."""
        digest = image.removeprefix("sha256:")[:DIGEST_CHARACTERS]
        api.tag(image, f"slipway-{self._installation}/{project}", digest)


def _post(api: Any, context: bytes, parameters: dict[str, str | int], seconds: float) -> requests.Response:
    """Start the build. The SDK's own `build` hides the response, without which a silent step cannot be cut off."""
    response: requests.Response = api.post(
        f"{api.base_url}/v{api.api_version}/build",
        params=parameters,
        data=context,
        headers={"Content-Type": "application/x-tar"},
        stream=True,
        timeout=seconds + 60,
    )
    try:
        response.raise_for_status()
    except requests.HTTPError as error:
        create_api_error_from_http_exception(error)
    return response


class BuildLog:
    """What a build said: the last part of its text, the image made, and whether a step failed."""

    def __init__(self) -> None:
        self.text = ""
        self.image = ""
        self.failed = False

    def follow(self, lines: Iterator[bytes]) -> None:
        """Read the engine's JSON messages, one a line, to the end."""
        for line in lines:
            if line.strip():
                self.add(json.loads(line))

    def add(self, message: dict[str, Any]) -> None:
        self.failed = self.failed or "error" in message
        self.image = message.get("aux", {}).get("ID", self.image)
        self.text = (self.text + message.get("stream", "") + message.get("error", ""))[-LOG_CHARACTERS:]


def dockerfile_refusal(error: BaseException | None) -> str:
    """Return why the engine refused the project's Dockerfile as such (it lacks one, it cannot be parsed); else nothing."""
    why = str(error.explanation) if isinstance(error, APIError) else ""
    return why if "dockerfile" in why.lower() else ""


def packed_context(source: Path) -> bytes:
    """Return the folder as the engine's build context: without `.git`, and without what `.dockerignore` names."""
    ignore = source / ".dockerignore"
    lines = ignore.read_text("utf-8", "replace").splitlines() if ignore.is_file() and not ignore.is_symlink() else []
    patterns = PatternMatcher([line.strip() for line in lines if line.strip() and not line.startswith("#")] + ["!Dockerfile"])
    exceptions = [pattern.cleaned_pattern for pattern in patterns.patterns if pattern.exclusion]

    def skip(path: str) -> bool:
        # A folder that an exception reaches into is walked, though it is itself left out.
        reached = any(exception == path or exception.startswith(f"{path}/") for exception in exceptions)
        return is_git(path) or (bool(patterns.matches(path)) and not reached)

    return pack(source, skip, CONTEXT_BYTES)
