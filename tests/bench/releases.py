"""Requests lost while releases come and go back, under a steady load through Caddy."""

import asyncio
import time
from statistics import quantiles

from tests.bench.figures import Section
from tests.bench.installation import Installation, installation
from tests.bench.load import Load, milliseconds, steady_load
from tests.bench.stand import Stand, stand

TIMES = 10
"""Deploys, and as many rollbacks."""
RATE = 220.0
"""Requests a second, a little more than the 200 that are asked for."""


def measure(engine: str, times: int = TIMES) -> Section:
    """Deploy and roll back by turns, `times` each, while the load goes on."""
    section = Section(name="releases", title=f"{times} deploys and {times} rollbacks under load")
    with installation(engine) as slipway:
        slipway.start()
        asyncio.run(_measured(section, slipway, times))
    return section


async def _measured(section: Section, slipway: Installation, times: int) -> None:
    async with stand(slipway) as place:
        await place.release(place.sound)
        began = time.monotonic()
        async with steady_load(place.target, RATE) as load:
            deploys, rollbacks = await _turns(place, times)
        seconds = time.monotonic() - began
    _add(section, load, seconds)
    section.add("deploy, from asked to serving", "s", *deploys)
    section.add("rollback, from asked to serving", "s", *rollbacks)
    section.notes += [
        f"Engine: {slipway.up.engine}. A deploy is a run of release/main with a candidate that is there (nothing is built), a "
        "rollback one of rollback/main. Each waits until the copy before has no request in flight.",
        "Half of the requests come over kept connections, half over new ones; one in twenty takes 0.3 s, one in ten is a POST.",
    ]


async def _turns(place: Stand, times: int) -> tuple[list[float], list[float]]:
    """Return the seconds of each deploy and of each rollback."""
    deploys, rollbacks = [], []
    for number in range(times):
        asked = time.time()
        serving = await place.release(place.frail if number % 2 else place.sound)
        assert serving.went_live is not None
        deploys.append(serving.went_live.timestamp() - asked)
        asked = time.time()
        run = await place.desk.rollback(place.project, "bench", "the bench")
        back = await place.replaced(serving.number)
        assert back.went_live is not None
        await place.flow_ended(run)
        rollbacks.append(back.went_live.timestamp() - asked)
    return deploys, rollbacks


def _add(section: Section, load: Load, seconds: float) -> None:
    answers = load.answers
    section.add("requests", "", len(answers), note=f"{len(answers) / seconds:.0f} a second for {seconds:.0f} s")
    section.add("lost", "", sum(load.lost.values()), note=", ".join(f"{n} x {how}" for how, n in load.lost.items()) or "aim: 0")
    cuts = quantiles(milliseconds(answers), n=1000)
    section.add("answer, p50", "ms", cuts[499])
    section.add("answer, p95", "ms", cuts[949], note="one request in twenty takes 300 ms in the app")
    section.add("answer, p99.9", "ms", cuts[998])
