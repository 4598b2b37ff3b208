"""`slipway secret rotate`, the command that gives a secret another value and has the app use it."""

import sys
from typing import Annotated

import typer

from deployments.commands.projects import PROJECT
from deployments.commands.secrets import KEY, UNCHECKED, checked_key, read_secret
from deployments.terminal import DONE, console, finish

FORGET = typer.Option(
    "--forget", help="Drop earlier values that no release which could be brought back needs, and no preview has."
)


def rotate(
    context: typer.Context,
    project: Annotated[str, PROJECT],
    key: Annotated[str, KEY],
    forget: Annotated[bool, FORGET] = False,
    unchecked: Annotated[bool, UNCHECKED] = False,
) -> None:
    """Give a secret another value and release the app again with it; one that Slipway made up is made up anew."""

    async def work() -> int:
        name = checked_key(key)
        async with context.obj.session() as (desk, up):
            from deployments import rotation
            from deployments.asking import ended_code
            from deployments.documents import known
            from deployments.live import watch
            from deployments.people import person

            await known(desk, project)
            info = await rotation.rotatable(desk, project, name)
            value = None if info.generated else read_secret(name)
            await rotation.give_value(desk, project, info, value, person(), unchecked=unchecked)
            run = None
            if await rotation.uses(desk, project, name):
                run = await desk.release_again(project, f"{name} was rotated", person())
                run = await watch(run.id, desk.registry, desk.wakeups, console(stderr=True), up.prefect_ui_url)
            gone = await rotation.forget_unneeded(desk, project, name, person()) if forget else 0
            sys.stdout.write(f"{await rotation.told_rotation(desk, project, name, run)}\n")
            if gone:
                sys.stdout.write(f"{gone} earlier value(s) that nothing needs are gone\n")
            return ended_code(run) if run else DONE

    raise typer.Exit(finish(work(), debug=context.obj.debug))
