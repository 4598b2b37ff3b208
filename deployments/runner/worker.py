"""The worker: takes runs from the pool, executes each in a fork, and finds runs whose process died.

A run is `tracked` from the moment this worker submits it until its process has ended. Tracked runs are never
rescheduled or taken twice: Prefect's worker dies of that (its limiter refuses the second token of one run).
"""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from importlib import import_module
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any
from uuid import UUID

import anyio
import anyio.abc
import httpx
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.responses import WorkerFlowRunResponse
from prefect.states import AwaitingRetry, Cancelled, Crashed
from prefect.workers.base import BaseJobConfiguration, BaseVariables, BaseWorker, BaseWorkerResult

from deployments.data_folder import DataFolder
from deployments.prefect_server.catalog import CATALOG, POOL
from deployments.runner import command_server
from deployments.runner.due_runs import DueRuns
from deployments.runner.forking import fork, warm
from deployments.runner.lost_runs import Fate, fate
from deployments.settings import Settings
from deployments.sockets import COMMANDS
from deployments.supervision.processes import ProcessId, identified, kill_group, parsed

RECONCILE_SECONDS = 2.0
UPKEEP_SLOTS = 16
"""Processes for upkeep beside those of the deliveries."""

logger = logging.getLogger("prefect.slipway.worker")


class ForkResult(BaseWorkerResult):
    """How a fork ended: its exit code and `host:boot:pid:started`."""


class ForkWorker(BaseWorker[BaseJobConfiguration, BaseVariables, ForkResult]):
    """Prefect's worker with forks as infrastructure."""

    type = "slipway-prefork"
    job_configuration = BaseJobConfiguration
    job_configuration_variables = BaseVariables

    def __init__(
        self,
        *args: Any,
        logs: Path,
        mark: Path | None = None,
        after_cancel: Callable[[], Awaitable[None]] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._logs = logs
        self._mark = mark
        self._after_cancel = after_cancel
        self._running: dict[UUID, ProcessId | None] = {}
        self._cancelled: set[UUID] = set()
        self._due = DueRuns(self._work_pool_name, self._prefetch_seconds)
        self._set_up = asyncio.Event()

    async def setup(self) -> None:
        await super().setup()
        await self.reconcile()
        self._set_up.set()
        if self._mark:
            self._mark.touch()

    async def run(
        self, flow_run: FlowRun, configuration: BaseJobConfiguration, task_status: anyio.abc.TaskStatus[Any] | None = None
    ) -> ForkResult:
        """Fork, and wait until the process ended; being cancelled kills it, and the reconciler resumes the run later."""
        self._running[flow_run.id] = None
        try:
            return await self._run(flow_run.id, configuration, task_status)
        finally:
            self._running.pop(flow_run.id)
            self._cancelled.discard(flow_run.id)

    async def _run(
        self, run: UUID, configuration: BaseJobConfiguration, task_status: anyio.abc.TaskStatus[Any] | None
    ) -> ForkResult:
        environment = {name: value for name, value in configuration.env.items() if value is not None}
        process = await anyio.to_thread.run_sync(
            fork, str(run), {**environment, "PREFECT__FLOW_RUN_ID": str(run)}, self._logs / f"{run}.log"
        )
        identity = self._running[run] = identified(process.pid or 0)
        if task_status:
            task_status.started(str(identity or process.pid))
        try:
            await anyio.wait_readable(process.sentinel)
        finally:
            code = _ended(process, identity)
        return ForkResult(status_code=0 if run in self._cancelled else code, identifier=str(identity or process.pid))

    async def _get_scheduled_flow_runs(self) -> list[WorkerFlowRunResponse]:
        if not await self._due.are_worth_asking(self.client):
            return []
        found = await super()._get_scheduled_flow_runs()
        return [entry for entry in found if entry.flow_run.id not in self._running]

    async def reconcile_for_ever(self) -> None:
        """Reconcile every two seconds once set up; an unreachable server is the polling loop's to judge."""
        await self._set_up.wait()
        while True:
            await asyncio.sleep(RECONCILE_SECONDS)
            try:
                await self.reconcile()
            except httpx.HTTPError as error:
                logger.warning("could not look for runs whose process died: %s", error)

    async def reconcile(self) -> None:
        """Resume this worker's runs whose process died, and end those that are to be cancelled."""
        now = datetime.now(UTC)
        for run in await self._unfinished():
            tracked = run.id in self._running or run.id in self._submitting_flow_run_ids
            match fate(run, worker=self.name, tracked=tracked, now=now):
                case Fate.RESUME:
                    await self._close_subflows(run, Crashed(message="the process of the parent run died"))
                    logger.warning("run %s (%s) lost its process: it goes on from its last finished step", run.name, run.id)
                    await self.client.set_flow_run_state(
                        run.id, AwaitingRetry(message="its process died; resumed by the worker")
                    )
                case Fate.GIVE_UP:
                    await self._close_subflows(run, Crashed(message="the process of the parent run died"))
                    message = f"its process died, and it was started {run.run_count} times already"
                    await self.client.set_flow_run_state(run.id, Crashed(message=message), force=True)
                case Fate.CANCEL:
                    await self._cancel(run)

    async def _unfinished(self, parent: UUID | None = None) -> Sequence[FlowRun]:
        types = [StateType.RUNNING, StateType.PENDING, StateType.CANCELLING]
        state = FlowRunFilterState(type=FlowRunFilterStateType(any_=types))
        if parent is not None:
            return await self.client.read_flow_runs(
                flow_run_filter=FlowRunFilter(state=state, parent_flow_run_id={"any_": [parent]})
            )
        return await self.client.read_flow_runs(
            flow_run_filter=FlowRunFilter(state=state),
            work_pool_filter=WorkPoolFilter(name=WorkPoolFilterName(any_=[self._work_pool_name])),
        )

    async def _cancel(self, run: FlowRun) -> None:
        self._cancelled.add(run.id)
        process = self._running.get(run.id) or parsed(run.infrastructure_pid)
        if process is not None:
            kill_group(process, signal.SIGKILL)
        await self._close_subflows(run, Cancelled(message="the parent run was cancelled"))
        await self.client.set_flow_run_state(run.id, Cancelled(message="cancelled; its process was ended"), force=True)
        if self._after_cancel is not None:
            await self._after_cancel()

    async def _close_subflows(self, run: FlowRun, state: Any) -> None:
        """End the run's subflows, which lived in the same process; nobody else would ever say so."""
        for child in await self._unfinished(parent=run.id):
            await self._close_subflows(child, state)
            await self.client.set_flow_run_state(child.id, state, force=True)


def _ended(process: BaseProcess, identity: ProcessId | None) -> int:
    """Make sure that the process and its group are gone; return the exit code, negative for a signal."""
    if identity is not None:
        with suppress(ProcessLookupError):
            kill_group(identity, signal.SIGKILL)
    process.join()
    return process.exitcode if process.exitcode is not None else 1


async def work(settings: Settings, mark: Path | None = None, pool: str = POOL) -> None:
    """Execute runs until SIGTERM or SIGINT; raises when the Prefect server stays unreachable, to be started again."""
    folder = DataFolder(settings.home)
    await asyncio.to_thread(warm, [*(entry.module for entry in CATALOG), *command_server.MODULES])
    worker = ForkWorker(
        pool,
        name=f"slipway-{folder.installation}",
        limit=settings.runner_limit + UPKEEP_SLOTS,
        prefetch_seconds=1,
        logs=folder.run_logs,
        mark=mark,
        after_cancel=_dismiss_orphans,
    )
    async with anyio.create_task_group() as group:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, group.cancel_scope.cancel)
        group.start_soon(worker.start)
        group.start_soon(worker.reconcile_for_ever)
        group.start_soon(command_server.serve_commands, folder.sockets / COMMANDS)
        group.start_soon(_keep_spares, settings.spare_workers)


async def _keep_spares(size: int) -> None:
    try:
        spares = await asyncio.to_thread(import_module, "deployments.runner.spares")
        await spares.keep_spares(size)
    except Exception as error:  # a worker that is made when it is wanted is as good: this must never end the runner
        logger.warning("no spare workers are kept: %s", error)


async def _dismiss_orphans() -> None:
    from deployments.supervision.apps import dismiss_orphans  # two seconds of imports that only a cancelled run needs
    from flows.opening import open_blocks

    try:
        await dismiss_orphans(await open_blocks())
    except Exception as error:  # tidying up must never end the runner: what is left goes with the janitor
        logger.warning("what a cancelled run left is still there: %s", error)
