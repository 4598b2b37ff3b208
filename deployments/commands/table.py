"""All commands in one table, each a few lines over the desk, the registry and the supervisor; what is common to them."""

import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Annotated

import typer

from deployments.cli import EXIT_CODES
from deployments.commands import (
    answers,
    archives,
    bots,
    domains,
    invitations,
    keys,
    logins,
    pages,
    people,
    previews,
    projects,
    proofs,
    repositories,
    rotation,
    secrets,
    services,
    webhooks,
    work,
)
from deployments.commands.sessions import Shared
from deployments.terminal import BAD_INPUT, refuse

SERVER = typer.Option("--server", help="Address of a Slipway elsewhere, like https://api.example.org: it is asked.")

app = typer.Typer(
    name="slipway",
    help="Say what you want, get a tested, running, reversible app.",
    epilog=f"\b\n{EXIT_CODES}",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for name, command in (
    ("up", services.up),
    ("new", work.new),
    ("change", work.change),
    ("status", projects.status),
    ("logs", projects.logs),
    ("open", projects.open_project),
    ("runs", projects.runs),
    ("rollback", work.rollback),
    ("cancel", work.cancel),
    ("tell", work.tell),
    ("answer", answers.answer),
    ("history", projects.history),
    ("costs", projects.costs),
    ("proof", proofs.proof),
    ("repository", repositories.repository),
    ("page", pages.page),
    ("archive", archives.archive),
    ("down", projects.down),
    ("login", logins.login),
    ("logout", logins.logout),
    ("doctor", services.doctor),
    ("demo", services.demo),
    ("server", services.server),
    ("runner", services.runner),
    ("bot", services.bot),
    ("api", services.api),
    ("replay", services.replay),
):
    app.command(name)(command)
secrets.secret.command("rotate")(rotation.rotate)
github = typer.Typer(help="GitHub: what it is told.", no_args_is_help=True)
github.command("webhook")(webhooks.webhook)
github.callback()(lambda: None)  # so that one command alone keeps its name
app.add_typer(github, name="github")
app.add_typer(secrets.secret, name="secret")
app.add_typer(domains.domain, name="domain")
app.add_typer(bots.bots, name="bots")
app.add_typer(keys.keys, name="keys")
app.add_typer(previews.preview, name="preview")
app.add_typer(invitations.invite, name="invite")
app.add_typer(people.people, name="people")


@app.callback()
def slipway(
    context: typer.Context,
    server: Annotated[str | None, SERVER] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks and library logs.")] = False,
) -> None:
    """Keep what all commands share; a test brings its own."""
    from deployments.remote.logins import checked_server, usual_server
    from deployments.settings import load_settings
    from deployments.terminal import fail
    from domain.errors import BadInput

    shared = context.obj or Shared()
    with suppress(BadInput):  # settings that cannot be used are the command's own to say
        settings = load_settings()
        server = server or settings.server
        debug = debug or settings.debug
        shared = replace(shared, usual="" if context.obj else usual_server(settings.home))
    try:
        context.obj = replace(shared, debug=debug, server=checked_server(server) if server else shared.server)
    except BadInput as error:
        fail(error)


def run(words: Sequence[str], shared: Shared | None = None) -> int:
    """Run one command and return its exit code; options that it does not know are told in one sentence."""
    try:
        return _run(words, shared)
    except SystemExit as left:
        return int(left.code or 0)


def _run(words: Sequence[str], shared: Shared | None) -> int:
    ordered = sorted(words, key=lambda word: word != "--debug") if "--" not in words else list(words)
    try:
        ended = typer.main.get_command(app).main(ordered, prog_name="slipway", standalone_mode=False, obj=shared)
    except typer.TyperException as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            sys.stderr.write(f"{error}\n")
            return BAD_INPUT
        refuse(_usage(error), BAD_INPUT, "--json" in words)
    return ended if isinstance(ended, int) else 0


def _usage(error: typer.TyperException) -> str:
    context = getattr(error, "ctx", None)
    said = error.format_message() if hasattr(error, "format_message") else str(error)
    cure = f"see `{context.command_path if context else 'slipway'} --help`"
    return f"{said} {cure.capitalize()}" if said.endswith("?") else f"{said.rstrip('.')}: {cure}"
