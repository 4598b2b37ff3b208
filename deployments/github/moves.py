"""A repository at GitHub has another name or owner: its project's owner is told what to do.

Nothing is changed by that alone: whoever has the webhook's secret of one repository could lead another's code to theirs.
"""

from deployments.github.place import Place
from deployments.wording.texts import say
from domain.heard import Moved


async def take_move(event: Moved, place: Place) -> str:
    """Tell the owner; return what came of it, in a sentence."""
    project = await place.project_of(event.former)
    if project is None:
        return f"no project has the repository {event.former}"
    fields = {"project": project.slug, "former": event.former, "repository": event.repository}
    text = say(await place.language_of(project), "github_moved", **fields)
    await place.tell_owner(project, f"moved-{event.former}-{event.repository}", text)
    return f"{event.former} is {event.repository} by now"
