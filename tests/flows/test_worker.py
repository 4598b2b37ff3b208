"""The fork worker on a real Prefect server: executes, survives being killed, resumes, cancels."""

import os
import signal
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.states import Cancelled, Cancelling, Scheduled

from deployments.runner.due_runs import ASK_SECONDS, DueRuns
from deployments.runner.lost_runs import Fate, fate
from deployments.supervision.processes import ProcessId, identified, is_alive, parsed
from domain.abandoned import STARTS
from tests.conftest import PrefectServer
from tests.flows.workers import deploy, in_state, lines, read, running_worker, start_run, until

NOW = datetime(2026, 1, 1, tzinfo=UTC)
US = "slipway-test"


def gone() -> str:
    """Return a process of this boot that has ended."""
    me = identified(os.getpid())
    assert me is not None
    return str(me.model_copy(update={"started": me.started - 1}))


def alive() -> str:
    return str(identified(os.getpid()))


def a_run(
    kind: StateType, seconds: float = 60, process: str | None = None, worker: str | None = US, starts: int = 1
) -> FlowRun:
    return FlowRun(
        flow_id=uuid4(),
        state=State(type=kind, timestamp=NOW - timedelta(seconds=seconds)),
        infrastructure_pid=process,
        labels={"prefect.worker.name": worker} if worker else {},
        run_count=starts,
    )


@pytest.mark.parametrize(
    ("run", "tracked", "expected"),
    [
        (a_run(StateType.RUNNING, process=gone()), False, Fate.RESUME),
        (a_run(StateType.RUNNING, process=gone(), starts=STARTS), False, Fate.GIVE_UP),
        (a_run(StateType.RUNNING, process=gone()), True, Fate.LEAVE),
        (a_run(StateType.RUNNING, process=alive()), False, Fate.LEAVE),
        (a_run(StateType.RUNNING, process=None), False, Fate.LEAVE),
        (a_run(StateType.RUNNING, process="otherhost:abcdef01:7:9", worker=None), False, Fate.LEAVE),
        (a_run(StateType.RUNNING, process=gone(), worker="another"), False, Fate.LEAVE),
        (a_run(StateType.PENDING, seconds=1), False, Fate.LEAVE),
        (a_run(StateType.PENDING, seconds=9), False, Fate.RESUME),
        (a_run(StateType.PENDING, seconds=9, worker=None), False, Fate.RESUME),
        (a_run(StateType.PENDING, seconds=9), True, Fate.LEAVE),
        (a_run(StateType.CANCELLING, process=alive()), True, Fate.CANCEL),
        (a_run(StateType.CANCELLING, process=gone()), False, Fate.CANCEL),
        (a_run(StateType.CANCELLING, process=gone(), worker="another"), False, Fate.LEAVE),
    ],
)
def test_fate_of_a_run_follows_its_state_its_process_and_its_owner(run: FlowRun, tracked: bool, expected: Fate) -> None:
    assert fate(run, worker=US, tracked=tracked, now=NOW) is expected


def test_a_process_is_known_again_by_its_text_and_not_by_its_pid_alone() -> None:
    me = identified(os.getpid())
    assert me is not None
    assert parsed(str(me)) == me
    assert is_alive(me)
    assert not is_alive(me.model_copy(update={"started": me.started + 1}))
    assert not is_alive(me.model_copy(update={"boot": "00000000"}))
    assert parsed("host:1234") is None
    assert parsed(None) is None


async def test_queues_are_asked_when_a_run_is_due_and_else_now_and_then(prefect_api: PrefectServer, tmp_path: Path) -> None:
    pool, times = f"pool-{uuid4().hex[:8]}", iter((0.0, 0.0, 1.0, 2.0, 2.0, 2.0 + ASK_SECONDS, 18.0, 18.0))
    deployment, due = await deploy("note", pool), DueRuns(pool, ahead=1, clock=lambda: next(times))
    async with get_client() as client:
        assert await due.are_worth_asking(client)  # nobody has asked yet
        later = Scheduled(scheduled_time=datetime.now(UTC) + timedelta(hours=1))
        await client.create_flow_run_from_deployment(deployment, state=later, parameters={"folder": str(tmp_path)})
        assert not await due.are_worth_asking(client)
        run = await start_run(deployment, folder=str(tmp_path))
        assert await due.are_worth_asking(client)
        await client.set_flow_run_state(run, Cancelled(), force=True)
        assert not await due.are_worth_asking(client)
        assert await due.are_worth_asking(client)  # the queues shall stay ready


async def test_worker_killed_with_its_runs_leaves_nothing_behind_and_the_next_one_finishes_each_step_once(
    prefect_api: PrefectServer, tmp_path: Path
) -> None:
    home, files, pool = tmp_path / "home", tmp_path / "files", f"pool-{uuid4().hex[:8]}"
    files.mkdir()
    run = await start_run(await deploy("long", pool), folder=str(files))
    for number in (signal.SIGKILL, signal.SIGTERM):
        with running_worker(home, pool) as worker:
            await lines(files / "pids", 1 if number is signal.SIGKILL else 2)
            child = await until(lambda: _process_of(run), "the run's process is known")
            worker.send_signal(number)
            worker.wait(60)
            await until(partial(_is_gone, child), "the run's process died with its worker")
        assert (await read(run)).state.type is StateType.RUNNING
    with running_worker(home, pool):
        await lines(files / "pids", 3)
        (files / "go").touch()
        finished = await in_state(run, "Completed", "Failed", "Crashed")
    assert finished.state.name == "Completed"
    assert (files / "steps").read_text().split() == ["1", "2", "3"]
    assert finished.run_count == 3
    assert "waiting for go" in (home / "logs" / "runs" / f"{run}.log").read_text()


async def _process_of(run: object) -> ProcessId | None:
    found = parsed((await read(run)).infrastructure_pid)  # type: ignore[arg-type]
    return found if found and is_alive(found) else None


async def _is_gone(process: ProcessId) -> bool:
    return not is_alive(process)


async def test_cancelled_run_loses_its_process_and_its_subflows_and_stays_cancelled(
    prefect_api: PrefectServer, tmp_path: Path
) -> None:
    home, files, pool = tmp_path / "home", tmp_path / "files", f"pool-{uuid4().hex[:8]}"
    files.mkdir()
    run = await start_run(await deploy("nest", pool), folder=str(files))
    with running_worker(home, pool):
        await lines(files / "pids", 1)
        child = await until(lambda: _process_of(run), "the run's process is known")
        async with get_client() as client:
            await client.set_flow_run_state(run, Cancelling())
        await in_state(run, "Cancelled")
        await until(lambda: _is_gone(child), "the run's process is gone")
        second = await start_run(await deploy("note", pool), folder=str(files))
        await in_state(second, "Completed")
    assert (await read(run)).state.name == "Cancelled"
    async with get_client() as client:
        inner = await client.read_flow_runs(flow_run_filter=FlowRunFilter(parent_flow_run_id={"any_": [run]}))
    assert [child.state.name for child in inner] == ["Cancelled"]
