"""Commands that start, follow and stop work."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from deployments.commands.projects import JSON, PROJECT
from deployments.terminal import FAILED_RUN, console, finish, interruptible, print_json
from domain.errors import BadInput

TEXT = typer.Argument(help="What you want, in your own words; `-` reads it from standard input.")
YES = typer.Option("--yes", "-y", help="Accept the Brief without being asked.")
ATTACH = typer.Option("--attach", help="A file to build from: UTF-8 text, a zip or a picture; may be given several times.")
WAIT = typer.Option("--wait/--no-wait", help="Stay until the run rests.")


def new(
    context: typer.Context,
    text: Annotated[str, TEXT],
    name: Annotated[str | None, typer.Option("--name", help="Name of the project and its address.")] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="Kind of project; else the Product Owner chooses.")] = None,
    yes: Annotated[bool, YES] = False,
    wait: Annotated[bool, WAIT] = True,
    as_json: Annotated[bool, JSON] = False,
    attach: Annotated[list[Path] | None, ATTACH] = None,
) -> None:
    """Build something new from a sentence."""
    raise typer.Exit(_take(context, text, name, kind, None, yes=yes, wait=wait, as_json=as_json, attach=attach or ()))


def change(
    context: typer.Context,
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
) -> None:
    """Change a project; its earlier acceptance checks are run again."""
    raise typer.Exit(
        _take(
            context,
            text,
            None,
            None,
            project,
            yes=yes,
            wait=wait,
            as_json=as_json,
            preview=preview,
            scratch=scratch,
            attach=attach or (),
        )
    )


def _take(
    context: typer.Context,
    text: str,
    name: str | None,
    kind: str | None,
    project: str | None,
    *,
    yes: bool,
    wait: bool,
    as_json: bool,
    preview: bool | None = None,
    scratch: bool = False,
    attach: Sequence[Path] = (),
) -> int:
    async def work() -> int:
        from deployments.asking import Asked, request

        asked = Asked(
            text=read(text),
            name=name,
            kind=kind,
            project=project,
            yes=yes,
            wait=wait,
            as_json=as_json,
            preview=preview,
            scratch=scratch,
            attach=tuple(attach),
        )
        return await request(asked, context.obj.session)

    async def work_elsewhere() -> int:
        from deployments.remote.requests import request

        wish = {"text": read(text), **({"preview": preview, "scratch": scratch} if project else {"name": name, "kind": kind})}
        if attach:
            raise BadInput("files are taken on the machine itself alone: the HTTP API takes none")
        async with context.obj.elsewhere() as place:
            return await request(place, project, wish, yes=yes, wait=wait, as_json=as_json)

    doing = work_elsewhere() if context.obj.server else work()
    return finish(doing, debug=context.obj.debug, as_json=as_json)


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


def tell(
    context: typer.Context,
    run: Annotated[str, typer.Argument(help="Id of the run, or its project when only one run of it is open.")],
    text: Annotated[str, typer.Argument(help="What its agent shall know; `-` reads it from standard input.")],
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Say something to a run at work; its agent reads it at its next step."""

    async def work() -> int:
        said = read(text)
        async with context.obj.session() as (desk, _):
            from deployments.people import person
            from deployments.telling import heard_when

            remark = await desk.tell(run, said, person())
            if as_json:
                print_json(remark.model_dump(mode="json"))
            else:
                sys.stdout.write(f"{await heard_when(remark, desk.registry)}\n")
            return 0

    raise typer.Exit(finish(work(), debug=context.obj.debug, as_json=as_json))


def cancel(
    context: typer.Context,
    run: Annotated[str, typer.Argument(help="Id of the run, like r-0123456789.")],
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Stop a run; what it did so far stays in its repository."""

    async def work() -> int:
        async with context.obj.place() as place:
            ended, was_going = await place.cancel(run)
            if not was_going:
                sys.stderr.write(f"{run} had ended before: nothing was changed\n")
            if as_json:
                print_json(ended)
            else:
                sys.stdout.write(f"{run} is {ended['state']}: {ended['message']}\n")
            return 0

    raise typer.Exit(finish(work(), debug=context.obj.debug, as_json=as_json))


DATA_HELP = (
    "What becomes of the app's data, when its database was changed: `keep` leaves it, `restore` brings it back as it was "
    "before. The name of a snapshot brings only the data back."
)


def data_choice(text: str) -> str:
    """Return the choice; a word that is none is the command line's error."""
    if re.fullmatch(r"|keep|restore|v\d+(-undo|-redo)?", text) is None:
        raise typer.BadParameter(f"{text[:40]!r} is none of keep, restore, or the name of a snapshot like v2")
    return text


def rollback(
    context: typer.Context,
    project: Annotated[str, PROJECT],
    version: Annotated[int | None, typer.Argument(help="Release to go back to; else the previous good one.", min=1)] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why; the history keeps it.")] = "asked for by hand",
    data: Annotated[str, typer.Option("--data", help=DATA_HELP, parser=data_choice, metavar="keep|restore|v…")] = "",
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Bring the previous good release back, or with --data v… only the data of before that release."""

    async def work() -> int:
        async with context.obj.place() as place:
            screen = console(stderr=True)
            with screen.status("Going back…"):
                done = await place.roll_back(project, reason, version, data)
            if as_json:
                print_json(done.model_dump(exclude={"is_done"}))
            else:
                sys.stdout.write(f"{done.message}\n")
            return 0 if done.is_done else FAILED_RUN

    raise typer.Exit(finish(work(), debug=context.obj.debug, as_json=as_json))
