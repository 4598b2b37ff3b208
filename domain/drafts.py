"""What a person is shown of an answer of the dialogue while it is written: pure, from what is there of it."""

from collections.abc import Sequence
from typing import Any

from domain.proposals import REPLY
from domain.values import Value
from domain.writing import Draft


class Deed(Value):
    """What the model is at while it writes nothing to be read."""

    tool: str
    project: str = ""


def reply_in(draft: Draft) -> str:
    """Return what of the turn's reply can be read so far, what is being written last; empty while there is none."""
    for call in draft.calls:
        if call.name == REPLY:
            said = [part for field, value in call.fields.items() for part in _said(field, value)]
            return "\n\n".join(part for part in said if isinstance(part, str) and part.strip())
    return ""


def deed_in(draft: Draft) -> Deed | None:
    """Return what the last call is about; None while nothing is called but the reply."""
    calls = [call for call in draft.calls if call.name != REPLY]
    if not calls:
        return None
    project = calls[-1].fields.get("project")
    return Deed(tool=calls[-1].name, project=project if isinstance(project, str) else "")


def _said(field: str, value: Any) -> Sequence[Any]:
    if field == "questions" and isinstance(value, list):
        return [f"❓ {question}" for question in value if isinstance(question, str) and question]
    return [value] if field == "text" else []
