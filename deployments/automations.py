"""The automations: what the Prefect server does by itself when it hears of something. Upserted by name at every `up`.

Templates: text around an expression keeps Prefect from rendering it as JSON; a lone expression keeps its type, so
`{{ event.payload.release }}` arrives as a number. An automation that cannot act is silent but for the event that
FAILED_TO_ACT listens to, and tests/flows/test_automations.py makes each one fire.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from prefect.automations import Automation
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState, RunDeployment
from prefect.events.schemas.automations import EventTrigger, Posture

from deployments.catalog import STARTS, WATCH_EVERY

ROLL_BACK = "slipway: roll back an unhealthy release"
RESUME_CRASHED = "slipway: resume a crashed run"
NO_HEARTBEAT = "slipway: crash a run without heartbeat"
STUCK = "slipway: retry a run stuck before running"
DEAD_WATCH = "slipway: a dead watch"
PLATFORM = "slipway: most apps are unwell at once"
CUT_OFF = "slipway: an app is cut off by no fault of its own"
FAILED_TO_ACT = "slipway: an automation that failed to act"

Related = dict[str, list[str]]

ENDS = frozenset(
    f"prefect.flow-run.{state}" for state in ("Completed", "Failed", "Cancelled", "Crashed", "Cached", "RolledBack")
)
RESTS = frozenset(f"prefect.flow-run.{state}" for state in ("Suspended", "Paused", "AwaitingRetry", "Cancelling", "Scheduled"))
HEARTBEAT = "prefect.flow-run.heartbeat"


@dataclass(frozen=True, kw_only=True)
class Windows:
    """How long each automation waits; tests shorten them."""

    threshold: int = 3
    unhealthy: timedelta = timedelta(seconds=60)
    heartbeat: timedelta = timedelta(seconds=150)  # one comes each 30 s; one false alarm would run a delivery twice
    stuck: timedelta = timedelta(seconds=20)
    watch: timedelta = 3 * WATCH_EVERY
    quiet: timedelta = timedelta(minutes=5)
    """At most one alarm of an automation that failed in this time: an alarm that fails would otherwise call itself."""


def automations(deployments: Mapping[str, UUID], windows: Windows) -> Sequence[Automation]:
    """Return all automations; `deployments` holds ids by `<flow>/main`."""
    ours = related(deployments.values())
    return (
        _roll_back(deployments["rollback/main"], windows),
        _resume_crashed(ours),
        _no_heartbeat(ours, windows),
        _stuck(ours, windows),
        _dead_watch(deployments["alarm/main"], windows),
        _platform(deployments["alarm/main"], windows),
        _cut_off(deployments["alarm/main"], windows),
        _failed_to_act(deployments["alarm/main"], windows),
    )


def related(deployments: Iterable[UUID]) -> Related:
    """Match events about runs of these deployments; subflows and other people's flows are left alone."""
    return {"prefect.resource.id": [f"prefect.deployment.{deployment}" for deployment in deployments]}


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


def _dead_watch(alarm: UUID, windows: Windows) -> Automation:
    signs = {"slipway.watch.alive"}
    return Automation(
        name=DEAD_WATCH,
        description="Nobody probes the apps any more: the operator is told.",
        trigger=EventTrigger(
            after=signs,
            expect=signs,
            match={"prefect.resource.id": "slipway.watch"},
            for_each={"prefect.resource.id"},  # without it Prefect counts from the automation's own creation
            posture=Posture.Proactive,
            threshold=1,
            within=windows.watch,
        ),
        actions=[
            RunDeployment(
                deployment_id=alarm,
                parameters={
                    "what": "nobody watches the apps",
                    "detail": f"no sign of life of health_watch for {windows.watch.total_seconds():.0f} seconds: "
                    "look at the runner's log, and start `slipway up` again",
                },
            )
        ],
    )


def _cut_off(alarm: UUID, windows: Windows) -> Automation:
    return Automation(
        name=CUT_OFF,
        description="An app says that what it needs from outside is away: no release is taken back, the operator is told.",
        trigger=EventTrigger(
            expect={"slipway.release.cut-off"},
            match={"prefect.resource.id": "slipway.release.*"},
            for_each={"prefect.resource.id"},
            posture=Posture.Reactive,
            threshold=1,
            within=windows.quiet,
        ),
        actions=[
            RunDeployment(
                deployment_id=alarm,
                parameters={
                    "what": "{{ event.payload.project }} is cut off",
                    "detail": "{{ event.payload.reason }}; no release was taken back, since none would be better off",
                },
            )
        ],
    )


def _platform(alarm: UUID, windows: Windows) -> Automation:
    return Automation(
        name=PLATFORM,
        description="Most apps are unwell at once: no release is at fault nor taken back, the operator is told.",
        trigger=EventTrigger(
            expect={"slipway.watch.platform"},
            match={"prefect.resource.id": "slipway.watch"},
            for_each={"prefect.resource.id"},
            posture=Posture.Reactive,
            threshold=windows.threshold,
            within=windows.quiet,
        ),
        actions=[
            RunDeployment(
                deployment_id=alarm,
                parameters={
                    "what": "most apps are unwell at once",
                    "detail": "{{ event.payload.unwell }} of {{ event.payload.watched }} apps: look at the machine and "
                    "its engine (`slipway doctor`); no release was taken back",
                },
            )
        ],
    )


def _failed_to_act(alarm: UUID, windows: Windows) -> Automation:
    return Automation(
        name=FAILED_TO_ACT,
        description="Prefect is silent about an automation whose action failed: the operator is told.",
        trigger=EventTrigger(
            expect={"prefect.automation.action.failed"},
            match={"prefect.resource.id": "prefect.automation.*"},
            for_each={"prefect.resource.id"},
            posture=Posture.Reactive,
            threshold=1,
            within=windows.quiet,
        ),
        actions=[
            RunDeployment(
                deployment_id=alarm,
                parameters={
                    "what": "an automation failed to act",
                    "detail": "{{ event.resource['prefect.resource.name'] }} could not {{ event.payload.action_type }}: "
                    "{{ event.payload.reason }}",
                },
            )
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
    for name in (NO_HEARTBEAT, STUCK, DEAD_WATCH):
        await (await Automation.aread(name=name)).adisable()
