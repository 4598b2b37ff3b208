"""How long `slipway up` takes to be ready, and how much memory the whole thing needs while it delivers."""

import threading
from collections.abc import Sequence

import psutil

from tests.bench.figures import Section
from tests.bench.installation import Installation, installation

PAUSE = 0.25
MIB = 2**20


def measure_start(rounds: int, engine: str) -> Section:
    """Start with a new data folder and again with the same one, by turns, images there already."""
    section = Section(name="up", title="`slipway up`, from its process's start to ready")
    with installation(engine) as first:
        first.start()  # makes images, compiles modules
        chosen = first.up.engine
    fresh, again, stops = [], [], []
    for _ in range(rounds):
        with installation(engine) as slipway:
            fresh.append(slipway.start())
            stops.append(slipway.stop())
            again.append(slipway.start())
    section.add("new data folder", "s", *fresh, note="makes the databases")
    section.add("existing data folder", "s", *again)
    section.add("stop", "s", *stops)
    section.notes.append(f"Engine: {chosen}; its images are there. One start before these is not counted.")
    return section


def measure_memory(engine: str) -> Section:
    """Sum the proportional set sizes of `slipway up` and all its descendants during a delivery."""
    section = Section(name="memory", title="Memory of `slipway up` with all processes below it (sum of PSS)")
    with installation(engine) as slipway:
        slipway.start()
        slipway.deliver("bench-warm")
        idle = sum(_sizes(slipway).values())
        peak = _peak(slipway)
    section.add("at rest, after a delivery", "MiB", idle / MIB)
    section.add("peak during a delivery", "MiB", sum(peak.values()) / MIB, note=f"looked at every {PAUSE:g} s")
    for name, size in sorted(peak.items(), key=lambda item: -item[1]):
        section.add(f"at the peak: {name}", "MiB", size / MIB)
    section.notes.append(
        "PSS counts a page shared by n processes as 1/n for each (Linux smaps_rollup). Not in it: the `slipway new` command, "
        "the Docker engine, and what runs in containers."
    )
    return section


def _peak(slipway: Installation) -> dict[str, int]:
    """Return the sizes of the moment at which their sum was largest."""
    largest: dict[str, int] = {}
    delivering = threading.Thread(target=slipway.deliver, args=("bench-memory",))
    delivering.start()
    while delivering.is_alive():
        sizes = _sizes(slipway)
        largest = max(largest, sizes, key=lambda found: sum(found.values()))
        delivering.join(PAUSE)
    return largest


def _sizes(slipway: Installation) -> dict[str, int]:
    assert slipway.process is not None
    root = psutil.Process(slipway.process.pid)
    names = {pid: name for name, pid in slipway.up.pids.items()}
    sizes: dict[str, int] = {}
    for process in (root, *root.children(recursive=True)):
        try:
            lineage: Sequence[int] = [process.pid, *(parent.pid for parent in process.parents())]
            name = next((names[pid] for pid in lineage if pid in names), "supervisor")
            sizes[name] = sizes.get(name, 0) + process.memory_full_info().pss
        except psutil.NoSuchProcess:
            continue
    return sizes
