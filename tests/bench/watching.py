"""What the watch costs: one pass over many apps, and the processor's time of the watch that runs by itself."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psutil

from deployments.desk.opening import open_desk
from deployments.desk.requests import Desk
from deployments.supervision.processes import parsed
from domain.candidates import Built
from domain.releases import Release, ReleaseState
from domain.runs import DeliveryRequest, RunState
from tasks.deployer import start_release, switch_release
from tasks.leases import claim, give_back
from tasks.preparer import AUTHOR
from tasks.watch import Watch
from tests.bench.figures import Section
from tests.bench.installation import Installation, installation
from tests.bench.stand import ORIGIN, bench_brief

APPS = {"process": 200, "docker": 24}
"""An engine of Docker with its usual settings has address ranges for some thirty networks, and each project has one."""
PASSES = 20
CPU_SECONDS = 60.0
FILES = {
    "Procfile": "web: exec python -S tiny.py\n",
    "app.json": '{"name": "tiny", "healthchecks": {"web": [{"type": "startup", "path": "/health", "content": "well"}]}}\n',
    "Dockerfile": "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nWORKDIR /app\nCOPY . .\n",
    "tiny.py": """import os
import socket

with socket.create_server((os.environ.get("HOST", "0.0.0.0"), int(os.environ["PORT"])), backlog=64) as server:
    while True:
        line, _ = server.accept()
        with line:
            line.recv(4096)
            line.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 4\\r\\nConnection: close\\r\\n\\r\\nwell")
""",
}


def measure(engine: str, apps: int = 0) -> Section:
    """Watch one app and then many; each is a process or container of its own that answers by itself."""
    section = Section(name="watching", title="The watch")
    with installation(engine) as slipway:
        slipway.start()
        wanted = apps or APPS[slipway.up.engine]
        asyncio.run(_measured(section, slipway, wanted))
        section.notes.append(
            f"Engine: {slipway.up.engine}. A pass asks the engine, the registry and every app; the first one also reads each "
            "project's app.json. The apps are small: what they need to answer is part of a pass on the same machine."
        )
    return section


async def _measured(section: Section, slipway: Installation, apps: int) -> None:
    async with open_desk(slipway.prefect) as desk:
        candidate, commit = await _candidate(desk)
        await _serve(desk, 0, candidate, commit)
        await _add_cpu(section, slipway, "1 app")
        began = time.monotonic()
        for number in range(1, apps):
            await _serve(desk, number, candidate, commit)
        section.add(f"{apps} apps put online, one after the other", "s", time.monotonic() - began)
        await _add_passes(section, desk, apps)
        await _add_cpu(section, slipway, f"{apps} apps")
        await desk.registry.close()  # type: ignore[attr-defined]


async def _add_passes(section: Section, desk: Desk, apps: int) -> None:
    blocks, seconds = desk.blocks, list[float]()
    watch = Watch(blocks.registry, blocks.engine, blocks.git, blocks.vault)
    for _ in range(PASSES + 1):
        began = time.monotonic()
        probes = await watch.look()
        seconds.append(time.monotonic() - began)
        if bad := [probe.complaint for probe in probes if probe.complaint] or len(probes) != apps:
            raise SystemExit(f"a pass over {apps} apps saw {len(probes)}, and this: {bad}")
    section.add(f"pass over {apps} apps, the first", "s", seconds[0])
    section.add(f"pass over {apps} apps", "s", *seconds[1:], note="aim: under 2 s")
    section.add(f"pass over {apps} apps, the slowest", "s", max(seconds[1:]))


async def _add_cpu(section: Section, slipway: Installation, what: str) -> None:
    """Add the shares of one processor that the watch's own runs and the Prefect server take meanwhile."""
    server = psutil.Process(slipway.up.pids["prefect"])
    seen: dict[int, tuple[float, float]] = {}
    began, clock, at_rest = time.time(), time.monotonic(), _whole(server)
    async with slipway.prefect_api() as api:
        while time.monotonic() - clock < CPU_SECONDS:
            for process in await _watchers(api):
                try:
                    used, born = _cpu(process), process.create_time()
                except psutil.NoSuchProcess:
                    continue
                first = seen.get(process.pid, (0.0 if born >= began else used, used))[0]
                seen[process.pid] = first, used
            await asyncio.sleep(0.5)
    passed = time.monotonic() - clock
    section.add(f"watch of {what}", "% of a core", 100 * sum(last - first for first, last in seen.values()) / passed)
    section.add(f"Prefect server meanwhile, {what}", "% of a core", 100 * (_whole(server) - at_rest) / passed)


async def _watchers(api: httpx.AsyncClient) -> Sequence[psutil.Process]:
    """Return the processes that watch now; for a moment two do."""
    asked = {"flows": {"name": {"any_": ["health_watch"]}}, "flow_runs": {"state": {"type": {"any_": ["RUNNING"]}}}}
    runs = (await api.post("/flow_runs/filter", json=asked)).raise_for_status().json()
    found = [process for run in runs if (process := parsed(run["infrastructure_pid"])) is not None]
    return [psutil.Process(process.pid) for process in found if psutil.pid_exists(process.pid)]


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _whole(root: psutil.Process) -> float:
    return sum(_cpu(process) for process in (root, *root.children(recursive=True)))


async def _candidate(desk: Desk) -> tuple[str, str]:
    """Make the first project's repository and the candidate of all."""
    git = desk.blocks.git
    await git.create(_name(0))
    with tempfile.TemporaryDirectory(prefix="slipway-bench-app-") as name:
        folder = Path(name)
        for path, text in FILES.items():
            (folder / path).write_text(text, encoding="utf-8")
        commit = await git.commit_tree(_name(0), folder, branch="main", parent=None, message="tiny", author=AUTHOR)
        candidate = await desk.blocks.engine.build(folder, _name(0), "r-tiny000000")
    if not isinstance(candidate, Built):
        raise SystemExit(f"the bench's app could not be built:\n{candidate.log[-2000:]}")
    return candidate.candidate, commit.sha


async def _serve(desk: Desk, number: int, candidate: str, commit: str) -> None:
    """Put one project online by the deployer's own steps."""
    blocks, name, run = desk.blocks, _name(number), f"r-tiny{number:06}"
    registry, engine, wakeups = blocks.registry, blocks.engine, blocks.wakeups
    now, brief = datetime.now(UTC), bench_brief(name)
    await registry.add_project(brief, "local:bench", blocks.installation.domain_of(name), now)
    await registry.add_run(DeliveryRequest(run=run, project=name, request="bench", brief=brief, origin=ORIGIN), now)
    await registry.update_run(run, state=RunState.DELIVERED, ended=now)
    if number:
        folder = Path(blocks.git.folder)  # type: ignore[attr-defined]
        await asyncio.to_thread(shutil.copytree, folder / f"{_name(0)}.git", folder / f"{name}.git")
    lease = await claim(name, run, registry, wakeups)
    assert lease is not None
    version = await registry.add_environment(name, {}, {})
    release = await start_release.fn(
        lease, run, commit, candidate, version.number, "web", registry, engine, blocks.vault, wakeups
    )
    live = await switch_release.fn(lease, release, ReleaseState.DRAINING, "bench", registry, engine, blocks.proxy, wakeups)
    assert isinstance(live, Release), live
    await give_back(lease, registry, wakeups)


def _name(number: int) -> str:
    return f"tiny-{number:03}"
