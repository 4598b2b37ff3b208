"""Healthy, keep waiting, or give up with the reason."""

from typing import Any

import pytest

from domain.errors import BadInput
from domain.health import HealthCheck, Healthy, KeepWaiting, Probe, Unhealthy, decide, health_check
from domain.workers import AppState, AppStatus

CHECK = HealthCheck(content="ok")


def status(state: AppState = AppState.RUNNING, **facts: Any) -> AppStatus:
    return AppStatus(identity="a-v1", state=state, **facts)


@pytest.mark.parametrize(
    ("now", "probe", "elapsed", "wanted"),
    [
        (status(), Probe(status=200, body="it is ok"), 1.0, Healthy(seconds=1.0)),
        (status(), Probe(status=200, body="ok"), 99.0, Healthy(seconds=99.0)),
        (status(), Probe(status=200, body="starting"), 1.0, KeepWaiting()),
        (status(), Probe(status=503), 1.0, KeepWaiting()),
        (status(), Probe(error="refused"), 9.9, KeepWaiting()),
        (status(AppState.RESTARTING, restarts=2), None, 1.0, KeepWaiting()),
    ],
)
def test_waits_until_the_right_answer(now: AppStatus, probe: Probe | None, elapsed: float, wanted: object) -> None:
    assert decide(now, probe, CHECK, elapsed=elapsed, seconds=10) == wanted


@pytest.mark.parametrize(
    ("now", "probe", "elapsed", "wanted"),
    [
        (status(AppState.STOPPED, exit_code=1), None, 0.1, "It ended by itself (exit code 1)."),
        (status(AppState.GONE), None, 0.1, "It is gone from the engine."),
        (
            status(restarts=3, exit_code=2),
            Probe(status=200, body="ok"),
            0.1,
            "It ended and was started again 3 times (exit code 2).",
        ),
        (status(AppState.RESTARTING, out_of_memory=True), None, 0.1, "It used up its memory and was killed."),
        (status(), None, 10, "It was not healthy within 10 s: it never had an address to ask."),
        (status(), Probe(error="refused"), 10, "It was not healthy within 10 s: GET /health was not answered (refused)."),
        (status(), Probe(status=404), 10, "It was not healthy within 10 s: GET /health answered 404 instead of 200."),
        (
            status(),
            Probe(status=503, body='{"reason": "no token"}'),
            10,
            "It was not healthy within 10 s: GET /health answered 503 instead of 200 (no token).",
        ),
        (
            status(),
            Probe(status=200, body=""),
            10,
            "It was not healthy within 10 s: the answer of GET /health does not hold 'ok'.",
        ),
    ],
)
def test_gives_up_with_the_reason(now: AppStatus, probe: Probe | None, elapsed: float, wanted: str) -> None:
    assert decide(now, probe, CHECK, elapsed=elapsed, seconds=10) == Unhealthy(reason=wanted)


@pytest.mark.parametrize(
    ("status_code", "body", "outside", "reason"),
    [
        (503, '{"reason": "Telegram is away", "outside": true}', True, "Telegram is away"),
        (503, '{"reason": "Telegram is away", "outside": "true"}', False, "Telegram is away"),
        (500, '{"reason": "broken", "outside": true}', False, "broken"),
        (503, '{"outside": true}', True, ""),
        (503, "[true]", False, ""),
        (503, "<h1>down</h1>", False, ""),
        (503, '{"reason": null}', False, ""),
    ],
)
def test_what_an_app_says_of_its_own_health_is_read(status_code: int, body: str, outside: bool, reason: str) -> None:
    probe = Probe(status=status_code, body=body)
    assert (probe.is_outside, probe.reason) == (outside, reason)


def test_first_startup_check_of_the_process_is_read() -> None:
    text = """{"healthchecks": {"web": [
        {"type": "liveness", "path": "/live"},
        {"type": "startup", "command": ["true"]},
        {"type": "startup", "name": "h", "path": "/up", "content": "fine",
         "attempts": 60, "wait": 1, "timeout": 2, "initialDelay": 3},
        {"type": "startup", "path": "/other"}]}}"""

    check = health_check(text, "web")

    assert check == HealthCheck(path="/up", content="fine", attempts=60, wait=1, timeout=2, initial_delay=3)
    assert check.seconds == 3 + 60 * 3


def test_check_of_another_process_is_not_taken() -> None:
    text = '{"healthchecks": {"web": [{"path": "/up"}], "bot": [{"path": "/alive"}]}}'
    assert health_check(text, "bot").path == "/alive"


@pytest.mark.parametrize(
    "text", ["", "{}", '{"healthchecks": []}', '{"healthchecks": {"worker": [{"path": "/w"}], "web": "x"}}']
)
def test_without_a_check_the_default_holds(text: str) -> None:
    assert health_check(text, "web") == HealthCheck(path="/health")


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"healthchecks": {"web": [{"path": "no-slash"}]}}',
        '{"healthchecks": {"web": [{"path": "/", "attempts": 0}]}}',
        '{"healthchecks": {"web": [{"path": "/health\\n"}]}}',  # no client takes such an address: it would be our own fault
    ],
)
def test_unusable_manifest_is_bad_input(text: str) -> None:
    with pytest.raises(BadInput, match=r"app\.json"):
        health_check(text, "web")
