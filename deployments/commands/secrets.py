"""`slipway secret`: names, ages, lengths and users can be listed, values never."""

import sys
from typing import Annotated

import typer

from deployments.commands.projects import JSON, PROJECT
from deployments.terminal import confirmed, console, finish, interruptible, print_json

SECRET_LIMIT = 32_768
"""Characters of one secret."""

KEY = typer.Argument(help="Name, like API_TOKEN.")
UNCHECKED = typer.Option("--unchecked", help="Use the value whatever it looks like.")

secret = typer.Typer(help="Secrets of a project: they can be listed, their values never.", no_args_is_help=True)


@secret.command("set")
def set_secret(
    context: typer.Context,
    project: Annotated[str, PROJECT],
    key: Annotated[str, KEY],
    unchecked: Annotated[bool, UNCHECKED] = False,
) -> None:
    """Store a secret; the value comes from a prompt or from standard input, never from an argument."""

    async def work() -> int:
        name = checked_key(key)
        async with context.obj.place() as place:
            await place.domains(project)  # it is there: nobody types a value for nothing
            value = read_secret(name)
            sys.stdout.write(f"{await place.set_secret(project, name, value, unchecked=unchecked)}\n")
            return 0

    raise typer.Exit(finish(work(), debug=context.obj.debug))


def checked_key(key: str) -> str:
    """Return the key if it may name a variable; raise BadInput."""
    from pydantic import TypeAdapter, ValidationError

    from domain.errors import BadInput
    from domain.names import EnvName

    try:
        return TypeAdapter(EnvName).validate_python(key)
    except ValidationError:
        raise BadInput(f"{key[:60]!r} cannot name a variable: use letters, digits and underscores, like API_TOKEN") from None


def read_secret(key: str) -> str:
    """Read the value without echo, or from standard input without its last newline."""
    import getpass

    from domain.errors import BadInput

    try:
        with interruptible():
            typed = sys.stdin.isatty()
            value = getpass.getpass(f"{key}: ") if typed else sys.stdin.read(SECRET_LIMIT + 1).removesuffix("\n")
    except UnicodeDecodeError:
        raise BadInput(f"the value of {key} is not UTF-8 text: encode it, for example with base64") from None
    if not value.strip():
        raise BadInput(f'the value of {key} is empty: pipe it in, like `printf %s "$VALUE" | slipway secret set …`')
    if len(value) > SECRET_LIMIT:
        raise BadInput(f"the value of {key} is longer than {SECRET_LIMIT:,} characters")
    return value


@secret.command("list")
def list_secrets(context: typer.Context, project: Annotated[str, PROJECT], as_json: Annotated[bool, JSON] = False) -> None:
    """List the secrets of a project: each kept version with its age, its length and the releases that use it."""

    async def work() -> int:
        async with context.obj.place() as place:
            from deployments import secret_view, tables

            rows = await place.secrets(project)
            if as_json:
                print_json({"project": project, "secrets": rows})
            elif rows:
                tables.show(console(), secret_view.secrets(rows, secret_view.now()))
            else:
                sys.stdout.write(f"{project} has no secret\n")
            return 0

    raise typer.Exit(finish(work(), debug=context.obj.debug, as_json=as_json))


@secret.command("rm")
def remove_secret(
    context: typer.Context,
    project: Annotated[str, PROJECT],
    key: Annotated[str, KEY],
    old: Annotated[bool, typer.Option("--old", help="Keep the newest value, delete all earlier ones.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete a secret; not while a release serves with it, and kept releases that need it are given up."""

    async def work() -> int:
        async with context.obj.session() as (desk, _):
            from deployments.documents import known
            from deployments.people import person
            from deployments.secret_work import references_to_forget, remove_values
            from domain.errors import BadInput

            await known(desk, project)
            references, lost = await references_to_forget(desk, project, key, old=old)
            numbers = ", ".join(map(str, lost))
            if lost and not yes and not sys.stdin.isatty():
                raise BadInput(
                    f"release {numbers} of {project} needs it and nobody can be asked here: add --yes to give that up"
                )
            if lost and not yes and not confirmed(f"Release {numbers} of {project} needs it. Give that up?", default=False):
                sys.stdout.write("Nothing was changed.\n")
                return 0
            sys.stdout.write(f"{await remove_values(desk, project, key, references, person())}\n")
            return 0

    raise typer.Exit(finish(work(), debug=context.obj.debug))
