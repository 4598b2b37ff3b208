"""`slipway answer`: what a run asks its person, and the answer."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from deployments.commands.projects import JSON
from deployments.commands.where import asks_after
from deployments.commands.work import with_text
from deployments.terminal import console, print_json

if TYPE_CHECKING:
    from deployments.asked_place import Place

RUN = typer.Argument(help="Id of the run, like r-0123456789.")
CHOICE = typer.Argument(help="One of the answers that are offered; without it the question is shown.")
TEXT = typer.Argument(help="Your words, or the number of rounds or US dollars; `-` reads it from standard input.")
NUMBER = typer.Option("--question", min=1, help="Answer only if this is what the run asks now.")


@asks_after(with_text)
async def answer(
    place: "Place",
    run: Annotated[str, RUN],
    choice: Annotated[str | None, CHOICE] = None,
    text: Annotated[str, TEXT] = "",
    number: Annotated[int | None, NUMBER] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Show what a run asks, or answer it; the first answer counts."""
    from deployments.question_view import question_document, show_question

    if choice is None:
        question = await place.question(run)
    else:
        question = await place.answer(run, choice, text, number)
    if as_json:
        print_json(question_document(question))
    elif choice is None:
        show_question(question, console())
    else:
        found = await place.run(run)
        goes = "stops now" if choice == "stop" else f"goes on: `slipway logs {found['project']} --follow` shows how"
        sys.stdout.write(f"{run} {goes}\n")
