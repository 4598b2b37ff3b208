"""What a person may decide when Slipway did not go back by itself, because that could cost data: two buttons."""

import re

from deployments.wording.texts import say


def data_buttons(key: str, project: str, language: str) -> tuple[tuple[str, str], ...]:
    """Return a button for each thing that can be done with the data; none for any other notification."""
    match = re.fullmatch(rf"{re.escape(project)}:refused-\d+-(\d+)", key)
    if match is None:
        return ()
    return tuple((say(language, f"data_{what}"), f"/rollback {project} {match[1]} {what}") for what in ("keep", "restore"))
