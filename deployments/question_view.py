"""A run's question at the terminal: as a document, as text, and asked there and then."""

from typing import Any, Protocol

from rich.console import Console
from rich.text import Text

from deployments.terminal import Declined, chosen
from domain.errors import AnsweredAlready, BadInput
from domain.escalations import MEANINGS, Choice, Escalation

ARGUMENTS: dict[Choice, str] = {
    "guidance": '"what to do"',
    "change_wish": '"what is wanted instead"',
    "more_rounds": "3",
    "more_budget": "2.50",
}
"""What follows a choice on the command line, as an example."""

ASKED_FOR: dict[Choice, str] = {
    "guidance": "What should the developer do?",
    "change_wish": "What is wanted instead?",
    "more_rounds": "How many rounds more?",
    "more_budget": "How many US dollars more?",
}


class Answers(Protocol):
    """The part of `deployments.asked_place.Place` that takes answers."""

    async def answer(self, run: str, choice: str, text: str, number: int | None) -> Escalation: ...


def question_document(question: Escalation) -> dict[str, Any]:
    """Return everything about the question, with the command for each possible answer."""
    return {
        **question.model_dump(mode="json"),
        "answers": {choice: command(question, choice) for choice in question.diagnosis.choices},
    }


def command(question: Escalation, choice: Choice) -> str:
    return " ".join(filter(None, ("slipway answer", question.run, choice, ARGUMENTS.get(choice, ""))))


def show_question(question: Escalation, screen: Console) -> None:
    """Print the diagnosis, the evidence and a command for each answer."""
    found = question.diagnosis
    screen.print(Text(f"{found.kind}: {found.reason}", style="bold yellow"))
    if found.tried:
        screen.print(f"Tried: {found.tried}", markup=False)
    if found.secrets:
        screen.print(f"It would need: {', '.join(found.secrets)}", markup=False)
    if found.evidence:
        screen.print(Text("\n".join(f"  {line}" for line in found.evidence.splitlines()), style="dim"))
    screen.print("\nYou can answer:")
    for choice in found.choices:
        screen.print(Text.assemble(f"  {command(question, choice)}\n      ", (MEANINGS[choice], "dim")), soft_wrap=True)
    if question.answer is None:
        screen.print(f"\nWithout an answer it stops at {question.deadline.astimezone():%Y-%m-%d %H:%M}.", markup=False)


async def ask_here(question: Escalation, place: Answers, screen: Console) -> bool:
    """Ask the person at the terminal until an answer can be used; False when they leave it for later."""
    show_question(question, screen)
    while True:
        try:
            choice = chosen("Answer", question.diagnosis.choices)
            text = chosen(ASKED_FOR[choice]) if choice in ASKED_FOR else ""
        except Declined:
            screen.print(f"Answer later: `slipway answer {question.run}`", markup=False)
            return False
        try:
            await place.answer(question.run, choice, text, question.number)
        except AnsweredAlready as late:
            screen.print(Text(str(late), style="yellow"))
        except BadInput as complaint:
            screen.print(Text(str(complaint), style="yellow"))
            continue
        return True
