"""Every automation fires on a real server: a template that cannot be rendered would otherwise be silent."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from prefect.automations import Automation
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.client.schemas.objects import FlowRun
from prefect.events import emit_event
from prefect.events.actions import RunDeployment
from prefect.events.schemas.automations import EventTrigger
from prefect.states import Crashed, Failed, Pending, Running

from deployments.prefect_server.alarms import CUT_OFF, DEAD_WATCH, FAILED_RUN, FAILED_TO_ACT, GIVEN_UP, HANGS, PLATFORM
from deployments.prefect_server.automations import (
    NO_HEARTBEAT,
    RESUME_CRASHED,
    ROLL_BACK,
    STUCK,
    automations,
    rest_proactive,
    upsert,
)
from deployments.prefect_server.windows import HEARTBEAT, Windows
from domain.abandoned import STARTS
from domain.releases import Release, ReleaseState
from tasks.watch_events import CUT_OFF as CUT_OFF_EVENT
from tasks.watch_events import Probe, emit, emit_alive, emit_platform
from tests.conftest import PrefectServer
from tests.flows.workers import deploy, in_state, read, start_run, until

SHORT = Windows(
    threshold=3,
    unhealthy=timedelta(seconds=60),
    heartbeat=timedelta(seconds=10),
    stuck=timedelta(seconds=10),
    hang=timedelta(seconds=10),
    watch=timedelta(seconds=10),
    quiet=timedelta(seconds=1),
)
NAMES = [
    ROLL_BACK, RESUME_CRASHED, NO_HEARTBEAT, STUCK, FAILED_RUN, GIVEN_UP, HANGS, DEAD_WATCH, PLATFORM, CUT_OFF, FAILED_TO_ACT,
]  # fmt: skip


@dataclass(frozen=True)
class Installed:
    """Sample deployments in the place of ours, in a pool that no worker polls."""

    ids: dict[str, UUID]

    async def runs(self, name: str) -> list[FlowRun]:
        async with get_client() as client:
            return await client.read_flow_runs(deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[self.ids[name]])))

    async def run_with(self, name: str, **parameters: Any) -> FlowRun:
        """Return the deployment's run that has these parameters, as soon as there is one."""

        async def there() -> FlowRun | None:
            found = await self.runs(name)
            return next((run for run in found if parameters.items() <= run.parameters.items()), None)

        found = await until(there, f"a run of {name} with {parameters}")
        assert isinstance(found, FlowRun)
        return found


@pytest.fixture
async def installed(prefect_api: PrefectServer) -> AsyncIterator[Installed]:
    pool = f"pool-{uuid4().hex[:8]}"
    samples = {"rollback/main": "rollback", "alarm/main": "alarm", "health_watch/main": "tick", "delivery/main": "note"}
    ids = {name: await deploy(flow, pool) for name, flow in samples.items()}
    made = [await upsert(automation) for automation in automations(ids, SHORT)]
    yield Installed(ids)
    for automation in made:
        await (await Automation.aread(id=automation)).adelete()


def unhealthy(project: str, release: int, times: int) -> None:
    for _ in range(times):
        emit_event(
            "slipway.release.unhealthy",
            resource={"prefect.resource.id": f"slipway.release.{project}.{release}", "slipway.project": project},
            payload={"release": release, "project": project, "reason": "/health answers 500"},
        )


async def test_third_failed_probe_of_one_release_starts_one_rollback_with_typed_parameters(installed: Installed) -> None:
    project = f"notes-{uuid4().hex[:6]}"
    unhealthy(project, 6, times=2)
    unhealthy(project, 7, times=7)
    run = await installed.run_with("rollback/main", project=project)
    assert run.parameters == {
        "project": project,
        "release": 7,
        "reason": "it was unhealthy: /health answers 500",
        "automatic": True,
    }
    marker = f"after-{uuid4().hex[:6]}"
    unhealthy(marker, 1, times=3)
    await installed.run_with("rollback/main", project=marker)  # all earlier events have been judged by now
    assert [
        run.parameters["release"] for run in await installed.runs("rollback/main") if run.parameters["project"] == project
    ] == [7]


async def test_crashed_run_is_scheduled_again(installed: Installed) -> None:
    run = await start_run(installed.ids["delivery/main"], folder="/nowhere")
    async with get_client() as client:
        await client.set_flow_run_state(run, Crashed(message="killed"), force=True)
    await in_state(run, "AwaitingRetry")


async def test_run_that_failed_or_is_given_up_is_told_to_the_operator(installed: Installed) -> None:
    run, doomed = [await start_run(installed.ids["delivery/main"], folder="/nowhere") for _ in range(2)]
    async with get_client() as client:
        await client.set_flow_run_state(run, Failed(message="a fault of ours"), force=True)
        for _ in range(STARTS):
            await client.set_flow_run_state(doomed, Running(), force=True)
        await client.set_flow_run_state(doomed, Crashed(message="its process died"), force=True)
    failed = await installed.run_with("alarm/main", what=f"the run {(await read(run)).name} failed")
    assert failed.parameters["detail"] == "a fault of ours"
    given_up = await installed.run_with("alarm/main", what=f"the run {(await read(doomed)).name} is given up")
    assert given_up.parameters["detail"] == "its process died"
    assert (await read(doomed)).state.is_crashed()


async def test_silence_is_answered_of_runs_without_heartbeat_runs_that_never_begin_and_a_dead_watch(
    installed: Installed,
) -> None:
    silent = await start_run(installed.ids["delivery/main"], folder="/nowhere")
    stuck = await start_run(installed.ids["delivery/main"], folder="/nowhere")
    async with get_client() as client:
        await client.set_flow_run_state(silent, Running(), force=True)
        await client.set_flow_run_state(stuck, Pending(), force=True)
    emit_alive()
    emit_event(
        HEARTBEAT,
        resource={"prefect.resource.id": f"prefect.flow-run.{silent}"},
        related=[
            {
                "prefect.resource.id": f"prefect.deployment.{installed.ids['delivery/main']}",
                "prefect.resource.role": "deployment",
            }
        ],
    )
    await in_state(stuck, "AwaitingRetry")
    await in_state(silent, "AwaitingRetry")  # crashed by one automation, resumed by another
    assert (await read(silent)).state.message == "it crashed; resumed by automation"
    await installed.run_with("alarm/main", what="nobody watches the apps")
    await installed.run_with("alarm/main", what="a run does not end")


async def test_most_apps_unwell_at_once_raise_the_alarm(installed: Installed) -> None:
    for _ in range(3):
        emit_platform(7, 9)
    told = await installed.run_with("alarm/main", what="most apps are unwell at once")
    assert told.parameters["detail"].startswith("7 of 9 apps")


async def test_app_that_is_cut_off_raises_the_alarm_and_no_rollback(installed: Installed) -> None:
    project = f"bot-{uuid4().hex[:6]}"
    released = Release(
        project=project, number=3, run="r-1", commit="c", candidate="d", environment_version=1, state=ReleaseState.LIVE,
        created=datetime.now(UTC),
    )  # fmt: skip
    emit(CUT_OFF_EVENT, Probe(release=released, complaint="/health answers 503 (401)", is_outside=True))
    told = await installed.run_with("alarm/main", what=f"{project} is cut off")
    assert told.parameters["detail"].startswith("/health answers 503 (401); no release was taken back")
    assert [run for run in await installed.runs("rollback/main") if run.parameters["project"] == project] == []


async def test_automation_that_cannot_act_raises_an_alarm_that_says_why(installed: Installed) -> None:
    event = f"test.{uuid4().hex[:8]}"
    broken = Automation(
        name=f"broken {event}",
        trigger=EventTrigger(expect={event}, threshold=1),
        actions=[RunDeployment(deployment_id=uuid4(), parameters={})],
    )
    made = await upsert(broken)

    async def told() -> str | None:
        # Prefect holds an event back when it overtook the one that it follows: the next failure is told at once.
        emit_event(event, resource={"prefect.resource.id": "test"})
        await asyncio.sleep(1)
        details = [run.parameters.get("detail", "") for run in await installed.runs("alarm/main")]
        return next((detail for detail in details if f"broken {event}" in detail), None)

    detail = await until(told, "the alarm")
    assert detail.startswith(f"broken {event} could not run-deployment: ")
    await (await Automation.aread(id=made)).adelete()


async def test_upsert_by_name_keeps_ids_and_rest_switches_off_what_fires_on_silence(installed: Installed) -> None:
    before = {name: (await Automation.aread(name=name)).id for name in NAMES}
    again = [await upsert(automation) for automation in automations(installed.ids, SHORT)]
    assert again == [before[name] for name in NAMES]
    await rest_proactive()
    enabled = {name for name in NAMES if (await Automation.aread(name=name)).enabled}
    assert enabled == {ROLL_BACK, RESUME_CRASHED, FAILED_RUN, GIVEN_UP, CUT_OFF, PLATFORM, FAILED_TO_ACT}
    for automation in automations(installed.ids, SHORT):
        await upsert(automation)
    assert all([(await Automation.aread(name=name)).enabled for name in NAMES])
