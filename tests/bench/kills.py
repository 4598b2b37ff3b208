"""Kills at any moment: the process of a deploy or of a rollback is ended by SIGKILL, again and again, under a light load.

After each run there is exactly one live release, its copy alone runs, the lock is free, and its person was told once.
"""

import asyncio
import os
import random
import signal
import time
from contextlib import suppress
from statistics import mean

import httpx

from deployments.supervision.processes import is_alive, parsed
from domain.releases import ReleaseState
from domain.runs import RunState
from domain.workers import AppState
from tests.bench.figures import Section
from tests.bench.installation import Installation, installation
from tests.bench.load import steady_load
from tests.bench.stand import Stand, stand, until

RATE = 20.0
LONGEST = 3.0
"""Seconds from a process's start to its kill: a little longer than a whole run."""
KILLS_A_RUN = 3
"""Slipway gives a run up that was started ten times."""


def measure(engine: str, kills: int = 100, seed: int = 4) -> Section:
    """Kill so often; end with the evidence when anything is not as it has to be."""
    section = Section(name="kills", title=f"{kills} kills at random moments of deploys and rollbacks")
    with installation(engine) as slipway:
        slipway.start()
        asyncio.run(_measured(section, slipway, kills, random.Random(seed)))  # noqa: S311 - moments, not secrets
        section.notes.append(f"Engine: {slipway.up.engine}. Random numbers from seed {seed}.")
    return section


async def _measured(section: Section, slipway: Installation, kills: int, chance: random.Random) -> None:
    tried, runs, recovered = 0, 0, list[float]()
    async with stand(slipway) as place, slipway.prefect_api() as api:
        await place.release(place.sound)
        async with steady_load(place.target, RATE) as load:
            while tried < kills:
                back = runs % 2 == 1
                flow_run, key = await (_begin_rollback(place) if back else _begin_release(place, runs))
                done, seconds = await _killed(api, flow_run, min(KILLS_A_RUN, kills - tried), chance)
                await place.flow_ended(flow_run)
                await _check(place, key, f"{'rollback' if back else 'deploy'} {flow_run}, kills {tried + 1} to {tried + done}")
                tried, runs, recovered = tried + done, runs + 1, recovered + seconds
    section.add("kills", "", tried, note=f"in {runs} deploys and rollbacks")
    section.add("survived", "", tried, note="one live release, its copy alone runs, the lock is free, told once")
    lost = load.lost
    section.add("lost requests", "", sum(lost.values()), note=", ".join(f"{n} x {how}" for how, n in lost.items()))
    if recovered:
        section.add("kill to its next process", "s", mean(recovered), note=f"mean of {len(recovered)}")


async def _begin_release(place: Stand, number: int) -> tuple[str, str]:
    """Return the flow run, and the key of the one message to its person."""
    run = await place.begin_release(place.frail if number % 4 else place.sound)
    return run.flow_run, f"{run.id}:end"


async def _begin_rollback(place: Stand) -> tuple[str, str]:
    bad = await place.live()
    good = max(r.number for r in await place.releases() if r.state is ReleaseState.KEPT)
    return await place.desk.rollback(place.project, "bench", "the bench"), f"{place.project}:rollback-{bad.number}-{good}"


async def _killed(api: httpx.AsyncClient, flow_run: str, times: int, chance: random.Random) -> tuple[int, list[float]]:
    """Kill the run's process so often, if it lives long enough; return how often, and the seconds until the next one began."""
    last, done, seconds = "", 0, list[float]()
    while done < times:
        found = await until(lambda last=last: _process(api, flow_run, last), f"{flow_run} has a process again, or has ended")
        if not found:
            break
        if done:
            seconds.append(time.monotonic() - killed)  # noqa: F821
        await asyncio.sleep(chance.uniform(0, LONGEST))
        process = parsed(found)
        if process is None or not is_alive(process):
            break
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
            done += 1
        killed, last = time.monotonic(), found  # noqa: F841
    return done, seconds


async def _process(api: httpx.AsyncClient, flow_run: str, last: str) -> str | None:
    """Return the name of the run's process, another than the last one; empty when the run has ended."""
    run = (await api.get(f"/flow_runs/{flow_run}")).raise_for_status().json()
    if run["state_type"] in ("COMPLETED", "FAILED", "CANCELLED"):
        return ""
    found = run["infrastructure_pid"]
    return found if found and found != last else None


async def _check(place: Stand, key: str, after: str) -> None:
    """End the bench when the world is not as if nothing had happened."""
    releases = await place.releases()
    live = [r for r in releases if r.state is ReleaseState.LIVE]
    apps = await place.desk.blocks.engine.apps(place.project)
    running = [app.identity for app in apps if app.state in (AppState.RUNNING, AppState.RESTARTING)]
    told = [note.key for note in await place.desk.registry.unsent("cli")]
    routes = [route.upstream for route in await place.desk.blocks.proxy.routes()]
    addresses = [app.address for app in apps if app.identity in running]
    open_runs = [run.id for run in await place.desk.registry.runs(place.project, 500) if not run.state.ended]
    failed = [run.id for run in await place.desk.registry.runs(place.project, 500) if run.state is RunState.FAILED]
    if len(live) != 1 or running != [live[0].identity] or routes != addresses or told.count(key) != 1 or open_runs or failed:
        raise SystemExit(
            f"{after}: live {live}, running {running}, routes {routes}, told {told}, open {open_runs}, failed {failed}"
        )
