"""`slipway secret rotate`, the command that gives a secret another value and has the app use it."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from deployments.commands.projects import PROJECT
from deployments.commands.secrets import KEY, UNCHECKED, read_secret, with_key
from deployments.commands.where import asks_after
from deployments.terminal import DONE, console

if TYPE_CHECKING:
    from deployments.asked_place import Place

FORGET = typer.Option(
    "--forget", help="Drop earlier values that no release which could be brought back needs, and no preview has."
)


@asks_after(with_key)
async def rotate(
    place: "Place",
    project: Annotated[str, PROJECT],
    key: Annotated[str, KEY],
    forget: Annotated[bool, FORGET] = False,
    unchecked: Annotated[bool, UNCHECKED] = False,
) -> int:
    """Give a secret another value and release the app with it. One that Slipway made up is made up anew."""
    from deployments.live import ended_code, watch

    value = None if await place.is_made_up(project, key) else read_secret(key)
    run = await place.rotate(project, key, value, unchecked=unchecked)
    if run is not None:
        run = await watch(place, run["run"], console(stderr=True))
    gone = await place.forget_unneeded(project, key) if forget else 0
    sys.stdout.write(f"{await place.rotated(project, key, run['run'] if run else None)}\n")
    if gone:
        sys.stdout.write(f"{gone} earlier value(s) that nothing needs are gone\n")
    return ended_code(run) if run else DONE
