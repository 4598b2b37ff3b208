"""How long a broken release goes on serving: from the moment it breaks to the first good answer of the release before.

Every sample is a release of its own that was well, served, and was told to break. Nothing else is done: Slipway's watch sees
it, tells Prefect, Prefect's automation starts the rollback flow, and that leads the route back.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import quantiles
from typing import Any

import httpx

from tests.bench.figures import Section
from tests.bench.installation import Installation, installation
from tests.bench.load import Load, steady_load
from tests.bench.stand import SOUND, Stand, stand, until

KINDS = ("exit", "crash loop", "hang", "500s", "wrong content", "out of memory", "500s but for health")
"""The last one is seen in what people are answered alone."""
RATE = 20.0
"""Requests a second beside: people who use the app, and our eyes."""
SECONDS = 120.0


@dataclass(frozen=True)
class Sample:
    """The moments of one breakage, by the wall clock."""

    kind: str
    broke: float
    first_told: float
    """The watch said for the first time that it is unwell."""
    last_told: float
    """The event with which the automation had enough."""
    created: float
    """The automation made the rollback's flow run."""
    began: float
    """Its first line ran."""
    switched: float
    """The registry says that the release before serves."""
    served: float
    """The first good answer of it through Caddy."""

    @property
    def parts(self) -> Mapping[str, float]:
        """Return how the time divides; the parts follow each other."""
        return {
            "broken to first complaint": self.first_told - self.broke,
            "first to deciding complaint": self.last_told - self.first_told,
            "complaint to rollback's run made": self.created - self.last_told,
            "run made to its first line": self.began - self.created,
            "first line to switch": self.switched - self.began,
            "switch to first good answer": self.served - self.switched,
        }


def measure(rounds: int, engine: str, kinds: Sequence[str] = KINDS) -> Section:
    """Break a release of each kind `rounds` times."""
    section = Section(name="breakages", title="A broken release, until the one before serves again")
    with installation(engine) as slipway:
        slipway.start()
        chosen = slipway.up.engine
        samples = asyncio.run(_broken(slipway, rounds, kinds))
    _add(section, samples)
    section.notes += [
        f"Engine: {chosen}. Settings as they come: a look every 2 s, 3 complaints decide.",
        "Detection is the deciding complaint: before it nobody wants a rollback.",
    ]
    return section


async def _broken(slipway: Installation, rounds: int, kinds: Sequence[str]) -> list[Sample]:
    async with stand(slipway) as place:
        await place.release(place.sound)
        return [await _sample(place, kind) for _ in range(rounds) for kind in kinds]


async def _sample(place: Stand, kind: str) -> Sample:
    """Release the frail app, break it, and wait until the sound one answers."""
    frail = await place.release(place.frail)
    async with steady_load(place.target, RATE) as load:
        broke = await _break(load, kind)
        served = await load.first(lambda answer: answer.release == SOUND and answer.sent > broke, SECONDS)
    if served is None:
        raise SystemExit(f"{kind}: the release before never served within {SECONDS:g} s")
    async with place.slipway.prefect_api() as api:
        told = await _told(api, f"slipway.release.{place.project}.{frail.number}", broke)
        run = await _rollback_run(api, place.project, frail.number)
        await place.flow_ended(run["id"])
    back = await place.live()
    assert back.went_live is not None
    created = _at(run["created"])
    return Sample(
        kind=kind,
        broke=broke,
        first_told=told[0],
        last_told=max(at for at in told if at <= created),
        created=created,
        began=_at(run["start_time"]),
        switched=back.went_live.timestamp(),
        served=served.ended,
    )


async def _break(load: Load, kind: str) -> float:
    """Tell the app to break and return when it did, at the earliest."""
    answer = await load.ask("POST", f"/break?how={kind.replace(' ', '%20')}")
    if answer.lost:
        raise SystemExit(f"the app could not be told to break: {answer.lost}")
    return answer.ended


async def _told(api: httpx.AsyncClient, resource: str, since: float) -> Sequence[float]:
    """Return when the watch complained of the release, in order; events reach Prefect's database a little later."""

    async def found() -> Sequence[float] | None:
        wanted = {"event": {"name": ["slipway.release.unhealthy"]}, "resource": {"id": [resource]}}
        events = (await api.post("/events/filter", json={"filter": wanted, "limit": 50})).raise_for_status().json()["events"]
        return sorted(_at(event["occurred"]) for event in events) or None

    return await until(found, f"Prefect has an event about {resource}")


async def _rollback_run(api: httpx.AsyncClient, project: str, bad: int) -> dict[str, Any]:
    """Return the flow run that the automation made for this release."""

    async def found() -> dict[str, Any] | None:
        asked = {"flows": {"name": {"any_": ["rollback"]}}, "sort": "EXPECTED_START_TIME_DESC", "limit": 20}
        runs = (await api.post("/flow_runs/filter", json=asked)).raise_for_status().json()
        meant = [run for run in runs if run["parameters"].get("release") == bad and run["start_time"]]
        return min(meant, key=lambda run: run["created"], default=None)

    return await until(found, f"a rollback of release {bad} of {project} ran")


def _at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _add(section: Section, samples: Sequence[Sample]) -> None:
    """Add the whole for each kind, then the parts, then the two times that have an aim."""
    for kind in dict.fromkeys(sample.kind for sample in samples):
        section.add(f"{kind}: broken to serving", "s", *(s.served - s.broke for s in samples if s.kind == kind))
    for name in samples[0].parts:
        section.add(f"part: {name}", "s", *(sample.parts[name] for sample in samples))
    _percentile(section, "broken to serving", [s.served - s.broke for s in samples], "aim: under 10 s")
    _percentile(section, "deciding complaint to serving", [s.served - s.last_told for s in samples], "aim: under 3 s")


def _percentile(section: Section, name: str, values: Sequence[float], note: str) -> None:
    section.add(f"all kinds: {name}", "s", *values)
    if len(values) > 1:
        section.add(f"all kinds: {name}, p95", "s", quantiles(values, n=20, method="inclusive")[18], note=note)
