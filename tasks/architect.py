"""Architect: Brief and repository -> Plan, with the acceptance checks made executable.

True afterwards: the Plan is returned and shown in the Prefect UI. Its checks are kept here, out of the developer's reach,
and enter the acceptance ledger when the release is live. Blocks: model, git host, registry. The same run gets the same Plan.
"""

import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from prefect import task

from domain.attachments import Attachments, where_they_lie
from domain.briefs import as_markdown as brief_markdown
from domain.checks import Check
from domain.conversations import Finished, ModelClient
from domain.outcomes import Abandoned
from domain.plans import Plan, as_markdown, gaps
from domain.protocols import GitHost
from domain.registry import Registry
from domain.roles import CallFacts, Role, RoleLimits
from domain.runs import DeliveryRequest
from tasks.agent import converse
from tasks.artifacts import publish
from tasks.attachments import first_message
from tasks.identity import once_per
from tasks.kinds import kind_named
from tasks.prompts import prompt
from tasks.retrying import only_try_again

SHOWN_FILES = 40
SHOWN_CHARACTERS = 30_000
"""How much of an existing repository the architect reads with its task."""


@task(
    task_run_name="plan {request.project}",
    persist_result=True,
    cache_key_fn=once_per("request.run", "attempt"),
    retries=3,
    retry_delay_seconds=[5, 20, 60],
    retry_condition_fn=only_try_again,
)
async def write_plan(
    request: DeliveryRequest,
    base: str,
    model_name: str,
    git: GitHost,
    model: ModelClient,
    registry: Registry,
    attempt: int = 1,
    guidance: str = "",
    files: Attachments | None = None,
) -> Plan | Abandoned:
    """Return the Plan; Abandoned when the architect came to none. A later `attempt` goes on in the same conversation."""
    facts = CallFacts(project=request.project, run=request.run, conversation=f"{request.run}/architect")
    earlier = [check for check in await registry.checks(request.project) if check.covers not in request.brief.retires]
    end = await converse(
        architect_role(model_name),
        await first_message(await task_text(request, base, earlier, git), request.attachments, files),
        facts=facts,
        model=model,
        tools=None,
        transcripts=registry,
        ledger=registry,
        clock=time.monotonic,
        remarks=registry,
        follow_up=follow_up(request, attempt, guidance) if attempt > 1 else None,
        accept=lambda plan: gaps(plan, request.brief, earlier, chat=kind_named(request.brief.kind).chat),
    )
    if not isinstance(end, Finished):
        return Abandoned(reason=end.reason, detail=end.detail)
    await publish("plan", request.run, as_markdown(end.value), "How it will be built")
    return end.value


def architect_role(model_name: str) -> Role[Plan]:
    return Role[Plan](
        name="architect",
        system=prompt("architect"),
        model=model_name,
        output=Plan,
        hand_in="submit_plan",
        hand_in_description="Hand in the finished Plan.",
        may_give_up=True,
        limits=RoleLimits(steps=10, seconds=600.0, max_tokens=16_000),
    )


def follow_up(request: DeliveryRequest, attempt: int, guidance: str) -> str:
    """Return the message that begins a later attempt, with the Brief as it is now."""
    return (
        f"Attempt {attempt}. The person answers to what stopped the work:\n\n{guidance or 'Go on.'}\n\n"
        f"{brief_markdown(request.brief)}\n\nHand in the whole Plan as it is to be now."
    )


async def task_text(request: DeliveryRequest, base: str, earlier: Sequence[Check], git: GitHost) -> str:
    """Return the first message: Brief, kind, earlier checks, files."""
    shown = "\n".join(check.model_dump_json() for check in earlier) or "none"
    with tempfile.TemporaryDirectory(prefix="slipway-plan-") as folder:
        root = Path(folder) / "clone"
        root.mkdir()
        await git.checkout(request.project, base, root)
        listing = await asyncio.to_thread(files_text, root)
    return (
        f"{brief_markdown(request.brief)}\n\n## The kind of project\n{kind_named(request.brief.kind).guide}\n\n"
        f"## The person's words\n<request>\n{request.request}\n</request>\n\n"
        f"## Earlier executable checks (they run as well)\n{shown}\n\n## Files of the repository\n{listing}"
        f"{where_they_lie(request.attachments)}"
    )


def files_text(root: Path) -> str:
    """List the repository's files, with their text until the limit is reached."""
    paths = sorted(p for p in root.rglob("*") if p.is_file() and not p.is_symlink() and ".git" not in p.relative_to(root).parts)
    left, lines = SHOWN_CHARACTERS, []
    for path in paths[:SHOWN_FILES]:
        text = path.read_bytes()[: left + 1].decode("utf-8", "replace")
        if len(text) > left:
            lines.append(f"### {path.relative_to(root)} (not shown)")
            continue
        left -= len(text)
        lines.append(f"### {path.relative_to(root)}\n{text}")
    more = [f"and {len(paths) - SHOWN_FILES} more files"] if len(paths) > SHOWN_FILES else []
    return "\n".join(lines + more)
