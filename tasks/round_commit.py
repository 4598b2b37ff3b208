"""A round's work as a commit, made on our side of what the developer left in its worker."""

import asyncio
import tempfile
from pathlib import Path

from blocks.archives import unpack
from domain.errors import UnsafeArchive
from domain.github_texts import calls_nobody
from domain.outcomes import Developed, Handover
from domain.patches import Patch, locked_files
from domain.plans import Plan
from domain.procfile import PROCFILE, without_release
from domain.protocols import GitHost
from domain.runs import DeliveryRequest
from domain.workers import Worker
from tasks.addons import MANIFEST, write_addons
from tasks.artifacts import patch_markdown, publish
from tasks.preparer import AUTHOR
from tasks.workplace import LIMITS

FILES_LIMIT = 20_000


async def commit_work(
    request: DeliveryRequest, number: int, base: str, handover: Handover, worker: Worker, git: GitHost, plan: Plan
) -> Developed:
    """Take the workspace out through the checked archive and commit it onto the run's branch; if it is refused, nothing moves.

    The platform writes the planned addons into app.json on the way, which is none of the developer's.
    """
    branch = f"run/{request.run}"
    parent = await git.head(request.project, branch) or base
    with tempfile.TemporaryDirectory(prefix="slipway-commit-") as folder:
        root = Path(folder) / "tree"
        root.mkdir()
        try:
            await asyncio.to_thread(unpack, await worker.get(), root, LIMITS.disk_mb * 2**20, FILES_LIMIT)
        except UnsafeArchive as refused:
            return Developed(commit=parent, summary=handover.summary, untaken=str(refused))
        is_platforms = await write_addons(request.project, root, (base, parent), plan.addons, git)
        message = f"{first_line(handover.summary)}\n\nRound {number} of {request.run}"
        commit = await git.commit_tree(request.project, root, branch=branch, parent=parent, message=message, author=AUTHOR)
    patch = await git.patch(request.project, base, commit.sha)
    await publish(f"diff-{number}", request.run, patch_markdown(patch), f"What round {number} changed")
    touched = await touched_files(patch, request.project, git)
    locked = tuple(path for path in touched if path != MANIFEST or not is_platforms)
    return Developed(commit=commit.sha, summary=handover.summary, locked=locked, dropped=handover.dropped)


async def touched_files(patch: Patch, project: str, git: GitHost) -> tuple[str, ...]:
    """Return the platform files that the patch touches; a release line alone does not touch the Procfile."""
    own = {PROCFILE} if await _is_release_line(patch, project, git) else set()
    return tuple(path for path in locked_files(patch) if path not in own)


async def _is_release_line(patch: Patch, project: str, git: GitHost) -> bool:
    """Tell whether all that may have changed in the Procfile is its release line, which is the developer's own."""
    if patch.base is None:
        return False
    texts = [(await git.read(project, commit, (PROCFILE,))).get(PROCFILE) for commit in (patch.base, patch.commit)]
    return None not in texts and len({without_release(text or "") for text in texts}) == 1


def first_line(text: str) -> str:
    """Return it as a commit's subject, by which GitHub calls nobody and closes nothing."""
    return calls_nobody(text.strip().splitlines()[0][:72])
