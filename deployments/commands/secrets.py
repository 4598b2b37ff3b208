"""`slipway secret`: names, ages, lengths and users can be listed, values never."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.commands.projects import JSON, PROJECT
from deployments.commands.where import asks, asks_after
from deployments.terminal import confirmed, console, interruptible, print_json
from domain.errors import BadInput
from domain.vault import SECRET_LIMIT

if TYPE_CHECKING:
    from deployments.asked_place import Place

KEY = typer.Argument(help="Name, like API_TOKEN.")
UNCHECKED = typer.Option("--unchecked", help="Use the value whatever it looks like.")

secret = typer.Typer(help="Secrets of a project. They can be listed, their values never.", no_args_is_help=True)


def with_key(given: dict[str, Any]) -> dict[str, Any]:
    """Return the words, in which the key may name a variable; raise BadInput."""
    from pydantic import TypeAdapter, ValidationError

    from domain.names import EnvName

    key = given["key"]
    try:
        TypeAdapter(EnvName).validate_python(key)
    except ValidationError:
        raise BadInput(f"{key[:60]!r} cannot name a variable: use letters, digits and underscores, like API_TOKEN") from None
    return given


@secret.command("set")
@asks_after(with_key)
async def set_secret(
    place: "Place",
    project: Annotated[str, PROJECT],
    key: Annotated[str, KEY],
    unchecked: Annotated[bool, UNCHECKED] = False,
) -> None:
    """Store a secret. The value comes from a prompt or from standard input, never from an argument."""
    await place.known(project)
    sys.stdout.write(f"{await place.set_secret(project, key, read_secret(key), unchecked=unchecked)}\n")


def read_secret(key: str) -> str:
    """Read the value without echo, or from standard input without its last newline."""
    import getpass

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
@asks
async def list_secrets(place: "Place", project: Annotated[str, PROJECT], as_json: Annotated[bool, JSON] = False) -> None:
    """List the secrets of a project. Each kept version stands there with its age, its length and the releases that use it."""
    from deployments import tables
    from deployments.desk import secret_view

    rows = await place.secrets(project)
    if as_json:
        print_json({"project": project, "secrets": rows})
    elif rows:
        tables.show(console(), secret_view.secrets(rows, secret_view.now()))
    else:
        sys.stdout.write(f"{project} has no secret\n")


@secret.command("rm")
@asks_after(with_key)
async def remove_secret(
    place: "Place",
    project: Annotated[str, PROJECT],
    key: Annotated[str, KEY],
    old: Annotated[bool, typer.Option("--old", help="Keep the newest value, delete all earlier ones.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete a secret. Not while a release serves with it, and kept releases that need it are given up."""
    lost = await place.lost_without(project, key, old=old)
    numbers = ", ".join(map(str, lost))
    if lost and not yes and not sys.stdin.isatty():
        raise BadInput(f"release {numbers} of {project} needs it and nobody can be asked here: add --yes to give that up")
    if lost and not yes and not confirmed(f"Release {numbers} of {project} needs it. Give that up?", default=False):
        sys.stdout.write("Nothing was changed.\n")
        return
    sys.stdout.write(f"{await place.remove_secret(project, key, lost, old=old)}\n")
