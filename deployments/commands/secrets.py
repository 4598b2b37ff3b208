"""`slipway secret`: names can be listed, values never."""

import sys
from typing import Annotated

import typer

from deployments.commands.projects import JSON, PROJECT
from deployments.terminal import finish, interruptible, print_json

SECRET_LIMIT = 32_768
"""Characters of one secret."""

KEY = typer.Argument(help="Name, like API_TOKEN.")

secret = typer.Typer(help="Secrets of a project: names can be listed, values never.", no_args_is_help=True)


@secret.command("set")
def set_secret(context: typer.Context, project: Annotated[str, PROJECT], key: Annotated[str, KEY]) -> None:
    """Store a secret; the value comes from a prompt or from standard input, never from an argument."""

    async def work() -> int:
        name = checked_key(key)
        async with context.obj.session() as (desk, _):
            from deployments.documents import known

            await known(desk, project)
            await desk.blocks.vault.put(project, name, read_secret(name))
            resumed = await desk.resume_waiting(project)
            sys.stdout.write(f"{name} of {project} is stored" + (f"; {', '.join(resumed)} goes on\n" if resumed else "\n"))
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
    """List the names of a project's secrets."""

    async def work() -> int:
        async with context.obj.session() as (desk, _):
            from deployments.documents import known

            await known(desk, project)
            names = list(await desk.blocks.vault.names(project))
            if as_json:
                print_json({"project": project, "secrets": names})
            else:
                sys.stdout.write("".join(f"{name}\n" for name in names) or f"{project} has no secret\n")
            return 0

    raise typer.Exit(finish(work(), debug=context.obj.debug, as_json=as_json))


@secret.command("rm")
def remove_secret(context: typer.Context, project: Annotated[str, PROJECT], key: Annotated[str, KEY]) -> None:
    """Delete a secret; releases that run keep what they were started with."""

    async def work() -> int:
        async with context.obj.session() as (desk, _):
            from deployments.documents import known
            from domain.errors import BadInput

            await known(desk, project)
            if key not in await desk.blocks.vault.names(project):
                raise BadInput(f"{project} has no secret {key[:60]!r}: `slipway secret list {project}` lists what there is")
            await desk.blocks.vault.delete(project, key)
            sys.stdout.write(f"{key} of {project} is gone\n")
            return 0

    raise typer.Exit(finish(work(), debug=context.obj.debug))
