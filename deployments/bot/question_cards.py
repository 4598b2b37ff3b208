"""A run's question as a message: pure, from what the registry knows."""

import re
from html import escape
from typing import cast

from deployments.wording.cards import SIGNS, Card, Wanted, cut
from deployments.wording.reasons import why_failed
from deployments.wording.texts import say
from domain.escalations import MEANINGS, Choice, Escalation
from domain.runs import Run
from domain.trimming import cut as cut_middle
from domain.values import Value

ASK = "ask"
"""Verb of an answer's button; its data is `ask:<run id>:<question>:<choice>`."""

EVIDENCE = 700
"""Characters of evidence in a message."""


class Button(Value):
    """One pressed answer."""

    run: str
    number: int
    choice: Choice


def pressed(data: str) -> Button | None:
    """Read a button's data; None for anything else."""
    match = re.fullmatch(rf"{ASK}:(r-[a-z0-9]+):(\d{{1,4}}):([a-z_]+)", data)
    if match is None or match[3] not in MEANINGS:
        return None
    return Button(run=match[1], number=int(match[2]), choice=cast(Choice, match[3]))


def question_card(run: Run, question: Escalation, goal: Wanted) -> Card:
    """Render the diagnosis with a button for each answer that is the person's to give: money is the operator's."""
    found, language = question.diagnosis, goal.language
    why = cut(why_failed(run, found.cause, language), 600)
    lines = [f"{SIGNS[run.state]} {escape(say(language, 'told_asks', title=goal.title, why=why), quote=False)}"]
    if found.evidence:
        lines.append(f"<pre>{escape(cut_middle(found.evidence, EVIDENCE, head=0.7), quote=False)}</pre>")
    if "more_budget" in found.choices:
        lines.append(escape(say(language, "asks_operator", run=run.id), quote=False))
    choices = [choice for choice in found.choices if choice != "more_budget"]
    buttons = tuple((say(language, f"choose_{choice}"), f"{ASK}:{run.id}:{question.number}:{choice}") for choice in choices)
    return Card(html="\n".join(lines), buttons=buttons)
