"""A rehearsal: a throw-away copy of a candidate that is asked the acceptance checks, and what came of it."""

import re
from collections.abc import Mapping, Sequence

from domain.health import Healthy, Unhealthy
from domain.reports import CaseResult, Outcome, TestCase, TestReport
from domain.secret_formats import FORMATS, TELEGRAM
from domain.workers import AppState, AppStatus

SUITE = "acceptance"
_BOT_TOKEN = next(rf"\b{form.shape}" for form in FORMATS if form.what == TELEGRAM)


def rehearsal_identity(project: str, run: str, label: str) -> str:
    """Return the copy's unique name; a long project name is cut, since run and label are unique without it."""
    return f"{project[:20].rstrip('-')}-rehearsal-{run}-{label}"


def among_ourselves(environment: Mapping[str, str], world: Mapping[str, str], token: str) -> dict[str, str]:
    """Return the environment of a bot that talks to a Telegram of ours: no token in it is real, whatever it is called."""
    return {name: re.sub(_BOT_TOKEN, lambda _: token, value) for name, value in environment.items()} | dict(world)


def health_case(path: str, health: Healthy | Unhealthy, seconds: float) -> TestCase:
    """Return the first case of every rehearsal."""
    name = f"app becomes healthy (GET {path})"
    if isinstance(health, Healthy):
        return TestCase(suite=SUITE, name=name, result=CaseResult.PASSED, seconds=seconds)
    details = f"--- end of the app's output ---\n{health.log}" if health.log else "The app wrote nothing."
    return TestCase(suite=SUITE, name=name, result=CaseResult.FAILED, seconds=seconds, message=health.reason, details=details)


def survival_case(before: AppStatus, after: AppStatus, log: str) -> TestCase | None:
    """Return a failed case when the copy died while it was checked; None when it lives as before."""
    if after.state is AppState.RUNNING and after.restarts == before.restarts and not after.out_of_memory:
        return None
    code = "" if after.exit_code is None else f" (exit code {after.exit_code})"
    why = (
        "it used up its memory" if after.out_of_memory else f"it is {after.state.value} after {after.restarts} restart(s){code}"
    )
    return TestCase(
        suite=SUITE,
        name="app keeps running while it is checked",
        result=CaseResult.FAILED,
        message=f"The app ended during the checks: {why}.",
        details=f"--- end of the app's output ---\n{log}",
    )


def rehearsal_report(cases: Sequence[TestCase], *, checks: int, seconds: float, candidate: str, commit: str) -> TestReport:
    """Judge a rehearsal: a pass needs health, every check run and every case passed."""
    passed = all(case.result is CaseResult.PASSED for case in cases) and len(cases) == checks + 1
    return TestReport(
        outcome=Outcome.PASSED if passed else Outcome.FAILED,
        cases=tuple(cases),
        summary=_told(cases, checks),
        log="\n".join(case.details for case in cases if case.result is not CaseResult.PASSED and not case.unseen)[-4000:],
        seconds=seconds,
        candidate=candidate,
        commit=commit,
    )


def _told(cases: Sequence[TestCase], checks: int) -> str:
    """Say for people how many checks hold, and name those that do not."""
    health, *asked = cases
    if health.result is not CaseResult.PASSED:
        unasked = f", so its {checks} check{'' if checks == 1 else 's'} could not be asked" if checks else ""
        return f"The app did not become healthy{unasked}."
    broken = [case for case in asked[:checks] if case.result is not CaseResult.PASSED]
    ended = " The app ended while it was checked." if len(asked) > checks else ""
    if broken:
        names = ", ".join(case.name.partition(":")[0] for case in broken)
        return f"{checks - len(broken)} of {checks} checks hold; not {names}.{ended}"
    hold = (
        f"All {checks} checks hold."
        if checks > 1
        else "The check holds."
        if checks
        else "The app is healthy; there are no checks."
    )
    return f"{hold}{ended}"
