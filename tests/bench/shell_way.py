"""The bare shell script that a delivery is compared with, and base images whose layers nobody has built on yet."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).with_name("delivery.sh")
_numbers = count(1)


@dataclass(frozen=True, kw_only=True)
class Trees:
    """What the three commits of a delivery hold, as folders."""

    scaffold: Path
    first: Path
    second: Path


@dataclass(frozen=True, kw_only=True)
class ShellRun:
    """One run of the script: its wall time, and that of its steps by name."""

    seconds: float
    steps: dict[str, float]


def trees_of(repository: Path, folder: Path) -> Trees:
    """Take the commits of a delivered project out of its repository."""
    listed = subprocess.run(
        ["git", f"--git-dir={repository}", "rev-list", "--reverse", "main"], capture_output=True, check=True, text=True
    )
    commits = listed.stdout.split()
    assert len(commits) == 3, f"the recorded session makes three commits, not {len(commits)}"
    return Trees(
        **{name: _tree(repository, sha, folder / name) for name, sha in zip(Trees.__annotations__, commits, strict=True)}
    )


def _tree(repository: Path, commit: str, folder: Path) -> Path:
    folder.mkdir(parents=True)
    archive = subprocess.run(["git", f"--git-dir={repository}", "archive", commit], capture_output=True, check=True)
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)
    return folder


PREFIX = f"slipway-bench-shell-{os.getpid()}-"


def deliver(trees: Trees, base_image: str, client: Any) -> ShellRun:
    """Run the script once; its images stay until `remove_images`, since the next run's cached layers are theirs."""
    name = f"{PREFIX}{next(_numbers)}"
    work = Path(tempfile.mkdtemp(prefix="slipway-shell-", dir="/tmp"))
    words = [str(SCRIPT), str(work), str(trees.scaffold), str(trees.first), str(trees.second), base_image, name]
    try:
        began = time.monotonic()
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        seconds = time.monotonic() - began
        if done.returncode:
            raise SystemExit(f"the shell script failed:\n{done.stderr[-2000:]}")
        return ShellRun(seconds=seconds, steps=_steps(done.stdout.splitlines()))
    finally:
        _remove(client, name)
        shutil.rmtree(work, ignore_errors=True)


def _steps(lines: Sequence[str]) -> dict[str, float]:
    return {name: int(milliseconds) / 1000 for milliseconds, name in (line.split(" ", 1) for line in lines)}


def _remove(client: Any, name: str) -> None:
    for container in client.containers.list(all=True, filters={"name": f"^/{name}$"}):
        container.remove(force=True, v=True)
    for network in client.networks.list(names=[name]):
        network.remove()


def remove_images(client: Any) -> None:
    """Delete the images of all scripts that this process ran."""
    for tag in [tag for image in client.images.list() for tag in image.tags if tag.startswith(PREFIX)]:
        client.images.remove(tag, force=True)


@contextmanager
def untouched_base(client: Any, base_image: str) -> Iterator[str]:
    """Yield a copy of the base image on which no layer was ever built: same files, another digest."""
    name = f"slipway-bench-base-{os.getpid()}:{next(_numbers)}"
    with tempfile.TemporaryDirectory(prefix="slipway-base-") as folder:
        Path(folder, "Dockerfile").write_text(f"FROM {base_image}\nLABEL slipway.bench={name}\n")
        client.images.build(path=folder, tag=name, rm=True)
    try:
        yield name
    finally:
        client.images.remove(name, force=True)
