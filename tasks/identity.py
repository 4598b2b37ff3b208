"""The identity of a step: run, node and round. A step that ended is not run again, whatever process asks."""

from collections.abc import Callable
from typing import Any

from prefect.context import TaskRunContext


def once_per(*names: str) -> Callable[[TaskRunContext, dict[str, Any]], str]:
    """Return a cache key function over these arguments; our run id among them makes the key unique for ever.

    A name may lead into an argument: `request.run`.
    """

    def key(context: TaskRunContext, parameters: dict[str, Any]) -> str:
        return "/".join([context.task.name, *(str(reached(parameters, name)) for name in names)])

    return key


def reached(parameters: dict[str, Any], name: str) -> Any:
    """Follow a dotted name from the arguments."""
    first, *rest = name.split(".")
    value = parameters[first]
    for step in rest:
        value = getattr(value, step)
    return value
