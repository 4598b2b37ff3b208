"""`slipway github webhook`: what GitHub is to be told, so that its webhooks are believed."""

import sys
from typing import Annotated

import typer

from deployments.commands.projects import JSON
from deployments.terminal import finish, print_json


def webhook(context: typer.Context, as_json: Annotated[bool, JSON] = False) -> None:
    """Show address, content type, events and secret of the webhook; the secret is made when it is first asked for."""

    async def work() -> int:
        async with context.obj.session() as (desk, up):
            from pathlib import Path

            from deployments.api.doors import WEBHOOK
            from deployments.api.hook import hook_secret
            from deployments.data_folder import DataFolder

            secret = hook_secret(DataFolder(Path(up.home)))
            place = desk.blocks.installation
            url = place.address_of(place.domain_of("api")) + WEBHOOK
            document = {
                "url": url,
                "path": WEBHOOK,
                "content_type": "application/json",
                "events": list(EVENTS),
                "secret": secret,
            }
            if as_json:
                print_json(document)
            else:
                sys.stdout.write(TOLD.format(url=url, events=", ".join(EVENTS), secret=secret))
            return 0

    raise typer.Exit(finish(work(), debug=context.obj.debug, as_json=as_json))


EVENTS = ("push", "issues", "issue_comment", "repository")
TOLD = """\
Payload URL:   {url}   (or where your own proxy leads to the HTTP API)
Content type:  application/json
Events:        {events}
Secret:        {secret}
Whoever has the secret can speak as GitHub: it is in `github.webhook` of the data folder, and belongs nowhere else.
"""
