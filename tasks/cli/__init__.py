"""CLI agents by name: one file with an adapter each, and one line here.

An engine may also be named as `module:NAME`: then that adapter is used, and nothing here knows it.
"""

from importlib import import_module

from domain.cli_agents import LOOP, CliAgent
from domain.errors import BadInput

ADAPTERS = {
    "claude-code": "tasks.cli.claude_code:CLAUDE_CODE",
}


def cli_agent(engine: str) -> CliAgent | None:
    """Return the adapter of an engine; None for our own loop. Raises BadInput for a name that means nothing."""
    if engine == LOOP:
        return None
    module, _, name = ADAPTERS.get(engine, engine).partition(":")
    try:
        found: CliAgent = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        known = ", ".join([LOOP, *ADAPTERS])
        raise BadInput(f"there is no engine {engine!r}: choose one of {known}, or `module:NAME` of an adapter") from error
    return found
