"""Product Owner, first form: request text -> Brief, through a typed tool call.

True afterwards: the Brief is returned and shown in the Prefect UI; nothing else changed, so asking again is safe.
Blocks: model, registry (ledger and transcripts).
"""

from collections.abc import Sequence

from prefect import task
from prefect.cache_policies import NO_CACHE

from domain.attachments import Attachment, Attachments
from domain.briefs import Brief, as_markdown
from domain.conversations import Finished, ModelClient, Text
from domain.errors import BadInput, NoBrief
from domain.names import checked_slug, free_slug, slug_from
from domain.outcomes import Abandoned
from domain.registry import Registry
from domain.roles import CallFacts, Role, RoleLimits
from domain.runs import DeliveryRequest
from tasks.artifacts import publish
from tasks.attachments import first_message
from tasks.brief_talk import Desk, brief_from
from tasks.identity import once_per
from tasks.kinds import kind_named, kinds
from tasks.prompts import prompt
from tasks.retrying import only_try_again

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
    desk: Desk | None = None,
    attachments: Sequence[Attachment] = (),
    files: Attachments | None = None,
) -> Brief:
    """Return the Brief of a new project, or of `present` after the change, from the request and the files that came with it.

    Raises BadInput when the person's name or kind cannot be used, NoBrief when the model gave none.
    """
    if name is not None and checked_slug(name) in taken:
        raise BadInput(f"there is a project {name!r} already: choose another name, or use `slipway change {name}`")
    if kind is not None:
        kind_named(kind)
    project = present.slug if present else f"new-{run}"
    facts = CallFacts(project=project, run=run, conversation=f"{run}/product_owner")
    end = await brief_from(
        product_owner_role(model_name),
        await first_message(wish_text(request, kind, present), attachments, files),
        facts=facts,
        model=model,
        registry=registry,
        desk=desk,
        accept=lambda brief: complaints(brief, present),
    )
    if not isinstance(end, Finished):
        raise NoBrief(end.reason, end.detail)
    brief = settled(end.value, name, kind, present, taken)
    await publish("brief", run, as_markdown(brief), "What will be built")
    return brief


def product_owner_role(model_name: str) -> Role[Brief]:
    return Role[Brief](
        name="product_owner",
        system=prompt("product_owner"),
        model=model_name,
        output=Brief,
        hand_in="submit_brief",
        hand_in_description="Hand in the finished Brief.",
        limits=RoleLimits(steps=8, seconds=300.0, max_tokens=8_000, retry_seconds=PATIENCE),
    )


@task(
    task_run_name="amend the brief of {request.project}",
    persist_result=True,
    cache_key_fn=once_per("request.run", "number"),
    retries=3,
    retry_delay_seconds=[5, 20, 60],
    retry_condition_fn=only_try_again,
)
async def amend_brief(
    request: DeliveryRequest,
    number: int,
    words: str,
    model_name: str,
    model: ModelClient,
    registry: Registry,
    desk: Desk | None = None,
) -> Brief | Abandoned:
    """Return the Brief after its person changed the wish in answer to question `number`; Abandoned when none came of it."""
    project = await registry.project(request.project)
    present = project.brief if project and request.change else None
    end = await brief_from(
        product_owner_role(model_name),
        (Text(text=wish_text(request.request, request.brief.kind, present)),),
        facts=CallFacts(project=request.project, run=request.run, conversation=f"{request.run}/product_owner"),
        model=model,
        registry=registry,
        desk=desk,
        follow_up=amendment(request.brief, number, words),
        accept=lambda brief: complaints(brief, present),
    )
    if not isinstance(end, Finished):
        return Abandoned(reason=end.reason, detail=end.detail)
    brief = end.value.model_copy(update={"slug": request.brief.slug, "kind": request.brief.kind})
    await publish("brief", request.run, as_markdown(brief), "What will be built, as amended")
    return brief if request.change else brief.model_copy(update={"retires": ()})


def amendment(brief: Brief, number: int, words: str) -> str:
    """Return the message with which a person changes the wish while the work waits."""
    return (
        f"The work came to a halt (question {number}), and the person now wants it otherwise:\n\n{words}\n\n"
        f"The Brief as it is:\n{brief.model_dump_json(indent=1)}\n\n"
        "Hand in the whole Brief as it is to be now: its stories and checks must not contradict these words or one another."
    )


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
