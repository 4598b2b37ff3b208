"""What the workers of one run did on the network, as egress proxy and model gateway wrote it down; what their git was told."""

from collections import Counter
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


class CredentialAnswer(Value):
    """What a worker's git was told when it asked for a credential; never the credential."""

    at: AwareDatetime
    asked: str = Field(description="Address as asked for, cut; empty when the question could not be read")
    refused: str = Field(default="", description="Why it got none; empty when it got the one of its repository")


def as_markdown(passages: Iterable[Passage], answers: Iterable[CredentialAnswer] = ()) -> str:
    """Render a run's receipt: hosts with bytes, then what was refused and why, then git's credentials."""
    counted = Counter((answer.refused or "given", answer.asked) for answer in answers)
    return _passages(passages) + (_answers(counted) if counted else "")


def _answers(counted: Counter[tuple[str, str]]) -> str:
    rows = [f"| `{_cell(asked, also='/')}` | {number} | {how} |" for (how, asked), number in sorted(counted.items())]
    head = "\n| credential for | asked | answer |\n|---|---|---|\n"
    cut = f"\n\n{len(rows) - SHOWN} more rows are in the run's receipt file.\n" if len(rows) > SHOWN else "\n"
    return head + "\n".join(rows[:SHOWN]) + cut


def _passages(passages: Iterable[Passage]) -> str:
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


def _cell(text: str, also: str = "") -> str:
    """Return text of a stranger so that it stays inside its table cell."""
    return "".join(c if c.isalnum() or c in ".:-_[]%* " + also else "?" for c in text)
