"""When a running copy counts as healthy, when to go on waiting, and when to give up."""

from typing import Any

from pydantic import Field, ValidationError

from domain.errors import BadInput
from domain.json_text import read_json
from domain.manifests import manifest_from
from domain.trimming import cut, plain
from domain.values import Value
from domain.workers import AppState, AppStatus

REASON_LIMIT = 200
"""Characters kept of what an app says of itself."""
UNAVAILABLE = 503
RESTARTS_LIMIT = 2
"""A copy that the engine had to start again more often than this will not come up by waiting."""


class HealthCheck(Value):
    """One of Dokku's start-up checks (https://github.com/dokku/docker-container-healthchecker)."""

    path: str = Field(default="/health", pattern=r"^/[^\x00-\x1f\x7f]*$", max_length=500)
    content: str | None = Field(default=None, description="Text that the answer must hold")
    attempts: int = Field(default=3, ge=1, le=1000)
    wait: float = Field(default=5, ge=0, le=3600, description="Seconds between two attempts")
    timeout: float = Field(default=5, gt=0, le=3600, description="Seconds for one attempt")
    initial_delay: float = Field(default=0, ge=0, le=3600)

    @property
    def seconds(self) -> float:
        """How long the check as written gives the app before it is given up."""
        return self.initial_delay + self.attempts * (self.wait + self.timeout)


class Probe(Value):
    """What one request to the health path showed; without a status, why there was no answer."""

    status: int | None = None
    body: str = ""
    error: str = ""

    @property
    def reason(self) -> str:
        """Return why the app says that it is unwell: `reason` of its JSON answer; empty when it says nothing."""
        return cut(plain(str(self._said.get("reason") or "")), REASON_LIMIT)

    @property
    def is_outside(self) -> bool:
        """Tell whether it says that the fault is outside of it (`"outside": true`): another release would be no better off."""
        return self.status == UNAVAILABLE and self._said.get("outside") is True

    @property
    def _said(self) -> dict[str, Any]:
        try:
            said = read_json(self.body)
        except ValueError:
            return {}
        return said if isinstance(said, dict) else {}


class KeepWaiting(Value):
    """It is too early to say."""


class Healthy(Value):
    seconds: float = 0.0


class Unhealthy(Value):
    """It will not become healthy; the reason is one sentence."""

    reason: str
    log: str = ""
    """End of its output."""


def decide(
    status: AppStatus, probe: Probe | None, check: HealthCheck, *, elapsed: float, seconds: float
) -> KeepWaiting | Healthy | Unhealthy:
    """Decide from the engine's word, the last probe and the time that has passed since waiting began."""
    if reason := gone(status):
        return Unhealthy(reason=reason)
    if probe is not None and probe.status == 200 and (check.content is None or check.content in probe.body):
        return Healthy(seconds=elapsed)
    if elapsed >= seconds:
        return Unhealthy(reason=f"It was not healthy within {seconds:g} s: {_shortcoming(probe, check)}.")
    return KeepWaiting()


def health_check(manifest: str, process: str) -> HealthCheck:
    """Return the first start-up check over HTTP that the text of app.json states for the process, or the default.

    Raises BadInput when app.json cannot be read or the check has values out of range.
    """
    checks = manifest_from(manifest).get("healthchecks")
    stated = checks.get(process) if isinstance(checks, dict) else None
    for check in stated if isinstance(stated, list) else ():
        if isinstance(check, dict) and check.get("type", "startup") == "startup" and "path" in check:
            return _read(check)
    return HealthCheck()


def _read(check: dict[str, Any]) -> HealthCheck:
    known = {name: check[name] for name in ("path", "content", "attempts", "wait", "timeout") if name in check}
    try:
        return HealthCheck.model_validate({**known, "initial_delay": check.get("initialDelay", 0)})
    except ValidationError as error:
        places = ", ".join(str(problem["loc"][0]) for problem in error.errors())
        raise BadInput(f"a health check in app.json has unusable values ({places}): mend it") from error


def gone(status: AppStatus) -> str | None:
    """Return in one sentence why the copy will not come up by waiting; None when it may."""
    if status.out_of_memory:
        return "It used up its memory and was killed."
    if status.restarts > RESTARTS_LIMIT:
        return f"It ended and was started again {status.restarts} times{_exit(status)}."
    if status.state is AppState.STOPPED:
        return f"It ended by itself{_exit(status)}."
    return "It is gone from the engine." if status.state is AppState.GONE else None


def _exit(status: AppStatus) -> str:
    return "" if status.exit_code is None else f" (exit code {status.exit_code})"


def _shortcoming(probe: Probe | None, check: HealthCheck) -> str:
    if probe is None:
        return "it never had an address to ask"
    if probe.status is None:
        return f"GET {check.path} was not answered ({probe.error or 'no connection'})"
    if probe.status != 200:
        return f"GET {check.path} answered {probe.status} instead of 200" + (f" ({probe.reason})" if probe.reason else "")
    return f"the answer of GET {check.path} does not hold {check.content!r}"
