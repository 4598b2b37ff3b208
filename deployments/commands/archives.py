"""The command that gives a person their code as a file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deployments.commands.projects import PROJECT
from deployments.commands.where import asks
from deployments.terminal import console

if TYPE_CHECKING:
    from deployments.asked_place import Place

FILE = typer.Argument(help="The zip to write; else PROJECT.zip in this folder.")


@asks
async def archive(place: "Place", project: Annotated[str, PROJECT], file: Annotated[Path | None, FILE] = None) -> None:
    """Write the project's code, as it was accepted last, into a zip."""
    target = (file or Path(f"{project}.zip")).absolute()
    await place.archive(project, target)
    console().print(f"{target} has the code of {project}", highlight=False, soft_wrap=True)
