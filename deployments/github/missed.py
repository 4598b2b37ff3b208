"""Pushes of which no webhook came, as while the API was down or the App suspended: looked for, and heard like the others."""

import asyncio
import logging

from deployments.api.webhooks import HEARD
from deployments.desk.pushing import pushed_run
from deployments.github.place import Place
from domain.errors import SlipwayError, TryAgain, UnknownObject
from domain.heard import Pushed
from domain.pushes import Push, judged_push
from domain.runs import Project
from domain.webhooks import Webhook, digest_of
from tasks.progress import hint

logger = logging.getLogger(__name__)

SECONDS = 900.0
"""Between two looks: each costs a project two calls, which count for nothing where they bring nothing new."""


async def look_for_pushes(place: Place, seconds: float = SECONDS) -> None:
    """Look at once and then again and again, until cancelled."""
    while True:
        try:
            await hear_missed(place)
        except SlipwayError as error:
            logger.warning("whether pushes were missed is looked at later: %s", error)
        await asyncio.sleep(seconds)


async def hear_missed(place: Place) -> None:
    """Write down each push to a main branch that nothing was begun about; what cannot be asked costs no other project."""
    for project in await place.registry.projects():
        try:
            found = await missed(project, place) if project.repository else None
        except TryAgain:
            raise
        except SlipwayError as error:
            logger.info("%s: what was pushed to %s is not known: %s", project.slug, project.repository, error)
            continue
        if found is not None and await place.registry.hear(found):
            await hint(place.wakeups, HEARD, found.id)


async def missed(project: Project, place: Place) -> Webhook | None:
    """Return what a webhook would have told of the main branch's commit; None where it is ours, a bot's, or has its run."""
    repositories, git = place.github.repositories, place.desk.blocks.git
    there = await repositories.repository(project.repository)
    head = await repositories.head(there.name, there.default_branch) if there else None
    if there is None or head is None or not await git.exists(project.slug):
        return None
    if await is_known(project, head, place) or await place.registry.run(pushed_run(project, head)) is not None:
        return None
    push = await repositories.last_push(there.name, there.default_branch)
    if push is None or push.after != head or not push.by_person:
        return None
    told = Pushed(
        repository=there.name, sender=push.sender, happened=push.at, branch=there.default_branch, before=head, after=head
    )
    return Webhook(id=f"seen-{head}", digest=digest_of(f"{there.name} {head}".encode()), event=told, at=place.clock())


async def is_known(project: Project, head: str, place: Place) -> bool:
    """Tell whether the commit is part of our main; one that never came here is not."""
    git = place.desk.blocks.git
    ours = await git.head(project.slug)
    try:
        fork = await git.fork(project.slug, ours, head) if ours else None
    except UnknownObject:
        return False
    return judged_push(head, ours, fork) is Push.KNOWN
