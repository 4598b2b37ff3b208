"""One delivery of the demo against a plain shell script, by turns; and where the delivery's time goes."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from domain.runs import Progress, Run
from tests.bench import shell_way
from tests.bench.figures import Section
from tests.bench.installation import Delivery, Installation, docker_client, installation

NOTES = (
    "A, Slipway: `slipway new TEXT --yes --json` from the start of its process to its end, in an installation that is up: the "
    "Brief, the registry, Prefect's flows, a developer's worker with the session's own commands (two of them run pytest), and "
    "beyond the script's work the acceptance checks, asked of a throw-away copy after each round and again before the release.",
    "B, shell: tests/bench/delivery.sh, with the very trees of a delivery: three commits, two images from clean clones by the "
    "same builder, two test runs without network, one container until /health answers; same limits, no checks, no records.",
    "The model's answers are a recorded session: instant on both sides, so this is all overhead and no thinking.",
)
SET_BASE = """
import asyncio, sys
from blocks.docker_engine.block import DockerEngine
async def main():
    engine = await DockerEngine.aload("slipway")
    was, engine.base_image = engine.base_image, sys.argv[1] or engine.base_image
    await engine.save("slipway", overwrite=True)
    print(was)
asyncio.run(main())
"""


def measure(rounds: int, engine: str) -> Section:
    """Deliver by both ways, `rounds` times each after a first delivery that warms every cache."""
    section = Section(name="delivery", title="One delivery of the demo, recorded session", notes=list(NOTES))
    with installation(engine) as slipway:
        slipway.start()
        first = slipway.deliver("bench-warm")
        if slipway.up.engine == "docker":
            _compare(section, slipway, first, rounds)
        else:
            deliveries = [slipway.deliver(f"bench-{number}") for number in range(rounds)]
            section.add("Slipway, on local processes", "s", *(delivery.seconds for delivery in deliveries))
            _add_parts(section, slipway, deliveries)
            section.notes.append("No ratio: the shell script builds images, so the comparison needs a Docker engine.")
    return section


def _compare(section: Section, slipway: Installation, first: Delivery, rounds: int) -> None:
    client = docker_client()
    assert client is not None
    try:
        trees = shell_way.trees_of(slipway.folder.repositories / f"{first.project}.git", slipway.home.parent / "trees")
        base = _base_image(slipway)
        shell_way.deliver(trees, base, client)
        deliveries, scripts = [], []
        for number in range(rounds):
            deliveries.append(slipway.deliver(f"bench-{number}"))
            scripts.append(shell_way.deliver(trees, base, client))
        ours = section.add("A Slipway, layers cached", "s", *(delivery.seconds for delivery in deliveries))
        theirs = section.add("B shell, layers cached", "s", *(script.seconds for script in scripts))
        section.add("A / B, layers cached", "", ours.value / theirs.value, note="of the medians; the base's pip layer is there")
        cold_ours = _cold_delivery(slipway, base, client)
        with shell_way.untouched_base(client, base) as untouched:
            cold_theirs = shell_way.deliver(trees, untouched, client)
            shell_way.remove_images(client)
        section.add("A Slipway, no layer cached", "s", cold_ours.seconds)
        section.add("B shell, no layer cached", "s", cold_theirs.seconds)
        section.add("A / B, no layer cached", "", cold_ours.seconds / cold_theirs.seconds, note="a machine's first delivery")
        _add_parts(section, slipway, deliveries)
        for name in scripts[0].steps:
            section.add(f"B: {name}", "s", *(script.steps[name] for script in scripts))
    finally:
        shell_way.remove_images(client)
        client.close()


def _cold_delivery(slipway: Installation, base: str, client: Any) -> Delivery:
    with shell_way.untouched_base(client, base) as untouched:
        _base_image(slipway, untouched)
        try:
            return slipway.deliver("bench-cold")
        finally:
            _base_image(slipway, base)


def _base_image(slipway: Installation, chosen: str = "") -> str:
    """Return the base image of the installation's engine, and change it to `chosen`."""
    words = [sys.executable, "-c", SET_BASE, chosen]
    done = subprocess.run(words, env={**os.environ, **slipway.prefect}, capture_output=True, check=True, text=True)
    return done.stdout.strip().splitlines()[-1]


def _add_parts(section: Section, slipway: Installation, deliveries: Sequence[Delivery]) -> None:
    """Say how a delivery's time divides: the medians of the parts, which are not those of one delivery."""
    parts = [_parts(delivery, *asyncio.run(_story(slipway, delivery))) for delivery in deliveries]
    for name in parts[0]:
        section.add(f"A: {name}", "s", *(part[name] for part in parts))


async def _story(slipway: Installation, delivery: Delivery) -> tuple[Run, Sequence[Progress]]:
    from blocks.registry.block import SqlRegistry

    registry = SqlRegistry(url=f"sqlite+aiosqlite:///{slipway.folder.registry}", budget_micro_usd=0)
    try:
        run = await registry.run(delivery.document["run"])
        assert run is not None
        return run, await registry.progress(run.id)
    finally:
        await registry.close()


def _parts(delivery: Delivery, run: Run, lines: Sequence[Progress]) -> dict[str, float]:
    """Cut the delivery at the registry's lines: a part lasts from its line to the next."""
    assert run.ended is not None
    marks = [(delivery.began, "command starts, Brief"), (run.created, "queue, fork, delivery flow begins")]
    number = 0
    for line in lines:
        if line.kind == "round":
            number += 1
            marks.append((line.at, f"develop {number}"))
        elif line.kind == "step":
            marks.append((line.at, f"{line.step} {number}" if line.step == "test" else line.step))
    ends = [at for at, _ in marks[1:]] + [run.ended]
    parts = {name: (end - at).total_seconds() for (at, name), end in zip(marks, ends, strict=True)}
    return {**parts, "result shown, command ends": delivery.seconds - (run.ended - delivery.began).total_seconds()}
