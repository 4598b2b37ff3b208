"""One real `slipway up` for the stories: a process of its own, in a short folder, with the played model behind it."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil
import pytest
from pydantic import SecretStr

from blocks.registry.block import SqlRegistry
from blocks.trust import trust_for
from deployments.data_folder import DataFolder, Up, read_up
from domain.releases import Release, live
from tests.agent_environment import lay_agent_environment
from tests.fakes.messages_api import Asked, ScriptedMessagesAPI
from tests.prefect_database import lay_prefect_database
from tests.story.player import Player

T = TypeVar("T")
SLIPWAY = str(Path(sys.executable).with_name("slipway"))
START_SECONDS, RUN_SECONDS, END_SECONDS = 600.0, 300.0, 60.0
"""Deadlines for a loaded machine; nothing waits for them when all is well."""


def until(condition: Callable[[], T], what: str, seconds: float = 300.0, rest: float = 3.0) -> T:
    """Return what the condition returns as soon as it is true of something; fail when it never is.

    Between two looks it rests for `rest` times as long as a look takes: looking is work for the machine, too.
    """
    deadline = time.monotonic() + seconds
    while (began := time.monotonic()) < deadline:
        if found := condition():
            return found
        time.sleep(max(0.05, rest * (time.monotonic() - began)))
    pytest.fail(f"it never came true within {seconds:.0f} s that {what}")


@dataclass(frozen=True)
class Spoken:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document on stdout; fails when anything else stands there."""
        read: dict[str, Any] = json.loads(self.out)
        return read


@dataclass
class Installation:
    """A running installation and everything that a story wants of it."""

    engine: str
    player: Player = field(default_factory=Player)
    home: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="sw-", dir="/tmp")))
    more: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    asked: list[Asked] = field(default_factory=list, repr=False)
    """Every request that its models got, in order."""
    elsewhere: dict[str, str] = field(default_factory=dict)
    """What somebody's commands have in their environment who asks it by its HTTP API; nothing: they ask it here."""

    @property
    def environment(self) -> dict[str, str]:
        ours = ("PREFECT_", "SLIPWAY_", "ANTHROPIC_")
        return {name: value for name, value in os.environ.items() if not name.startswith(ours)} | {
            "SLIPWAY_HOME": str(self.home / "data"),
            "SLIPWAY_ENGINE": self.engine,
            "SLIPWAY_HTTP_PORT": "0",
            "SLIPWAY_PREFECT_PORT": "0",
            "SLIPWAY_HEALTH_INTERVAL": "1",
            "SLIPWAY_UNHEALTHY_THRESHOLD": "2",
            "SLIPWAY_UNHEALTHY_WINDOW": "10",
            "SLIPWAY_DRAIN_SECONDS": "5",
            "SLIPWAY_MUTATION_SECONDS": "0",
            "ANTHROPIC_API_KEY": "test-key",
            "DO_NOT_TRACK": "1",
            **self.more,
        }

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def name(self) -> str:
        """The id in the labels of its containers."""
        return (self.data / "installation").read_text().strip()

    def open(self, api: ScriptedMessagesAPI) -> None:
        """Start it with this API behind its models, and return when it is up."""
        self.more["ANTHROPIC_BASE_URL"], self.asked = api.url, api.requests
        folder = DataFolder(self.data)
        folder.prepare()
        lay_prefect_database(folder.prefect / "prefect.db")
        if self.engine == "process":
            lay_agent_environment(folder.engine)
        self.reopen()

    def reopen(self) -> None:
        """Start it on the data folder that it has."""
        with (self.home / "up.log").open("ab") as log:
            self.process = subprocess.Popen(
                [SLIPWAY, "up"], env=self.environment, cwd=self.home, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        started = self.process
        until(lambda: started.poll() is not None or read_up(self.data), "`slipway up` is up or has ended", START_SECONDS)
        assert started.poll() is None, (self.home / "up.log").read_text()

    @property
    def up(self) -> Up:
        found = read_up(self.data)
        assert found is not None, "the installation is not up"
        return found

    def end(self) -> list[psutil.Process]:
        """Stop it by SIGTERM and return the processes of it that are left."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            pytest.fail(f"`slipway up` did not end after SIGTERM:\n{(self.home / 'up.log').read_text()[-2000:]}")
        return self.processes()

    def processes(self) -> list[psutil.Process]:
        """Return everything on this machine that was started for this installation."""
        return [process for process in psutil.process_iter() if str(self.home) in _traces(process)]

    def open_to_others(self) -> set[tuple[str, int]]:
        """Return name and port of each process of it that listens where other machines come in."""
        label = f"label=slipway.installation={self.name}"
        networks = docker("network", "ls", "-q", "--filter", label) if self.engine == "docker" else []
        gateways = (
            docker("network", "inspect", "-f", "{{range .IPAM.Config}}{{.Gateway}}{{end}}", *networks) if networks else []
        )
        return {
            (process.name(), found.laddr.port)
            for process in self.processes()
            for found in _connections(process)
            if found.status == psutil.CONN_LISTEN
            and not ip_address(found.laddr.ip).is_loopback
            and found.laddr.ip not in gateways
        }

    def remove(self) -> None:
        for process in self.processes():
            process.kill()
        if self.engine == "docker" and self.data.exists():
            self.remove_containers()
        shutil.rmtree(self.home, ignore_errors=True)

    def containers(self, *, running: bool, project: str = "") -> list[str]:
        """Return the names of its containers, those of spares that wait included, or of one project's."""
        labels = [f"slipway.installation={self.name}", *([f"slipway.project={project}"] if project else [])]
        filters = [word for label in labels for word in ("--filter", f"label={label}")]
        return docker("ps", *([] if running else ["-a"]), *filters, "--format", "{{.Names}}")

    def spares(self) -> list[str]:
        """Return the names of the workers that wait for a run; a claimed one has another name."""
        return [name for name in self.containers(running=True) if "-spare." in name]

    def remove_containers(self) -> None:
        label = f"label=slipway.installation={self.name}"
        for kind, gone in (("container", ["rm", "-f"]), ("volume", ["rm"]), ("network", ["rm"]), ("image", ["rm", "-f"])):
            names = docker(kind, "ls", "-q", *(["-a"] if kind in ("container", "image") else []), "--filter", label)
            if names:
                docker(kind, *gone, *dict.fromkeys(names))

    # commands

    def from_elsewhere(self) -> "Installation":
        """Return the same one as it is asked by its HTTP API, by somebody who has logged in there with an operator's key."""
        server = f"http://127.0.0.1:{(self.data / 'api.port').read_text()}"
        user = {name: str(self.home / "elsewhere") for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME")}
        found = replace(self, elsewhere={"SLIPWAY_SERVER": server, **user})
        key = self.say("keys", "add", "elsewhere", *(f"--scope={scope}" for scope in ("read", "write", "operator"))).out
        said = found.say("login", stdin=key)
        assert said.code == 0, said
        return found

    @property
    def door(self) -> str:
        """The door by which its commands come in, and by which their ends are told."""
        return "api" if self.elsewhere else "cli"

    def start(self, *words: str) -> "subprocess.Popen[str]":
        """Start a command and do not wait for it."""
        return subprocess.Popen(
            [SLIPWAY, *words],
            env=self.environment | self.elsewhere,
            cwd=self.home,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def say(self, *words: str, stdin: str = "") -> Spoken:
        """Run a command to its end."""
        return self.heard(self.start(*words), stdin)

    def heard(self, command: "subprocess.Popen[str]", stdin: str = "", seconds: float = RUN_SECONDS) -> Spoken:
        try:
            out, err = command.communicate(stdin, timeout=seconds)
        except subprocess.TimeoutExpired:
            command.kill()
            out, err = command.communicate()
            pytest.fail(f"{command.args!r} did not end:\n{out}\n{err}")
        return Spoken(command.returncode, out, err)

    # what it did

    def registry(self, ask: Callable[[SqlRegistry], Coroutine[Any, Any, T]]) -> T:
        """Ask the registry's database from this process."""
        return asyncio.run(ask(SqlRegistry(url=SecretStr(f"sqlite+aiosqlite:///{self.data}/registry.db"), budget_micro_usd=1)))

    def releases(self, project: str) -> Sequence[Release]:
        return self.registry(lambda registry: registry.releases(project))

    def live(self, project: str) -> Release | None:
        return live(self.releases(project))

    def runs(self, project: str) -> list[dict[str, Any]]:
        """Return the project's runs, newest first, as `slipway status` tells them."""
        found: list[dict[str, Any]] = self.say("status", project, "--json").document["runs"]
        return found

    def has_ended(self, project: str) -> bool:
        """Tell whether the project's newest run is over."""
        return self.registry(lambda registry: registry.runs(project))[0].ended is not None

    def get(self, project: str, path: str) -> httpx.Response:
        """Ask the app through Caddy."""
        return httpx.get(self.url(path), headers=self.host(project), trust_env=False, verify=trust_for("http://"), timeout=60)

    def post(self, project: str, path: str, body: dict[str, str] | None = None) -> httpx.Response:
        return httpx.post(
            self.url(path), json=body, headers=self.host(project), trust_env=False, verify=trust_for("http://"), timeout=60
        )

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.up.http_port}{path}"

    def host(self, project: str) -> dict[str, str]:
        return {"Host": f"{project}.localhost:{self.up.http_port}"}

    def prefect_api(self) -> httpx.Client:
        """Return a client that the Prefect server lets in."""
        name, _, password = DataFolder(self.data).prefect_auth.partition(":")
        return httpx.Client(
            base_url=self.up.prefect_api_url, auth=(name, password), trust_env=False, verify=trust_for("http://"), timeout=30
        )

    def prefect(self, path: str, body: dict[str, Any]) -> list[dict[str, Any]]:
        """Ask the Prefect server's API."""
        with self.prefect_api() as api:
            answer = api.post(path, json=body)
        answer.raise_for_status()
        found: list[dict[str, Any]] = answer.json()
        return found

    def change(self, path: str, body: dict[str, Any]) -> None:
        """Change something on the Prefect server."""
        with self.prefect_api() as api:
            api.patch(path, json=body).raise_for_status()

    def flow_runs(self, run: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the Prefect flow run of this run, and all its subflows."""
        found = self.prefect("/flow_runs/filter", {"flow_runs": {"id": {"any_": [self.flow_run(run)]}}})
        level = found
        while level:
            parents = {"parent_flow_run_id": {"any_": [each["id"] for each in level]}}
            level = self.prefect("/flow_runs/filter", {"flow_runs": parents})
            found += level
        return found

    def flow_run(self, run: dict[str, Any]) -> str:
        """Return its id in Prefect, of which a command elsewhere tells nothing."""
        found = self.registry(lambda registry: registry.run(run["run"]))
        assert found is not None
        return found.flow_run

    def artifacts(self, run: dict[str, Any]) -> list[dict[str, Any]]:
        """Return everything that the run left in the Prefect UI."""
        ids = {"any_": [each["id"] for each in self.flow_runs(run)]}
        return self.prefect("/artifacts/filter", {"artifacts": {"flow_run_id": ids}})

    def logs(self, run: dict[str, Any]) -> list[str]:
        """Return every line that the run logged to Prefect."""
        ids, said = {"any_": [each["id"] for each in self.flow_runs(run)]}, list[str]()
        while page := self.prefect("/logs/filter", {"logs": {"flow_run_id": ids}, "limit": 200, "offset": len(said)}):
            said += [line["message"] for line in page]
        return said

    def service(self, name: str) -> psutil.Process:
        """Return the process that now plays this part of `slipway up`."""
        assert self.process is not None
        for child in psutil.Process(self.process.pid).children():
            if name in child.cmdline():
                return child
        raise AssertionError(f"no {name} runs")


def kill_tree(root: psutil.Process) -> None:
    """SIGKILL a process and everything below it, parents first."""
    for process in (root, *root.children(recursive=True)):
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue


def _traces(process: psutil.Process) -> str:
    """Return what tells for whom a process works; empty when it is gone or another user's."""
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return ""
        return "\0".join((*process.cmdline(), *process.environ().values()))
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return ""


def _connections(process: psutil.Process) -> list[Any]:
    """Return its sockets; none when it has ended meanwhile."""
    try:
        return list(process.net_connections("inet"))
    except psutil.NoSuchProcess:
        return []


def docker(*words: str) -> list[str]:
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=False, timeout=120).stdout.split()
