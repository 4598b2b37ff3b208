"""Which tests share a process, and which of these groups begin first."""

from pathlib import Path

FIRST = ("stories", "story-process", "hostile")
"""Groups that take minutes begin first, and two at most are stories: a third one at a time only slows them all down."""
ON_DOCKER = ("test_bot_docker", "test_telegram_docker")
"""Stories that play on the shared installation with Docker alone."""
APART = ("test_cli_engine", "test_demo", "test_github", "test_telegram_story", *ON_DOCKER)
"""Stories that do not play on the installation without Docker that the others share."""


def group_of(nodeid: str) -> str:
    """Return what a test shares its process with: the stories of one queue, the hostile suite, else its file."""
    path = Path(nodeid.partition("::")[0])
    if path.parent.name == "story":
        return "stories" if path.stem in APART or nodeid.endswith("[docker]") else "story-process"
    return "hostile" if path.parent.name == "hostile" else str(path)


def rank(nodeid: str) -> tuple[int, bool]:
    """Order the groups; the installation with Docker comes last in its one, so that it is not idle beside others."""
    group = group_of(nodeid)
    on_docker = group == "stories" and ("[docker]" in nodeid or Path(nodeid.partition("::")[0]).stem in ON_DOCKER)
    return (FIRST.index(group) if group in FIRST else len(FIRST)), on_docker
