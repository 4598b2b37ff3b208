"""When a task may be retried: only for errors that say that the same call may succeed later."""

from typing import Any

from prefect import Task
from prefect.client.schemas.objects import State, TaskRun

from domain.errors import TryAgain


def only_try_again(_task: Task[..., Any], _task_run: TaskRun, state: State[Any]) -> bool:
    """Be a task's `retry_condition_fn`. Prefect hands the fresh failure with the exception itself as data.

    It must be a plain function: Prefect takes a callable object for False.
    """
    return isinstance(state.data, TryAgain)
