"""The command line: one command a function, each a few lines over the desk, the registry and the supervisor.

Exit codes: 0 done; 1 the run ended without a release; 2 the input cannot be used; 3 a person has to do something first;
4 Slipway is not up or a service does not answer; 70 a fault of ours; 130 interrupted.
"""

import sys
from typing import Annotated

import typer

from deployments.commands import projects, secrets, services, work
from deployments.terminal import INTERRUPTED

app = typer.Typer(
    help="Slipway: say what you want, get a tested, running, reversible app.",
    no_args_is_help=True,
    add_completion=False,
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
    ("history", projects.history),
    ("down", projects.down),
    ("doctor", services.doctor),
    ("demo", services.demo),
    ("server", services.server),
    ("runner", services.runner),
    ("bot", services.bot),
    ("replay", services.replay),
):
    app.command(name)(command)
app.add_typer(secrets.secret, name="secret")


@app.callback()
def slipway(
    context: typer.Context,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks and library logs.")] = False,
) -> None:
    """Keep what all commands share."""
    context.obj = debug


def main() -> None:
    """Run the command line."""
    if "--debug" in sys.argv[2:]:
        sys.argv.remove("--debug")
        sys.argv.insert(1, "--debug")
    try:
        app()
    except SystemExit as ended:
        raise SystemExit(ended.code if ended.code is not None else 0) from None
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None
