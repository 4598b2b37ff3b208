"""The two images Slipway stands on: the base of generated projects, and the workers' image on top of it.

Both are tagged by what they are made from, so that a second call finds them at once.
"""

import asyncio
import fcntl
import hashlib
import io
import os
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import docker
from docker.errors import APIError, BuildError, DockerException, ImageNotFound
from requests import RequestException

from blocks.docker_connection import connected, docker_failure
from deployments.debian_root import can_bootstrap, debian_root, host_mirror, recipe
from domain.capabilities import NODE_PACKAGE, Capability, NpmProgram
from domain.errors import Broken, NeedsPerson

FOLDER = Path(__file__).parent / "images"
STOCK_IMAGE = "python:3.11-slim"
SILENCE_SECONDS = 900
"""How long the engine may say nothing while it imports or builds."""

Report = Callable[[str], None]


class Images(NamedTuple):
    """Names of images that are there."""

    base: str
    worker: str
    tools: Mapping[str, str] = MappingProxyType({})
    """Workers' images with a program from npm, by its pinned name; `node`: with Node alone."""


class Extras(NamedTuple):
    """What some workers have besides; without any, no image is made for it."""

    programs: tuple[NpmProgram, ...] = ()
    capabilities: tuple[Capability, ...] = ()


async def ensure_images(
    docker_host: str | None,
    ca_bundle: Path | None,
    report: Report,
    base_image: str | None = None,
    extras: Extras = Extras(),  # noqa: B008  (a value without state)
) -> Images:
    """Make the images that are missing and return their names; `base_image` replaces the base made here.

    Raises NeedsPerson when no base can be had, EngineUnreachable, or Broken with the end of a failed build's log.
    """
    authorities = await asyncio.to_thread(ca_bundle.read_bytes) if ca_bundle else b""
    return await asyncio.to_thread(_ensured, docker_host, authorities, report, base_image, extras)


def _ensured(docker_host: str | None, authorities: bytes, report: Report, base_image: str | None, extras: Extras) -> Images:
    try:
        client = connected(docker_host, silence=SILENCE_SECONDS)
        try:
            base = _chosen_base(client, base_image) if base_image else _made_base(client, authorities, report)
            worker = _made_worker(client, base, report)
            return Images(base, worker, _made_tools(client, worker, extras, report))
        finally:
            client.close()
    except BuildError as error:
        raise Broken(f"building an image of Slipway's own failed: {error.msg}\n{_tail(error)}") from error
    except (DockerException, RequestException) as error:
        raise docker_failure(error, "making Slipway's images") from error


def _chosen_base(client: docker.DockerClient, name: str) -> str:
    if not _has(client, name) and not _pulled(client, name):
        raise NeedsPerson(f"the base image {name!r} is neither here nor can it be pulled: run `docker pull {name}`")
    return name


def _made_base(client: docker.DockerClient, authorities: bytes, report: Report) -> str:
    dockerfile = (FOLDER / "base/Dockerfile").read_bytes()
    tag = f"slipway-base:{_digest(recipe().encode(), dockerfile, authorities)}"
    with _once(client, tag) as is_missing:
        if is_missing:
            files = {"Dockerfile": dockerfile, "ca.pem": authorities}
            _build(client, tag, files, {"ROOT_IMAGE": _root(client, report)}, report)
    return tag


def _made_worker(client: docker.DockerClient, base: str, report: Report) -> str:
    files = {path.name: path.read_bytes() for path in sorted((FOLDER / "worker").iterdir()) if path.is_file()}
    tag = f"slipway-worker:{_digest(base.encode(), *files.values())}"
    with _once(client, tag) as is_missing:
        if is_missing:
            _build(client, tag, files, {"BASE_IMAGE": base}, report)
    return tag


def _made_tools(client: docker.DockerClient, worker: str, extras: Extras, report: Report) -> dict[str, str]:
    """Make a layer for each program, so that a role without one keeps the plain image."""
    wanted = [program.pinned for program in extras.programs] or ["node"] * bool({"node", "docker"} & {*extras.capabilities})
    return {name: _made_tool(client, worker, name, "docker" in extras.capabilities, report) for name in wanted}


def _made_tool(client: docker.DockerClient, worker: str, name: str, docker_too: bool, report: Report) -> str:
    dockerfile = (FOLDER / "tools/Dockerfile").read_bytes()
    arguments = {
        "WORKER_IMAGE": worker,
        "NODE_PACKAGE": NODE_PACKAGE,
        "NPM_PROGRAM": "" if name == "node" else name,
        "DEBIAN_PACKAGES": "docker.io iptables" if docker_too else "",
        "CAPABILITIES": "git python node" + " docker" * docker_too,
    }
    tag = f"slipway-tools:{_digest(dockerfile, *(value.encode() for value in arguments.values()))}"
    with _once(client, tag) as is_missing:
        if is_missing:
            _build(client, tag, {"Dockerfile": dockerfile}, arguments, report)
    return tag


def _root(client: docker.DockerClient, report: Report) -> str:
    """Return an image with Python and pip to start from: of Debian's packages, or the stock one from a registry."""
    if not can_bootstrap():
        if _has(client, STOCK_IMAGE) or _pulled(client, STOCK_IMAGE):
            return STOCK_IMAGE
        raise NeedsPerson(
            f"no base image can be made: {STOCK_IMAGE} cannot be pulled, and making one from Debian's packages needs root "
            "and debootstrap: run `apt-get install debootstrap` and `slipway up` once as root, or set SLIPWAY_BASE_IMAGE"
        )
    mirror = host_mirror()
    tag = _digest(recipe().encode(), mirror.suite.encode())
    if not _has(client, f"slipway-root:{tag}"):
        with debian_root(mirror, report) as archive:
            client.api.import_image_from_stream(archive, repository="slipway-root", tag=tag)
    return f"slipway-root:{tag}"


def _build(client: docker.DockerClient, tag: str, files: dict[str, bytes], arguments: dict[str, str], report: Report) -> None:
    report(f"Building {tag.split(':', maxsplit=1)[0]}")
    client.images.build(
        fileobj=_context(files), custom_context=True, tag=tag, buildargs=arguments, rm=True, forcerm=True, use_config_proxy=True
    )


def _context(files: dict[str, bytes]) -> io.BytesIO:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o644
            archive.addfile(member, io.BytesIO(content))
    buffer.seek(0)
    return buffer


@contextmanager
def _once(client: docker.DockerClient, tag: str) -> Iterator[bool]:
    """Yield whether the image is missing; then only one process of this machine at a time is inside."""
    if _has(client, tag):
        yield False
        return
    with open(Path(tempfile.gettempdir()) / f"slipway-images-{os.getuid()}.lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield not _has(client, tag)


def _has(client: docker.DockerClient, name: str) -> bool:
    try:
        client.api.inspect_image(name)
    except ImageNotFound:
        return False
    return True


def _pulled(client: docker.DockerClient, name: str) -> bool:
    try:
        client.images.pull(name)
    except APIError:
        return False
    return True


def _digest(*parts: bytes) -> str:
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()[:12]


def _tail(error: BuildError) -> str:
    return "".join(str(line.get("stream", "")) for line in error.build_log)[-2000:]
