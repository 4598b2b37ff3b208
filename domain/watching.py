"""What one look at a live release says of it, and when many complaints at once are nobody's release."""

from collections.abc import Iterable, Mapping, Set
from datetime import datetime, timedelta

from domain.access import Answered
from domain.health import HealthCheck, Probe
from domain.values import Value
from domain.workers import AppState, AppStatus

OK, SERVER_ERROR = 200, 500
PLATFORM_APPS = 4
"""With fewer apps, half of them unwell at once can be chance."""
TRAFFIC_SECONDS = 30.0
TRAFFIC_REQUESTS = 10
"""Fewer requests in that time say nothing of a release."""
SILENT = "does not answer"


class Look(Value):
    """One look at a release: the engine's word, and one answer of its health path (None when it was not asked)."""

    status: AppStatus
    probe: Probe | None = None
    restarts: int = 0
    """How often the engine had to start it again since the look before."""


class Traffic(Value):
    """What people were answered in the last TRAFFIC_SECONDS."""

    requests: int = 0
    failed: int = 0
    """Answered with 5xx, Caddy's own for an app that does not answer included."""


def complaint(look: Look, check: HealthCheck, traffic: Traffic | None = None) -> str:
    """Return in a few words what is wrong with the release; empty when it is well."""
    status = look.status
    if status.out_of_memory:
        return "the app ran out of memory"
    if status.state is not AppState.RUNNING:
        code = "" if status.exit_code is None else f" (exit code {status.exit_code})"
        return f"the app is {status.state.value}{code}"
    if look.restarts:
        return "the app ended and was started again" + (f" {look.restarts} times" if look.restarts > 1 else "")
    return _of_answer(look.probe, check) or (_of_traffic(traffic) if traffic is not None else "")


def is_outside(look: Look) -> bool:
    """Tell whether the complaint about this look is no release's fault: the app runs, and says that the fault is elsewhere."""
    running = look.status.state is AppState.RUNNING and not look.restarts and not look.status.out_of_memory
    return running and look.probe is not None and look.probe.is_outside


def is_beginning(look: Look, went_live: datetime | None, now: datetime, seconds: float) -> bool:
    """Tell whether the app was started again since it went live, and may take until `seconds` after that to be well.

    A release that comes straight from its deploy was well before it went live. One that ended by itself has no such time: that
    is what the watch is for.
    """
    started = look.status.started
    if look.status.state is not AppState.RUNNING or look.status.out_of_memory or look.status.restarts or look.restarts:
        return False
    return started is not None and went_live is not None and went_live < started and now - started < timedelta(seconds=seconds)


def is_silence(complaint: str) -> bool:
    """Tell whether what was complained of is an answer that did not come: it may be there a moment later."""
    return SILENT in complaint


def _of_answer(probe: Probe | None, check: HealthCheck) -> str:
    if probe is None or probe.status is None:
        return f"{check.path} {SILENT} ({probe.error if probe else 'no address'})"
    if probe.status != OK:
        return f"{check.path} answers {probe.status}" + (f" ({probe.reason})" if probe.reason else "")
    return f"{check.path} does not say {check.content!r}" if check.content and check.content not in probe.body else ""


def _of_traffic(traffic: Traffic) -> str:
    """Complain when at least half of enough requests failed, though the health path is fine."""
    if traffic.requests < TRAFFIC_REQUESTS or traffic.failed * 2 < traffic.requests:
        return ""
    return f"{traffic.failed} of the last {traffic.requests} requests were answered with an error of the server"


def traffic_of(answers: Iterable[Answered], upstreams: Set[str]) -> Mapping[str, Traffic]:
    """Count the answers of these upstreams; who went away before there was an answer counts for neither side."""
    counted: dict[str, list[bool]] = {upstream: [] for upstream in upstreams if upstream}
    for answer in answers:
        if answer.upstream in counted and answer.status:
            counted[answer.upstream].append(answer.status >= SERVER_ERROR)
    return {upstream: Traffic(requests=len(failed), failed=sum(failed)) for upstream, failed in counted.items()}


def is_platform_fault(unwell: int, watched: int) -> bool:
    """Tell whether so many releases are unwell at once that the machine or its engine is at fault, and none of them."""
    return watched >= PLATFORM_APPS and unwell * 2 > watched
