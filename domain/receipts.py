"""What the workers of one run did on the network, as the egress proxy and the model gateway wrote it down."""

from collections.abc import Iterable

from pydantic import AwareDatetime, Field

from domain.values import Value

MODELS = "model gateway"
"""What stands for the host of a call to a model."""
SHOWN = 200
"""Rows of the table; an endless list of names helps nobody."""


class Passage(Value):
    """One connection to the proxy, or one call through the model gateway, when it has ended."""

    at: AwareDatetime
    host: str = Field(description="As asked for, cut to 120 characters; empty when the request could not be read")
    port: int = 0
    up: int = Field(default=0, ge=0, description="Bytes sent by the worker")
    down: int = Field(default=0, ge=0, description="Bytes sent to the worker")
    refused: str = Field(default="", description="Why it was refused or cut off; empty when it ended well")

    @property
    def place(self) -> str:
        return f"{self.host}:{self.port}" if self.port or not self.host else self.host


def as_markdown(passages: Iterable[Passage]) -> str:
    """Render a run's receipt: hosts with bytes, then what was refused and why."""
    groups: dict[tuple[str, str], list[Passage]] = {}
    for passage in passages:
        groups.setdefault((passage.refused, passage.place), []).append(passage)
    if not groups:
        return "The workers of this run asked for nothing on the network.\n"
    rows = [
        f"| `{_cell(host)}` | {len(found)} | {sum(p.up for p in found):,} | {sum(p.down for p in found):,} | {refused} |"
        for (refused, host), found in sorted(groups.items())
    ]
    cut = f"\n\n{len(rows) - SHOWN} more rows are in the run's receipt file.\n" if len(rows) > SHOWN else "\n"
    head = "| host | times | bytes up | bytes down | refused |\n|---|---|---|---|---|\n"
    return head + "\n".join(rows[:SHOWN]) + cut


def _cell(text: str) -> str:
    """Return text of a stranger so that it stays inside its table cell."""
    return "".join(c if c.isalnum() or c in ".:-_[]%* " else "?" for c in text)
