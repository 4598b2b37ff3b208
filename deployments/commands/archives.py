"""The command that gives a person their code as a file."""

from pathlib import Path
from typing import Annotated

import typer

from deployments.commands.projects import PROJECT
from deployments.terminal import DONE, console, finish

FILE = typer.Argument(help="The zip to write; else PROJECT.zip in this folder.")


def archive(
    context: typer.Context,
    project: Annotated[str, PROJECT],
    file: Annotated[Path | None, FILE] = None,
) -> None:
    """Write the project's code, as it was accepted last, into a zip."""

    async def work() -> int:
        async with context.obj.session() as (desk, _):
            from blocks.git_archives import write_zip
            from deployments.data_folder import DataFolder
            from deployments.documents import known

            found = await known(desk, project)
            target = (file or Path(f"{found.slug}.zip")).absolute()
            await write_zip(DataFolder(Path(desk.blocks.installation.home)).repositories, found.slug, target)
            console().print(f"{target} has the code of {found.slug}", highlight=False, soft_wrap=True)
            return DONE

    raise typer.Exit(finish(work(), debug=context.obj.debug))
