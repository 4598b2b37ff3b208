"""`make bench`, or `make bench ARGS="delivery junit --rounds 5 --json out.json"`."""

import argparse
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from rich.console import Console

from tests.bench import (
    agent,
    api,
    breakages,
    deliveries,
    gateway,
    junit,
    kills,
    redaction,
    releases,
    startup,
    telegram,
    turns,
    watching,
    webhooks,
    workers,
)
from tests.bench.figures import Section, document, machine, show

SECTIONS: Mapping[str, Callable[[argparse.Namespace], Section]] = {
    "agent": lambda chosen: agent.measure(),
    "api": lambda chosen: api.measure(),
    "gateway": lambda chosen: gateway.measure(),
    "github": lambda chosen: webhooks.measure(chosen.engine),
    "junit": lambda chosen: junit.measure(),
    "redaction": lambda chosen: redaction.measure(),
    "telegram": lambda chosen: telegram.measure(chosen.rounds),
    "workers": lambda chosen: workers.measure(chosen.rounds, chosen.engine),
    "turns": lambda chosen: turns.measure(chosen.rounds, chosen.engine),
    "up": lambda chosen: startup.measure_start(chosen.rounds, chosen.engine),
    "memory": lambda chosen: startup.measure_memory(chosen.engine),
    "releases": lambda chosen: releases.measure(chosen.engine),
    "breakages": lambda chosen: breakages.measure(chosen.rounds, chosen.engine, chosen.kinds or breakages.KINDS),
    "watching": lambda chosen: watching.measure(chosen.engine, chosen.apps),
    "kills": lambda chosen: kills.measure(chosen.engine, chosen.kills),
    "delivery": lambda chosen: deliveries.measure(chosen.rounds, chosen.engine),
}


def main() -> None:
    """Measure the chosen sections, print each when it is there, and write the document when asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Figures of this machine and this commit.")
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"of {', '.join(SECTIONS)}; none means all")
    parser.add_argument("--rounds", type=int, default=3, help="how often each thing is measured (3)")
    parser.add_argument("--engine", choices=("docker", "process"), default="", help="insist on an engine")
    parser.add_argument("--kinds", nargs="*", choices=breakages.KINDS, metavar="KIND", help="only these kinds of breakage")
    parser.add_argument("--apps", type=int, default=0, help="how many apps are watched (200; with Docker 24)")
    parser.add_argument("--kills", type=int, default=100, help="how often a deploy or rollback is killed (100)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything as one JSON document")
    chosen = parser.parse_args()
    if unknown := [name for name in chosen.sections if name not in SECTIONS]:
        parser.error(f"there is no section {unknown[0]!r}: choose from {', '.join(SECTIONS)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started is taken away then too
    console, before = Console(width=None if os.isatty(1) else 140), machine()
    facts = f"{before['cores']} cores, load {before['load_1_minute']}, Python {before['python']}, {before['system']}"
    console.print(f"{facts}\n", style="dim", highlight=False)
    found = []
    for name in chosen.sections or SECTIONS:
        found.append(SECTIONS[name](chosen))
        show(found[-1], console)
    console.print(f"load at the end: {machine()['load_1_minute']}", style="dim", highlight=False)
    if chosen.json:
        chosen.json.write_text(document(found, before) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
