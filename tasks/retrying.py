"""When Prefect may run a task again by itself."""

from typing import Any

from prefect import Task
from prefect.client.schemas.objects import State, TaskRun

from domain.errors import TryAgain


def only_try_again(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Accept errors of the try-again family alone: every other one would only come again."""
    return isinstance(state.data, TryAgain)
