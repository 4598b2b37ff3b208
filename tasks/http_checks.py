"""Ask a running app an HTTP check: its answers are bounded in time and size, its redirects not followed."""

import asyncio
import json
import time

import httpx
from pydantic import JsonValue, ValidationError

from blocks.plain_http import plain_client
from domain.checks import HttpCheck, HttpStep
from domain.matching import HttpAnswer, NotThere, complaint, substituted, taken, unsaved
from domain.rehearsals import SUITE
from domain.reports import CaseResult, TestCase
from domain.trimming import cut, plain

STEP_SECONDS = 15.0
BODY_LIMIT = 2 * 1024 * 1024
SHOWN = 1_500
"""Characters of a body that a failed case shows."""


class _NoAnswer(Exception):
    """The app did not answer in a way that can be judged; the message says how."""


async def run_http_check(check: HttpCheck, address: str, host: str = "", seconds: float = STEP_SECONDS) -> TestCase:
    """Ask the steps in order, cookies kept between them; the first that is not as expected fails the case."""
    began = time.monotonic()
    saved: dict[str, JsonValue] = {}
    problem, details = "", ""
    async with plain_client(timeout=seconds, headers={"host": host} if host else None) as client:
        for number, step in enumerate(check.steps, 1):
            problem, details = await _run_step(step, client, address, saved, seconds)
            if problem:
                problem = f"step {number} of {len(check.steps)}: {problem}"
                break
    return TestCase(
        suite=SUITE,
        name=f"{check.id}: {check.title}",
        result=CaseResult.FAILED if problem else CaseResult.PASSED,
        seconds=time.monotonic() - began,
        message=problem,
        details=details if problem else "",
        unseen=check.unseen,
    )


async def _run_step(
    step: HttpStep, client: httpx.AsyncClient, address: str, saved: dict[str, JsonValue], seconds: float
) -> tuple[str, str]:
    """Return what is wrong, empty when nothing is, and the exchange as text; keeps the step's saved values."""
    seconds = min(seconds, step.within_seconds or seconds)
    missing = unsaved(step, saved)
    if missing:
        return f"{step.method} {step.path} uses {', '.join(missing)}, which no earlier step has saved", ""
    try:
        step = substituted(step, saved)
        answer = await _answer(step, client, address, seconds)
    except ValidationError as error:
        return f"{step.method} {step.path} cannot be asked with what was saved: {error.errors()[0]['msg']}", ""
    except _NoAnswer as error:
        return f"{step.method} {step.path}: {error}", _shown_request(step)
    wrong = complaint(step, answer) or _keep(step, answer, saved)
    return f"{step.method} {step.path}: {wrong}" if wrong else "", f"{_shown_request(step)}\n\n{_shown_answer(answer)}"


def _keep(step: HttpStep, answer: HttpAnswer, saved: dict[str, JsonValue]) -> str | None:
    for name, rule in step.save.items():
        found = taken(rule, answer)
        if isinstance(found, NotThere):
            return found.complaint
        saved[name] = found.value
    return None


async def _answer(step: HttpStep, client: httpx.AsyncClient, address: str, seconds: float) -> HttpAnswer:
    try:
        request = client.build_request(
            step.method,
            f"http://{address}{step.path}",
            headers=step.headers,
            json=step.json_body,
            data=step.form,
            content=None if step.body is None else step.body.encode(),
        )
        async with asyncio.timeout(seconds):
            response = await client.send(request, stream=True)
            try:
                body = await _body(response)
            finally:
                await response.aclose()
    except TimeoutError:
        raise _NoAnswer(f"no whole answer within {seconds:g} s") from None
    except httpx.HTTPError as error:
        raise _NoAnswer(f"no answer ({str(error) or type(error).__name__})") from error
    except (httpx.InvalidURL, ValueError) as error:  # a header or path that HTTP cannot carry
        raise _NoAnswer(f"the request cannot be sent ({error})") from error
    headers = {name.lower(): ", ".join(response.headers.get_list(name)) for name in response.headers}
    return HttpAnswer(status=response.status_code, headers=headers, body=body)


async def _body(response: httpx.Response) -> str:
    body = b""
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > BODY_LIMIT:
            raise _NoAnswer(f"answered {response.status_code} with more than {BODY_LIMIT >> 20} MB")
    return body.decode("utf-8", "replace")


def _shown_request(step: HttpStep) -> str:
    body = step.body or (json.dumps(step.form or step.json_body) if step.form or step.json_body is not None else "")
    headers = "".join(f"\n{name}: {value}" for name, value in step.headers.items())
    return cut(f"asked: {step.method} {step.path}{headers}\n{body}".strip(), SHOWN)


def _shown_answer(answer: HttpAnswer) -> str:
    kept = ("content-type", "location", "set-cookie", "www-authenticate", "allow")
    headers = "".join(f"\n{name}: {answer.headers[name][:200]}" for name in kept if name in answer.headers)
    return cut(f"got: {answer.status}{headers}\n{plain(answer.body)}".strip(), SHOWN)
