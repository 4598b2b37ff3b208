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

from blocks.docker_engine.connection import connected, docker_failure
from blocks.git.credentials import HELPER
from deployments.apart import apart
from deployments.debian_root import can_bootstrap, debian_root, host_mirror, recipe
from domain.capabilities import NODE_PACKAGE, Capability, NpmProgram
from domain.errors import Broken, NeedsPerson

FOLDER = Path(__file__).parent / "images"
STOCK_IMAGE = "python:3.11-slim"
SILENCE_SECONDS = 900
"""How long the engine may say nothing while it imports or builds."""
LOOK_SECONDS = 20
"""How long it may take to say which images it has."""

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


class Order(NamedTuple):
    """What the images are made from."""

    authorities: bytes
    base_image: str | None
    extras: Extras


async def ensure_images(
    docker_host: str | None,
    ca_bundle: Path | None,
    report: Report,
    base_image: str | None = None,
    extras: Extras = Extras(),  # noqa: B008  (a value without state)
) -> Images:
    """Make the images that are missing and return their names; `base_image` replaces the base made here.

    Being cancelled ends a build in the middle. Raises NeedsPerson when no base can be had, EngineUnreachable, or Broken
    with the end of a failed build's log.
    """
    order = Order(await asyncio.to_thread(ca_bundle.read_bytes) if ca_bundle else b"", base_image, extras)
    found = await asyncio.to_thread(look, docker_host, order)
    return found if found is not None else await apart(make, report, docker_host, order)


def look(docker_host: str | None, order: Order) -> Images | None:
    """Return the images when all are there; None when one has to be made."""
    with _client(docker_host, LOOK_SECONDS) as client:
        base = order.base_image or _base(order.authorities).tag
        worker, tools = _worker(base), _tools(_worker(base).tag, order.extras)
        names = (base, worker.tag, *(recipe.tag for recipe in tools.values()))
        if all(_has(client, name) for name in names):
            return Images(base, worker.tag, {name: recipe.tag for name, recipe in tools.items()})
        return None


def make(report: Report, docker_host: str | None, order: Order) -> Images:
    """Make the images that are missing; an interruption breaks the exchange with the engine off, which ends its build."""
    with _client(docker_host, SILENCE_SECONDS) as client:
        base = order.base_image or ""
        if base:
            _require(client, base)
        else:
            base = _made(client, _base(order.authorities), report, lambda: {"ROOT_IMAGE": _root(client, report)})
        worker = _made(client, _worker(base), report)
        return Images(
            base, worker, {name: _made(client, recipe, report) for name, recipe in _tools(worker, order.extras).items()}
        )


@contextmanager
def _client(docker_host: str | None, silence: int) -> Iterator[docker.DockerClient]:
    try:
        client = connected(docker_host, silence=silence)
        try:
            yield client
        finally:
            client.close()
    except BuildError as error:
        raise Broken(f"building an image of Slipway's own failed: {error.msg}\n{_tail(error)}") from error
    except (DockerException, RequestException) as error:
        raise docker_failure(error, "making Slipway's images") from error


def _require(client: docker.DockerClient, name: str) -> None:
    if not _has(client, name) and not _pulled(client, name):
        raise NeedsPerson(f"the base image {name!r} is neither here nor can it be pulled: run `docker pull {name}`")


class Recipe(NamedTuple):
    """What an image is made from, and the name that follows from it."""

    tag: str
    files: dict[str, bytes]
    arguments: dict[str, str]


def _base(authorities: bytes) -> Recipe:
    dockerfile = (FOLDER / "base/Dockerfile").read_bytes()
    tag = f"slipway-base:{_digest(recipe().encode(), dockerfile, authorities)}"
    return Recipe(tag, {"Dockerfile": dockerfile, "ca.pem": authorities}, {})


def _worker(base: str) -> Recipe:
    files = {path.name: path.read_bytes() for path in sorted((FOLDER / "worker").iterdir()) if path.is_file()}
    files["git-credential-slipway"] = HELPER.read_bytes()
    return Recipe(f"slipway-worker:{_digest(base.encode(), *files.values())}", files, {"BASE_IMAGE": base})


def _tools(worker: str, extras: Extras) -> dict[str, Recipe]:
    """Return a layer for each program, so that a role without one keeps the plain image."""
    wanted = [program.pinned for program in extras.programs] or ["node"] * bool({"node", "docker"} & {*extras.capabilities})
    return {name: _tool(worker, name, "docker" in extras.capabilities) for name in wanted}


def _tool(worker: str, name: str, docker_too: bool) -> Recipe:
    dockerfile = (FOLDER / "tools/Dockerfile").read_bytes()
    arguments = {
        "WORKER_IMAGE": worker,
        "NODE_PACKAGE": NODE_PACKAGE,
        "NPM_PROGRAM": "" if name == "node" else name,
        "DEBIAN_PACKAGES": "docker.io iptables" if docker_too else "",
        "CAPABILITIES": "git python github node" + " docker" * docker_too,
    }
    tag = f"slipway-tools:{_digest(dockerfile, *(value.encode() for value in arguments.values()))}"
    return Recipe(tag, {"Dockerfile": dockerfile}, arguments)


def _made(
    client: docker.DockerClient, image: Recipe, report: Report, more: Callable[[], dict[str, str]] = dict[str, str]
) -> str:
    """Make the image unless it is there, with `more` build arguments that are found out only then; return its name."""
    with _once(client, image.tag) as is_missing:
        if is_missing:
            _build(client, image.tag, image.files, {**image.arguments, **more()}, report)
    return image.tag


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
