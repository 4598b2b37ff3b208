"""From a webhook that was accepted to its flow run at work: a whole installation, its Caddy, and a GitHub on loopback."""

import asyncio
import subprocess
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr

from blocks.registry.block import SqlRegistry
from domain.runs import Run, RunState
from tests.bench.figures import Section
from tests.bench.installation import SLIPWAY, Installation, installation
from tests.bench.telegram import percentile
from tests.fakes.github_places import OWNER
from tests.fakes.github_town import Town, town

PUSHES = 20
PROJECT = "bench-push"
DEADLINE = 120.0
NOTES = (
    "Each push, of a commit of its own, is fetched by real git and becomes a run. It touches the Dockerfile: the run stops at "
    "its question, so that tests of one are not measured in the next. The next push comes when the run waits.",
    "At work: the flow run's own first words, in a process of its own. p99 is over all pushes.",
)


def measure(engine: str, pushes: int = PUSHES) -> Section:
    """Push so often, one after the other, and take the times from the registry."""
    section = Section(name="github", title="GitHub: a webhook's way to a run", notes=list(NOTES))
    with tempfile.TemporaryDirectory() as folder, town(Path(folder)) as there, installation(engine) as slipway:
        slipway.more = {**there.settings, "SLIPWAY_PERSON_RUNS": "0"}
        slipway.start()
        slipway.deliver(PROJECT)
        there.reach(slipway.up.http_port, _said(slipway, "github", "webhook", "--json"))
        answered, begun, working = zip(*_pushed(slipway, there, pushes), strict=True)
        section.notes.append(f"Engine: {slipway.up.engine}.")
    for name, samples in (("answered (202)", answered), ("run begun", begun), ("flow run at work", working)):
        section.add(f"{name}: median", "s", percentile(samples, 50))
        section.add(f"{name}: p99", "s", percentile(samples, 99), note=f"of {pushes} pushes, from when the webhook was sent")
    return section


def _pushed(slipway: Installation, there: Town, pushes: int) -> list[tuple[float, float, float]]:
    """Return for each push how long it took until it was answered, until its run was begun, and until that was at work."""
    name, times = f"{OWNER}/{PROJECT}", []
    clone = there.clone(name)
    dockerfile = (clone.folder / "Dockerfile").read_text()
    for number in range(pushes):
        before = there.main(name)
        clone.push({"Dockerfile": f"{dockerfile}LABEL push={number}\n"})
        sent = datetime.now(UTC)
        status = there.pushed(name, before)
        answered = datetime.now(UTC)
        if status != 202:
            raise SystemExit(f"the webhook was answered {status}")
        run = _waiting(slipway, number + 2)
        since = [(moment - sent).total_seconds() for moment in (answered, run.created, _at_work(slipway, run))]
        times.append((since[0], since[1], since[2]))
    return times


def _waiting(slipway: Installation, number: int) -> Run:
    """Return the project's newest run, which is its `number`th, once it waits at its question."""
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        runs = asyncio.run(_runs(slipway))
        if len(runs) == number and runs[0].state is RunState.WAITING:
            return runs[0]
        time.sleep(0.2)
    raise SystemExit(f"push {number} did not come to its question within {DEADLINE:g} s")


async def _runs(slipway: Installation) -> list[Run]:
    registry = SqlRegistry(url=SecretStr(f"sqlite+aiosqlite:///{slipway.folder.registry}"), budget_micro_usd=0)
    try:
        return list(await registry.runs(PROJECT, limit=PUSHES + 1))
    finally:
        await registry.close()


def _at_work(slipway: Installation, run: Run) -> datetime:
    """Return when the run's flow run began to run, by Prefect."""

    async def asked() -> str:
        async with slipway.prefect_api() as api:
            answer = await api.get(f"/flow_runs/{run.flow_run}")
            answer.raise_for_status()
            return str(answer.json()["start_time"])

    return datetime.fromisoformat(asyncio.run(asked()).replace("Z", "+00:00"))


def _said(slipway: Installation, *words: str) -> str:
    ran = subprocess.run([SLIPWAY, *words], env=slipway.environment, capture_output=True, text=True, check=True)
    return ran.stdout
