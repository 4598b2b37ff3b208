"""Pushes: what a person's own commit changes of the platform's files.

True afterwards: nothing is changed; with such files, the diff is an artifact. Blocks: git host.
"""

from prefect import task
from prefect.cache_policies import NO_CACHE

from domain.protocols import GitHost
from domain.pushes import approval_digest, shown_change
from domain.runs import DeliveryRequest
from domain.values import Value
from tasks.artifacts import patch_markdown, publish
from tasks.retrying import only_try_again
from tasks.round_commit import touched_files


class Touched(Value):
    """The platform files that a push changes; nothing of most."""

    paths: tuple[str, ...] = ()
    digest: str = ""
    shown: str = ""


@task(
    task_run_name="look at the push to {request.project}",
    cache_policy=NO_CACHE,
    retries=3,
    retry_delay_seconds=[1, 3, 9],
    retry_condition_fn=only_try_again,
)
async def look_at_push(request: DeliveryRequest, base: str, git: GitHost) -> Touched:
    """Return what it changes of the platform's files, with the digest that an approval is bound to."""
    patch = await git.patch(request.project, base, request.commit)
    await publish("diff-1", request.run, patch_markdown(patch), "What the push changed")
    paths = await touched_files(patch, request.project, git)
    if not paths:
        return Touched()
    digest = approval_digest(base, request.commit, paths)
    return Touched(paths=paths, digest=digest, shown=shown_change(patch, paths, digest))


@task(
    task_run_name="what the push to {request.project} builds on",
    cache_policy=NO_CACHE,
    retries=3,
    retry_delay_seconds=[1, 3, 9],
    retry_condition_fn=only_try_again,
)
async def fork_of(request: DeliveryRequest, main: str, git: GitHost) -> str | None:
    """Return the newest commit that the push and main both build on; None when they share none."""
    return await git.fork(request.project, main, request.commit)
