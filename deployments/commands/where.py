"""Where a command works: at the installation that is asked, here or elsewhere, or on this machine alone.

A command is written once, against `deployments.asked_place.Place`; one for this machine alone says why, and elsewhere it is
refused with that.
"""

import inspect
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import typer

from deployments.terminal import DONE, finish
from domain.errors import BadInput

if TYPE_CHECKING:
    from deployments.commands.sessions import Shared

Work = Callable[..., Coroutine[Any, Any, int | None]]
"""What a command does; its first argument is what it works with, the others are those of the command line."""
Command = Callable[..., None]
Look = Callable[[dict[str, Any]], dict[str, Any]]
"""Returns a command's words as its work takes them; raises BadInput."""

STARTS = "it starts what runs on this machine"
LOOKS = "it looks at this machine"
SIGNS_IN = "its link is for this machine's own people; elsewhere, sign in to the page with your key"
SHOWS = "it shows a secret that never leaves the machine"
REASONS = (STARTS, LOOKS, SIGNS_IN, SHOWS)
"""Why commands are for one machine alone: there are no others."""


def asks(work: Work) -> Command:
    """Make a command of work with the Place that is asked."""
    return _command(work, lambda context: context.obj.place())


def asks_after(look: Look) -> Callable[[Work], Command]:
    """Make commands like `asks` whose words are looked at before anybody is asked."""
    return lambda work: _command(work, lambda context: context.obj.place(), look=look)


def alone(reason: str, *, quiet: bool = True) -> Callable[[Work], Command]:
    """Make commands of work on this machine alone, with what all commands share; `quiet` as `finish` has it."""
    return lambda work: _command(work, lambda context: _here(context, reason), reason, quiet=quiet)


def asks_nobody(work: Work) -> Command:
    """Make a command of work with what all commands share: it needs no installation that runs, or opens one itself."""
    return _command(work, lambda context: nullcontext(context.obj))


def reason_of(command: Callable[..., Any]) -> str:
    """Return why the command is for one machine alone; empty for one that works elsewhere too."""
    return str(vars(command)["reason"])


@asynccontextmanager
async def _here(context: typer.Context, reason: str) -> AsyncIterator["Shared"]:
    shared: Shared = context.obj
    if shared.server:
        raise BadInput(
            f"`{context.command_path}` works on the machine itself alone: {reason}. "
            "Call it there, without --server and SLIPWAY_SERVER"
        )
    yield shared


def _command(
    work: Work,
    opened: Callable[[typer.Context], AbstractAsyncContextManager[Any]],
    reason: str = "",
    *,
    quiet: bool = True,
    look: Look = dict,
) -> Command:
    def command(context: typer.Context, **given: Any) -> None:
        if context.invoked_subcommand is not None:
            return  # a group does its own work only where no command of it is named

        async def run() -> int:
            words = look(given)
            async with opened(context) as first:
                return await work(first, **words) or DONE

        raise typer.Exit(finish(run(), debug=context.obj.debug, as_json=given.get("as_json", False), quiet=quiet))

    _, *rest = inspect.signature(work).parameters.values()
    first = inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    vars(command).update(__signature__=inspect.Signature([first, *rest]), reason=reason)
    command.__name__, command.__doc__ = work.__name__, work.__doc__
    command.__annotations__ = {each.name: each.annotation for each in (first, *rest)}
    return command
