"""Product Owner, first form: request text -> Brief, through a typed tool call.

True afterwards: the Brief is returned and shown in the Prefect UI; nothing else changed, so asking again is safe.
Blocks: model, registry (ledger and transcripts).
"""

import time

from prefect import task
from prefect.cache_policies import NO_CACHE

from domain.briefs import Brief, as_markdown
from domain.conversations import Finished, ModelClient
from domain.errors import BadInput, NoBrief
from domain.names import checked_slug, free_slug, slug_from
from domain.protocols import Registry
from domain.roles import CallFacts, Role, RoleLimits
from tasks.agent import converse
from tasks.artifacts import publish
from tasks.kinds import kind_named, kinds
from tasks.prompts import prompt

PATIENCE = 30.0
"""Seconds for which a model that does not answer is asked again: somebody sits and waits."""


@task(task_run_name="write the brief of {run}", cache_policy=NO_CACHE, retries=0)  # the person who waits tries again
async def write_brief(
    run: str,
    request: str,
    name: str | None,
    kind: str | None,
    present: Brief | None,
    taken: frozenset[str],
    model_name: str,
    model: ModelClient,
    registry: Registry,
) -> Brief:
    """Return the Brief of a new project, or of `present` after the change.

    Raises BadInput when the person's name or kind cannot be used, NoBrief when the model gave none.
    """
    if name is not None and checked_slug(name) in taken:
        raise BadInput(f"there is a project {name!r} already: choose another name, or use `slipway change {name}`")
    if kind is not None:
        kind_named(kind)
    role = Role[Brief](
        name="product_owner",
        system=prompt("product_owner"),
        model=model_name,
        output=Brief,
        hand_in="submit_brief",
        hand_in_description="Hand in the finished Brief.",
        limits=RoleLimits(steps=8, seconds=300.0, max_tokens=8_000, retry_seconds=PATIENCE),
    )
    project = present.slug if present else f"new-{run}"
    facts = CallFacts(project=project, run=run, conversation=f"{run}/product_owner")
    end = await converse(
        role,
        wish_text(request, kind, present),
        facts=facts,
        model=model,
        tools=None,
        transcripts=registry,
        ledger=registry,
        clock=time.monotonic,
        accept=lambda brief: complaints(brief, present),
    )
    if not isinstance(end, Finished):
        raise NoBrief(end.reason, end.detail)
    brief = settled(end.value, name, kind, present, taken)
    await publish("brief", run, as_markdown(brief), "What will be built")
    return brief


def wish_text(request: str, kind: str | None, present: Brief | None) -> str:
    """Return the first message of the conversation."""
    offered = [kind_named(kind)] if kind else kinds()
    listed = "\n".join(f"- {each.name}: {each.description}" for each in offered)
    before = (
        f"\n\nThe present Brief of the project that is to be changed:\n{present.model_dump_json(indent=1)}" if present else ""
    )
    return f"Kinds of project:\n{listed}{before}\n\nThe person writes:\n<request>\n{request}\n</request>"


def complaints(brief: Brief, present: Brief | None) -> tuple[str, ...]:
    """Say what the model must mend before the Brief is accepted."""
    found = []
    known = [kind.name for kind in kinds()]
    if brief.kind not in known:
        found.append(f"kind must be one of {', '.join(known)}")
    ids = [check.id for check in brief.checks]
    found += [f"check id {name!r} stands more than once" for name in sorted({i for i in ids if ids.count(i) > 1})]
    if present:
        kept = {check.id for check in brief.checks}
        lost = [check.id for check in present.checks if check.id not in kept and check.id not in brief.retires]
        found += [
            f"earlier check {name!r} is missing: keep it, or name it in retires if the new wish contradicts it" for name in lost
        ]
    return tuple(found)


def settled(brief: Brief, name: str | None, kind: str | None, present: Brief | None, taken: frozenset[str]) -> Brief:
    """Fix what the person or the existing project decides, whatever the model wrote."""
    if present:
        return brief.model_copy(update={"slug": present.slug, "kind": present.kind})
    slug = name or free_slug(slug_from(brief.slug, slug_from(brief.title)), taken)
    return brief.model_copy(update={"slug": slug, "kind": kind or brief.kind, "retires": ()})
