"""Read the prompts, which are files in `domain/prompts`."""

from functools import cache
from importlib.resources import files


@cache
def prompt(name: str) -> str:
    """Return the prompt of this name."""
    return (files("domain") / "prompts" / f"{name}.md").read_text("utf-8")
