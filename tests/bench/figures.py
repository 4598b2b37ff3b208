"""What a bench finds, and how it is shown."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

MANY = 12
"""Samples that a table shows one by one."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One thing measured, as often as it was."""

    name: str
    unit: str
    samples: Sequence[float]
    note: str = ""

    @property
    def value(self) -> float:
        return median(self.samples)


@dataclass(kw_only=True)
class Section:
    """Figures that belong together, and what one must know to read them."""

    name: str
    title: str
    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, name: str, unit: str, *samples: float, note: str = "") -> Figure:
        """Add a figure and return it."""
        figure = Figure(name=name, unit=unit, samples=samples, note=note)
        self.figures.append(figure)
        return figure


def machine() -> dict[str, Any]:
    """Return what else decides the figures: the machine, and how busy it is now."""
    load = os.getloadavg()[0]
    return {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": platform.platform(),
        "load_1_minute": round(load, 1),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def show(section: Section, console: Console) -> None:
    """Print a section as a table."""
    table = Table(title=section.title, title_justify="left", box=None, header_style="dim", pad_edge=False)
    table.add_column("figure")
    table.add_column("median", justify="right")
    table.add_column("samples")
    table.add_column("note", overflow="fold")
    for figure in section.figures:
        table.add_row(figure.name, f"{shown(figure.value)} {figure.unit}".strip(), spread(figure.samples), figure.note)
    console.print(table)
    for note in section.notes:
        console.print(f"  {note}", style="dim", highlight=False)
    console.print()


def spread(samples: Sequence[float]) -> str:
    """Return all samples, or how many there are and between what."""
    if len(samples) > MANY:
        return f"{len(samples)} samples, {shown(min(samples))} to {shown(max(samples))}"
    return " ".join(shown(sample) for sample in samples) if len(samples) > 1 else ""


def shown(number: float) -> str:
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.2f}"


def document(sections: Sequence[Section], before: dict[str, Any]) -> str:
    """Return everything as one JSON document."""
    found = {
        section.name: {
            "title": section.title,
            "notes": section.notes,
            "figures": [
                {"name": f.name, "unit": f.unit, "median": f.value, "samples": list(f.samples), "note": f.note}
                for f in section.figures
            ],
        }
        for section in sections
    }
    return json.dumps({"machine_before": before, "machine_after": machine(), "sections": found}, indent=2, ensure_ascii=False)
