"""Reviewer: reads what a green round changed, with tools that can only read, and says what is wrong with it.

True afterwards: the findings point at changed lines; the conversation is stored, and a later round goes on in it. A
reviewer that comes to nothing is a note, no verdict. Blocks: git host, model, registry.
"""

import time

from prefect import task

from domain.briefs import as_markdown as brief_markdown
from domain.conversations import Finished, ModelClient, Text
from domain.patches import Patch
from domain.protocols import GitHost
from domain.registry import Registry
from domain.reviews import Findings, Review, as_markdown, review_of
from domain.roles import CallFacts, Role, RoleLimits
from domain.runs import DeliveryRequest
from tasks.agent import converse
from tasks.artifacts import publish
from tasks.commit_reader import CommitReader
from tasks.identity import once_per
from tasks.prompts import prompt
from tasks.redaction import redacted
from tasks.retrying import only_try_again

FILES_SHOWN = 300
"""Names of changed files that stand below a diff that was cut."""


@task(
    task_run_name="review {request.project} round {number}",
    persist_result=True,
    cache_key_fn=once_per("request.run", "number", "commit"),
    retries=3,
    retry_delay_seconds=[5, 20, 60],
    retry_condition_fn=only_try_again,
)
async def review_change(
    request: DeliveryRequest,
    number: int,
    base: str,
    commit: str,
    model_name: str,
    git: GitHost,
    model: ModelClient,
    registry: Registry,
) -> Review:
    """Let the reviewer look at what changed since `base`; a later round is reviewed in the same conversation."""
    patch, extent = await git.patch(request.project, base, commit), await git.extent(request.project, base, commit)
    conversation, task_words = f"{request.run}/reviewer", task_text(request, number, patch)
    said = await registry.load(conversation)
    is_first = not said or said[0].parts == (Text(text=task_words),)
    end = await converse(
        reviewer_role(model_name),
        task_words,
        facts=CallFacts(project=request.project, run=request.run, conversation=conversation),
        model=model,
        tools=CommitReader(git, request.project, commit),
        transcripts=registry,
        ledger=registry,
        clock=time.monotonic,
        follow_up=None if is_first else follow_up(number, patch),
    )
    if not isinstance(end, Finished):
        return Review(commit=commit, note=f"the reviewer stopped, {end.reason}")
    review = review_of(end.value, extent.lines, commit, cut=patch.cut)
    await publish(f"review-{number}", request.run, as_markdown(review), review.sentence)
    return review


def reviewer_role(model_name: str) -> Role[Findings]:
    return Role[Findings](
        name="reviewer",
        system=prompt("reviewer"),
        model=model_name,
        output=Findings,
        hand_in="submit_review",
        hand_in_description="Hand in your findings; none is a good answer.",
        tools=("view", "search"),
        limits=RoleLimits(steps=12, seconds=300.0, max_tokens=8_000, retry_seconds=120.0),
    )


def task_text(request: DeliveryRequest, number: int, patch: Patch) -> str:
    """Return the first message: what was wanted, and what was changed."""
    return (
        f"{brief_markdown(request.brief)}\n\n## The person's words\n<request>\n{request.request}\n</request>\n\n"
        f"## What round {number} changed\n{shown(patch)}"
    )


def follow_up(number: int, patch: Patch) -> str:
    """Return the message that begins a later review."""
    return (
        f"Round {number}. The developer has worked on. The whole change is now this; hand in everything that still holds, and "
        f"what is new:\n{shown(patch)}"
    )


def shown(patch: Patch) -> str:
    """Return the diff; where it is cut, also the names of all files, so that the rest can be viewed."""
    diff = f"<diff>\n{redacted(patch.diff)}\n</diff>"
    if not patch.cut:
        return diff
    files = "\n".join(f"- {file.path} (+{file.added} -{file.removed})" for file in patch.files[:FILES_SHOWN])
    more = len(patch.files) - FILES_SHOWN
    return f"{diff}\n\nThe diff shown is cut. View what is missing; all changed files are:\n{redacted(files)}" + (
        f"\n- and {more} more" if more > 0 else ""
    )
