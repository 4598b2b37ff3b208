"""The project's own repository at GitHub, for a developer that may use it.

True afterwards: nothing has changed, but where it should be used and there is none, the run's people have been told.
Blocks: registry, and wakeups by the journal. Who answers git's questions is the model gateway.
"""

from domain.cli_agents import Arrangement
from domain.git_credentials import site_of
from domain.registry import Registry
from domain.runs import DeliveryRequest
from tasks.progress import Journal
from tasks.workplace import wanted_capabilities

TEXT = (
    "\n\n## The project's repository at GitHub\nFrom the workspace `git` also reaches {address} over https. The credential "
    "comes by itself and is for this repository alone. Fetch there what the request needs, and push there only what the person "
    "asks for: what you hand in is committed by Slipway, which does not push it."
)
NONE = (
    "the developer works without GitHub, because the project has no repository there: "
    "`slipway repository {project} OWNER/NAME` sets it for the next run"
)


async def own_repository(
    request: DeliveryRequest, number: int, arrangement: Arrangement, registry: Registry, journal: Journal
) -> str:
    """Return the project's repository if its worker is to use it, else nothing; the first round says why there is none."""
    if "github" not in wanted_capabilities(request.brief.kind, arrangement):
        return ""
    project = await registry.project(request.project)
    repository = project.repository if project else ""
    if not repository and number == 1:
        await journal.write("note", NONE.format(project=request.project), "develop")
    return repository


def repository_text(arrangement: Arrangement, repository: str) -> str:
    """Return what the developer is told of it, at the end of its task."""
    return TEXT.format(address=site_of(arrangement.github_url).address(repository)) if repository else ""
