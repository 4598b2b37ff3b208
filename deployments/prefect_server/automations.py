"""The automations: what the Prefect server does by itself when it hears of something. Upserted by name at every `up`.

Templates: text around an expression keeps Prefect from rendering it as JSON; a lone expression keeps its type, so
`{{ event.payload.release }}` arrives as a number. An automation that cannot act is silent but for the event that
FAILED_TO_ACT listens to, and tests/flows/test_automations.py makes each one fire.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from prefect.automations import Automation
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState, RunDeployment
from prefect.events.schemas.automations import EventTrigger, Posture

from deployments.prefect_server.alarms import DEAD_WATCH, HANGS, alarms
from deployments.prefect_server.windows import ENDS, HEARTBEAT, RESTS, Related, Windows, related
from domain.abandoned import STARTS

ROLL_BACK = "slipway: roll back an unhealthy release"
RESUME_CRASHED = "slipway: resume a crashed run"
NO_HEARTBEAT = "slipway: crash a run without heartbeat"
STUCK = "slipway: retry a run stuck before running"


def automations(deployments: Mapping[str, UUID], windows: Windows) -> Sequence[Automation]:
    """Return all automations; `deployments` holds ids by `<flow>/main`."""
    ours = related(deployments.values())
    return (
        _roll_back(deployments["rollback/main"], windows),
        _resume_crashed(ours),
        _no_heartbeat(ours, windows),
        _stuck(ours, windows),
        *alarms(deployments, windows),
    )


def _roll_back(rollback: UUID, windows: Windows) -> Automation:
    return Automation(
        name=ROLL_BACK,
        description="Enough failed probes of one release within the window start the rollback flow.",
        trigger=EventTrigger(
            expect={"slipway.release.unhealthy"},
            match={"prefect.resource.id": "slipway.release.*"},
            for_each={"prefect.resource.id"},
            posture=Posture.Reactive,
            threshold=windows.threshold,
            within=windows.unhealthy,
        ),
        actions=[
            RunDeployment(
                deployment_id=rollback,
                parameters={
                    "project": "{{ event.resource['slipway.project'] }}",
                    "release": "{{ event.payload.release }}",
                    "reason": "it was unhealthy: {{ event.payload.reason }}",
                    "automatic": True,
                },
            )
        ],
    )


def _resume_crashed(ours: Related) -> Automation:
    return Automation(
        name=RESUME_CRASHED,
        description="A run whose process died is scheduled again and goes on from its last finished step.",
        trigger=EventTrigger(
            expect={"prefect.flow-run.Crashed"},
            match={"prefect.resource.id": "prefect.flow-run.*", "prefect.run-count": [str(count) for count in range(STARTS)]},
            match_related=ours,
            posture=Posture.Reactive,
            threshold=1,
            within=timedelta(0),
        ),
        actions=[
            ChangeFlowRunState(state=StateType.SCHEDULED, name="AwaitingRetry", message="it crashed; resumed by automation")
        ],
    )


def _no_heartbeat(ours: Related, windows: Windows) -> Automation:
    return Automation(
        name=NO_HEARTBEAT,
        description="A running run that sends no heartbeat is dead: it is marked as crashed, and so resumed.",
        trigger=EventTrigger(
            after={HEARTBEAT},
            expect={HEARTBEAT, *ENDS, *RESTS},
            match={"prefect.resource.id": "prefect.flow-run.*"},
            match_related=ours,
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=windows.heartbeat,
        ),
        actions=[ChangeFlowRunState(state=StateType.CRASHED, name="Crashed", message="no heartbeat: its process is gone")],
    )


def _stuck(ours: Related, windows: Windows) -> Automation:
    return Automation(
        name=STUCK,
        description="A run that was taken from the queue and never began is scheduled again.",
        trigger=EventTrigger(
            after={"prefect.flow-run.Pending", "prefect.flow-run.Submitting"},
            expect={"prefect.flow-run.Running", "prefect.flow-run.Late", *ENDS, *RESTS},
            match={"prefect.resource.id": "prefect.flow-run.*"},
            match_related=ours,
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=windows.stuck,
        ),
        actions=[
            ChangeFlowRunState(state=StateType.SCHEDULED, name="AwaitingRetry", message="it never began; scheduled again")
        ],
    )


async def upsert(automation: Automation) -> UUID:
    """Create the automation, or replace the one of its name; return its id."""
    try:
        automation.id = (await Automation.aread(name=automation.name)).id
        await automation.aupdate()
    except ValueError:  # none of this name
        await automation.acreate()
    if automation.id is None:
        raise LookupError(automation.name)
    return automation.id


async def rest_proactive() -> None:
    """Disable what fires on silence, before a stop: a stopped installation is silent. The next `up` enables it again."""
    for name in (NO_HEARTBEAT, STUCK, HANGS, DEAD_WATCH):
        await (await Automation.aread(name=name)).adisable()
