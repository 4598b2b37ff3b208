"""A whole Slipway of the bench's own: new data folder, free ports, the recorded session; nothing of it stays."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx

from deployments.data_folder import DataFolder, Up, read_up
from deployments.prefect_server.access import prefect_environment
from domain.sessions import Session

SESSION = Path(str(files("deployments") / "demo_session"))
SLIPWAY = str(Path(sys.executable).with_name("slipway"))
START_SECONDS = 900.0
STOP_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One `slipway new` as its user sees it."""

    project: str
    began: datetime
    seconds: float
    document: dict[str, Any]


@dataclass
class Installation:
    """One data folder and the `slipway up` in it."""

    home: Path
    engine: str = ""
    """`docker` or `process` to insist; empty lets Slipway choose."""
    process: "subprocess.Popen[bytes] | None" = None
    log: list[str] = field(default_factory=list)
    more: dict[str, str] = field(default_factory=dict)
    """More settings."""

    def start(self) -> float:
        """Run `slipway up` and return the seconds until it says that it is up."""
        began = time.monotonic()
        with (self.home.parent / "up.log").open("ab") as log:
            self.process = subprocess.Popen(
                [SLIPWAY, "up"], env=self.environment, cwd=self.home.parent, stdout=log, stderr=log, start_new_session=True
            )
        while read_up(self.home) is None:
            if self.process.poll() is not None or time.monotonic() - began > START_SECONDS:
                raise SystemExit(f"`slipway up` did not come up:\n{(self.home.parent / 'up.log').read_text()[-2000:]}")
            time.sleep(0.02)
        return time.monotonic() - began

    def stop(self) -> float:
        """End it and return the seconds that took."""
        began = time.monotonic()
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None
        return time.monotonic() - began

    @property
    def environment(self) -> dict[str, str]:
        """Return the caller's environment without its own Slipway, its keys, and without a ban on compiled modules."""
        hidden = ("SLIPWAY_", "PREFECT_", "ANTHROPIC_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
        kept.pop("PYTHONDONTWRITEBYTECODE", None)  # a user's Python compiles our modules once, not at each start
        chosen = {"SLIPWAY_ENGINE": self.engine} if self.engine else {}
        return {
            **kept,
            **chosen,
            "SLIPWAY_HOME": str(self.home),
            "SLIPWAY_HTTP_PORT": "0",
            "SLIPWAY_PREFECT_PORT": "0",
            "SLIPWAY_REPLAY": str(SESSION),
            "SLIPWAY_FLAP_SECONDS": "0",  # one app is broken again and again
            **self.more,
        }

    @property
    def up(self) -> Up:
        found = read_up(self.home)
        assert found is not None, "`slipway up` is gone"
        return found

    @property
    def folder(self) -> DataFolder:
        return DataFolder(self.home)

    def deliver(self, project: str) -> Delivery:
        """Run `slipway new` with the recorded request, from the start of its process to its end."""
        request = Session.model_validate_json((SESSION / "session.json").read_text("utf-8")).request
        began, clock = datetime.now(UTC), time.monotonic()
        done = subprocess.run(
            [SLIPWAY, "new", request, "--yes", "--json", "--name", project],
            env=self.environment,
            cwd=self.home.parent,
            capture_output=True,
            check=False,
        )
        seconds = time.monotonic() - clock
        if done.returncode:
            raise SystemExit(f"the delivery of {project} failed:\n{done.stderr.decode()[-2000:]}{done.stdout.decode()[-2000:]}")
        return Delivery(project=project, began=began, seconds=seconds, document=json.loads(done.stdout))

    def prefect_api(self) -> httpx.AsyncClient:
        """Return a client that the Prefect server lets in."""
        name, _, password = self.folder.prefect_auth.partition(":")
        return httpx.AsyncClient(base_url=self.up.prefect_api_url, auth=(name, password), trust_env=False, timeout=30)

    @property
    def prefect(self) -> dict[str, str]:
        """Variables with which a process speaks to this installation's Prefect server."""
        return prefect_environment(self.up)


@contextmanager
def installation(engine: str = "") -> Iterator[Installation]:
    """Yield one that is not started yet; afterwards its processes, containers, images, networks and files are gone."""
    root = Path(tempfile.mkdtemp(prefix="slipway-bench-", dir="/tmp"))
    made = Installation(home=root / "home", engine=engine)
    try:
        yield made
    finally:
        made.stop()
        if (made.home / "installation").is_file():
            remove_from_docker(made.folder.installation)
        shutil.rmtree(root, ignore_errors=True)


def docker_client() -> Any:
    """Return a client of the engine; None when none answers."""
    import docker
    import requests

    try:
        client = docker.from_env(timeout=120)
        client.ping()
    except (docker.errors.DockerException, requests.RequestException):
        return None
    return client


def remove_from_docker(name: str) -> None:
    """Delete everything that the engine holds of the installation."""
    client = docker_client()
    if client is None:
        return
    try:
        label = {"label": f"slipway.installation={name}"}
        for container in client.containers.list(all=True, filters=label):
            container.remove(force=True, v=True)
        for network in client.networks.list(filters=label):
            network.remove()
        for volume in client.volumes.list(filters=label):
            volume.remove()
        for image in client.images.list(filters=label):
            for tag in image.tags:
                client.images.remove(tag, force=True)
    finally:
        client.close()
