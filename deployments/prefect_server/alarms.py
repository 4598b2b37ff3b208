"""The automations that tell the operator: each runs the alarm deployment with one sentence.

Upserted with the others (automations.py, which says how their templates are written).
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from prefect.automations import Automation
from prefect.events.actions import RunDeployment
from prefect.events.schemas.automations import EventTrigger, Posture

from deployments.prefect_server.windows import ENDS, RESTS, Related, Windows, related
from domain.abandoned import STARTS

FAILED_RUN = "slipway: a run that failed"
GIVEN_UP = "slipway: a run that crashed too often"
HANGS = "slipway: a run that does not end"
DEAD_WATCH = "slipway: a dead watch"
PLATFORM = "slipway: most apps are unwell at once"
CUT_OFF = "slipway: an app is cut off by no fault of its own"
FAILED_TO_ACT = "slipway: an automation that failed to act"

Match = dict[str, str | list[str]]
RUNS = {"prefect.resource.id": "prefect.flow-run.*"}
NAME, WHY = "{{ event.resource['prefect.resource.name'] }}", "{{ event.resource['prefect.state-message'] }}"


def alarms(deployments: Mapping[str, UUID], windows: Windows) -> Sequence[Automation]:
    """Return them; `deployments` holds ids by `<flow>/main`. No alarm is about an alarm's own run: it would call itself."""
    alarm = deployments["alarm/main"]
    others = related(each for name, each in deployments.items() if name != "alarm/main")
    return (
        _failed_run(alarm, others),
        _given_up(alarm, others),
        _hangs(alarm, others, windows),
        _dead_watch(alarm, windows),
        _platform(alarm, windows),
        _cut_off(alarm, windows),
        _failed_to_act(alarm, windows),
    )


def _automation(name: str, description: str, trigger: EventTrigger, alarm: UUID, what: str, detail: str) -> Automation:
    return Automation(
        name=name,
        description=f"{description}: the operator is told.",
        trigger=trigger,
        actions=[RunDeployment(deployment_id=alarm, parameters={"what": what, "detail": detail})],
    )


def _reactive(event: str, match: Match, times: int, within: timedelta, **more: Related) -> EventTrigger:
    return EventTrigger(
        expect={event},
        match=match,
        for_each={"prefect.resource.id"},
        posture=Posture.Reactive,
        threshold=times,
        within=within,
        **more,
    )


def _failed_run(alarm: UUID, others: Related) -> Automation:
    trigger = _reactive("prefect.flow-run.Failed", {**RUNS}, 1, timedelta(0), match_related=others)
    return _automation(
        FAILED_RUN, "A flow run failed by a fault that is nobody's answer", trigger, alarm, f"the run {NAME} failed", WHY
    )


def _given_up(alarm: UUID, others: Related) -> Automation:
    counts = [str(count) for count in range(STARTS, 2 * STARTS)]
    match: Match = {**RUNS, "prefect.run-count": counts}
    trigger = _reactive("prefect.flow-run.Crashed", match, 1, timedelta(0), match_related=others)
    return _automation(
        GIVEN_UP, "A run whose process died again and again goes on no more", trigger, alarm, f"the run {NAME} is given up", WHY
    )


def _hangs(alarm: UUID, others: Related, windows: Windows) -> Automation:
    trigger = EventTrigger(
        after={"prefect.flow-run.Running"},
        expect={*ENDS, *RESTS},
        match={**RUNS},
        match_related=others,
        for_each={"prefect.resource.id"},
        posture=Posture.Proactive,
        threshold=1,
        within=windows.hang,
    )
    return _automation(
        HANGS,
        "A run has been at work for hours and neither ends nor waits for anybody",
        trigger,
        alarm,
        "a run does not end",
        f"a run is at work for {windows.hang.total_seconds() / 3600:g} hours: look for the oldest running one in the "
        "Prefect UI, and cancel it there when it hangs",
    )


def _dead_watch(alarm: UUID, windows: Windows) -> Automation:
    signs = {"slipway.watch.alive"}
    trigger = EventTrigger(
        after=signs,
        expect=signs,
        match={"prefect.resource.id": "slipway.watch"},
        for_each={"prefect.resource.id"},  # without it Prefect counts from the automation's own creation
        posture=Posture.Proactive,
        threshold=1,
        within=windows.watch,
    )
    return _automation(
        DEAD_WATCH,
        "Nobody probes the apps any more",
        trigger,
        alarm,
        "nobody watches the apps",
        f"no sign of life of health_watch for {windows.watch.total_seconds():.0f} seconds: look at the runner's log, and start "
        "`slipway up` again",
    )


def _cut_off(alarm: UUID, windows: Windows) -> Automation:
    match: Match = {"prefect.resource.id": "slipway.release.*"}
    return _automation(
        CUT_OFF,
        "An app says that what it needs from outside is away; no release is taken back",
        _reactive("slipway.release.cut-off", match, 1, windows.quiet),
        alarm,
        "{{ event.payload.project }} is cut off",
        "{{ event.payload.reason }}; no release was taken back, since none would be better off",
    )


def _platform(alarm: UUID, windows: Windows) -> Automation:
    match: Match = {"prefect.resource.id": "slipway.watch"}
    return _automation(
        PLATFORM,
        "Most apps are unwell at once; no release is at fault nor taken back",
        _reactive("slipway.watch.platform", match, windows.threshold, windows.quiet),
        alarm,
        "most apps are unwell at once",
        "{{ event.payload.unwell }} of {{ event.payload.watched }} apps: look at the machine and its engine "
        "(`slipway doctor`); no release was taken back",
    )


def _failed_to_act(alarm: UUID, windows: Windows) -> Automation:
    match: Match = {"prefect.resource.id": "prefect.automation.*"}
    return _automation(
        FAILED_TO_ACT,
        "Prefect is silent about an automation whose action failed",
        _reactive("prefect.automation.action.failed", match, 1, windows.quiet),
        alarm,
        "an automation failed to act",
        f"{NAME} could not {{{{ event.payload.action_type }}}}: {{{{ event.payload.reason }}}}",
    )
