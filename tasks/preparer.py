"""Preparer: a repository with the platform files, from the kind's template.

True afterwards: the project's repository exists and its main branch has at least one commit.
Blocks: git host. A repository that has a commit already is left as it is, so the step can be repeated. A run's base is
decided once: what other runs release meanwhile does not move the ground under its transcript.
"""

import asyncio
import tempfile
from pathlib import Path

import copier
from prefect import task

from domain.briefs import Brief
from domain.protocols import GitHost
from tasks.identity import once_per
from tasks.kinds import Kind, kind_named
from tasks.retrying import only_try_again

AUTHOR = "Slipway <agents@slipway.localhost>"


@task(
    task_run_name="prepare {brief.slug}",
    persist_result=True,
    cache_key_fn=once_per("run"),
    retries=3,
    retry_delay_seconds=[1, 3, 9],
    retry_condition_fn=only_try_again,
)
async def prepare_repository(run: str, brief: Brief, git: GitHost) -> str:  # noqa: ARG001 - `run` is the result's identity
    """Return the commit on main from which the developer starts."""
    project = brief.slug
    await git.create(project)
    if head := await git.head(project):
        return head
    with tempfile.TemporaryDirectory(prefix="slipway-scaffold-") as folder:
        await asyncio.to_thread(render, kind_named(brief.kind), brief, Path(folder))
        commit = await git.commit_tree(
            project, Path(folder), branch="main", parent=None, message=f"Scaffold of a {brief.kind}", author=AUTHOR
        )
    return commit.sha


def render(kind: Kind, brief: Brief, folder: Path) -> None:
    """Write the kind's template, filled from the Brief, into `folder`."""
    answers = {
        "slug": brief.slug,
        "title": brief.title,
        "summary": brief.summary,
        "language": brief.language,
        "stories": list(brief.stories),
        "checks": [check.text for check in brief.checks],
    }
    copier.run_copy(str(kind.folder), folder, data=answers, defaults=True, overwrite=True, quiet=True)
