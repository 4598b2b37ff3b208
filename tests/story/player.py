"""The model of the stories: a tale holds what it says about one request; the player finds the tale by the request's text."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.messages_api import Answer, Asked, Fault, Hang, Say, text, use

Block = dict[str, Any]
Place = tuple[str, str, int]
"""Request text, role and turn."""


@dataclass(frozen=True, kw_only=True)
class Tale:
    """Everything that the model says from one request to its end."""

    request: str
    brief: Block
    plan: Block
    steps: Sequence[Sequence[Block]] | Callable[[int], Sequence[Block]]
    """The developer's answers, by turn of its one conversation."""
    findings: Sequence[Sequence[Block]] = ()
    """What the reviewer hands in, by green round; nothing afterwards."""

    def found(self, turn: int) -> list[Block]:
        return list(self.findings[turn]) if turn < len(self.findings) else []

    def step(self, turn: int) -> Sequence[Block]:
        if callable(self.steps):
            return self.steps(turn)
        assert turn < len(self.steps), f"the developer of {self.request!r} has nothing to say at turn {turn}"
        return self.steps[turn]


@dataclass
class Player:
    """Plays all tales. When first asked, a place in `hangs` gets no answer, and one in `faults` its error."""

    tales: dict[str, Tale] = field(default_factory=dict)
    hangs: set[Place] = field(default_factory=set)
    faults: dict[Place, Fault] = field(default_factory=dict)
    hanging: set[Place] = field(default_factory=set)
    answered: Counter[Place] = field(default_factory=Counter)

    def tell(self, *tales: Tale) -> None:
        self.tales.update({tale.request: tale for tale in tales})

    def __call__(self, asked: Asked) -> Answer:
        tale = self.tales[wish_of(asked.body)]
        place = (tale.request, asked.role, asked.turn)
        if place in self.hangs:
            self.hangs.remove(place)
            self.hanging.add(place)
            return Hang()
        if fault := self.faults.pop(place, None):
            return fault
        self.answered[place] += 1
        match asked.role:
            case "product_owner":
                return Say([use("submit_brief", **tale.brief)])
            case "architect":
                return Say([use("submit_plan", **tale.plan)])
            case "developer":
                return Say(tale.step(asked.turn))
            case "reviewer":
                return Say([use("submit_review", findings=tale.found(asked.turn))])
        raise AssertionError(f"no tale knows the role {asked.role!r}")


def wish_of(body: Block) -> str:
    """Return the person's words as they stand in the first message of every role."""
    first = body["messages"][0]["content"]
    words = first if isinstance(first, str) else "".join(block.get("text", "") for block in first)
    found = re.search(r"<request>\n(.*?)\n</request>", words, re.DOTALL)
    assert found, f"no request stands in {words[:300]!r}"
    return found[1]


def brief(title: str, slug: str, checks: dict[str, str], retires: Sequence[str] = (), kind: str = "web-service") -> Block:
    return {
        "title": title,
        "slug": slug,
        "kind": kind,
        "language": "en",
        "summary": f"{title}, over HTTP.",
        "stories": [f"As a person I use {title.lower()}, so that I need no calculator."],
        "checks": [{"id": name, "text": words} for name, words in checks.items()],
        "retires": list(retires),
    }


def plan(summary: str, *checks: Block) -> Block:
    return {
        "summary": summary,
        "files": [{"path": "app/main.py", "purpose": "Routes"}],
        "test_plan": ["Each route answers as the Brief says"],
        "checks": list(checks),
    }


def http_check(covers: str, *steps: Block, id: str = "") -> Block:
    return {"type": "http", "id": id or f"{covers}-http", "covers": covers, "title": covers, "steps": list(steps)}


def unseen(covers: str, *steps: Block) -> Block:
    """Return a check that the developer is not shown."""
    return {**http_check(covers, *steps, id=f"{covers}-unseen"), "unseen": True}


def wrote(path: str, content: str) -> Block:
    return use("str_replace_based_edit_tool", command="create", path=path, file_text=content)


def ran(command: str) -> Block:
    return use("bash", command=command)


def done(summary: str = "It is built and tested.", dropped: Mapping[str, str] | None = None) -> list[Block]:
    given_up = [{"name": name, "reason": reason} for name, reason in (dropped or {}).items()]
    return [text("That is all."), use("finish", summary=summary, **({"dropped": given_up} if given_up else {}))]
