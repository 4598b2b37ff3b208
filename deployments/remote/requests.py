"""A request to an installation elsewhere: from its text to its run, to its end or to where it goes on alone."""

import sys
from typing import Any

from rich.console import Console

from deployments.live import plain
from deployments.remote.place import RemotePlace
from deployments.terminal import DONE, FAILED_RUN, PERSON, console, print_json
from domain.errors import BadInput
from domain.names import checked_request
from domain.runs import RunState

ENDS = {RunState.DELIVERED.value: DONE, RunState.WAITING.value: PERSON}


async def request(
    place: RemotePlace, project: str | None, wish: dict[str, Any], *, yes: bool, wait: bool, as_json: bool
) -> int:
    """Take the request as far as was asked for; return the exit code."""
    wish = {**wish, "text": checked_request(wish["text"])}
    if not yes:
        raise BadInput("a Slipway elsewhere builds by the Brief as it is written: add --yes to accept that")
    screen = console(stderr=as_json)
    with screen.status("The Product Owner reads your request…"):
        run = await place.begin(project, wish)
    if wait:
        run = await watched(place, run["run"], screen)
    if as_json:
        print_json(run)
    elif not wait:
        slug = run["project"]
        sys.stdout.write(f"{slug} is being built as {run['run']}: follow it with `slipway logs {slug} --follow`\n")
    else:
        screen.print(f"{run['project']} is {run['state']}: {run['message'] or run['address']}", markup=False)
    return ENDS.get(run["state"], FAILED_RUN) if wait else DONE


async def watched(place: RemotePlace, run: str, screen: Console) -> dict[str, Any]:
    """Print each line of progress until the run rests, and return it."""
    async for line in place.progress(run, stay=True):
        if line.kind != "log":
            screen.print(plain(line), markup=False)
    return await place.run(run)
