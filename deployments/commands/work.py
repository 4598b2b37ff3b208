"""Commands that start, follow and stop work."""

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.commands.projects import JSON, PROJECT
from deployments.commands.where import asks, asks_after
from deployments.place_values import Wish
from deployments.terminal import DONE, FAILED_RUN, console, interruptible, print_json
from domain.errors import BadInput

if TYPE_CHECKING:
    from deployments.asked_place import Place

TEXT = typer.Argument(help="What you want, in your own words; `-` reads it from standard input.")
YES = typer.Option("--yes", "-y", help="Accept the Brief without being asked.")
ATTACH = typer.Option("--attach", help="A file to build from: UTF-8 text, a zip or a picture; may be given several times.")
WAIT = typer.Option("--wait/--no-wait", help="Stay until the run rests.")


def read(text: str) -> str:
    """Return the request; `-` stands for standard input, of which more than a request may hold is not read."""
    from domain.names import REQUEST_LIMIT

    if text != "-":
        return text
    try:
        with interruptible():
            return sys.stdin.read(REQUEST_LIMIT * 8)
    except UnicodeDecodeError:
        raise BadInput("the request is not UTF-8 text: send plain text") from None


def with_text(given: dict[str, Any]) -> dict[str, Any]:
    """Return the words with the text that they stand for."""
    return {**given, "text": read(given["text"])}


def with_wish(given: dict[str, Any]) -> dict[str, Any]:
    """Return the words with the request; raise BadInput when it is none, or its Brief can be accepted by nobody."""
    from domain.names import checked_request

    text = checked_request(read(given["text"]))
    if not given["yes"] and not sys.stdin.isatty():
        raise BadInput("nobody can be asked here: add --yes to accept the Brief as it is written")
    return {**given, "text": text}


@asks_after(with_wish)
async def new(
    place: "Place",
    text: Annotated[str, TEXT],
    name: Annotated[str | None, typer.Option("--name", help="Name of the project and its address.")] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="Kind of project; else the Product Owner chooses.")] = None,
    yes: Annotated[bool, YES] = False,
    wait: Annotated[bool, WAIT] = True,
    as_json: Annotated[bool, JSON] = False,
    attach: Annotated[list[Path] | None, ATTACH] = None,
) -> int:
    """Build something new from a sentence."""
    from deployments.asking import request

    wish = Wish(text=text, name=name, kind=kind, attach=tuple(attach or ()))
    return await request(place, wish, yes=yes, wait=wait, as_json=as_json)


@asks_after(with_wish)
async def change(
    place: "Place",
    project: Annotated[str, PROJECT],
    text: Annotated[str, TEXT],
    yes: Annotated[bool, YES] = False,
    wait: Annotated[bool, WAIT] = True,
    as_json: Annotated[bool, JSON] = False,
    preview: Annotated[
        bool | None, typer.Option("--preview/--no-preview", help="Show it first, and put it online when it is confirmed.")
    ] = None,
    scratch: Annotated[bool, typer.Option("--scratch", help="Begin the preview with no data, not with a copy.")] = False,
    attach: Annotated[list[Path] | None, ATTACH] = None,
) -> int:
    """Change a project; its earlier acceptance checks are run again."""
    from deployments.asking import request

    wish = Wish(text=text, project=project, preview=preview, scratch=scratch, attach=tuple(attach or ()))
    return await request(place, wish, yes=yes, wait=wait, as_json=as_json)


@asks_after(with_text)
async def tell(
    place: "Place",
    run: Annotated[str, typer.Argument(help="Id of the run, or its project when only one run of it is open.")],
    text: Annotated[str, typer.Argument(help="What its agent shall know; `-` reads it from standard input.")],
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Say something to a run at work. Its agent reads it at its next step."""
    said = await place.tell(run, text)
    print_json(said) if as_json else sys.stdout.write(f"{said['message']}\n")


@asks
async def cancel(
    place: "Place",
    run: Annotated[str, typer.Argument(help="Id of the run, like r-0123456789.")],
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Stop a run; what it did so far stays in its repository."""
    ended, was_going = await place.cancel(run)
    if not was_going:
        sys.stderr.write(f"{run} had ended before: nothing was changed\n")
    if as_json:
        print_json(ended)
    else:
        sys.stdout.write(f"{run} is {ended['state']}: {ended['message']}\n")


DATA_HELP = (
    "What becomes of the app's data, when its database was changed: `keep` leaves it, `restore` brings it back as it was "
    "before. The name of a snapshot brings only the data back."
)


def data_choice(text: str) -> str:
    """Return the choice; a word that is none is the command line's error."""
    if re.fullmatch(r"|keep|restore|v\d+(-undo|-redo)?", text) is None:
        raise typer.BadParameter(f"{text[:40]!r} is none of keep, restore, or the name of a snapshot like v2")
    return text


@asks
async def rollback(
    place: "Place",
    project: Annotated[str, PROJECT],
    version: Annotated[int | None, typer.Argument(help="Release to go back to; else the previous good one.", min=1)] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why; the history keeps it.")] = "asked for by hand",
    data: Annotated[str, typer.Option("--data", help=DATA_HELP, parser=data_choice, metavar="keep|restore|v…")] = "",
    as_json: Annotated[bool, JSON] = False,
) -> int:
    """Bring the previous good release back. With --data v… only the data of before that release comes back."""
    screen = console(stderr=True)
    with screen.status("Going back…"):
        done = await place.roll_back(project, reason, version, data)
    print_json(done.model_dump(exclude={"is_done"})) if as_json else sys.stdout.write(f"{done.message}\n")
    return DONE if done.is_done else FAILED_RUN
