"""`slipway github webhook`: what GitHub is to be told, so that its webhooks are believed."""

import sys
from typing import TYPE_CHECKING, Annotated

from deployments.commands.projects import JSON
from deployments.commands.where import SHOWS, alone
from deployments.terminal import print_json

if TYPE_CHECKING:
    from deployments.commands.sessions import Shared

EVENTS = ("push", "issues", "issue_comment", "repository")
TOLD = """\
Payload URL:   {url}   (or where your own proxy leads to the HTTP API)
Content type:  application/json
Events:        {events}
Secret:        {secret}
Whoever has the secret can speak as GitHub: it is in `github.webhook` of the data folder, and belongs nowhere else.
"""


@alone(SHOWS)
async def webhook(shared: "Shared", as_json: Annotated[bool, JSON] = False) -> None:
    """Show what GitHub has to be told. The secret is made when it is first asked for."""
    async with shared.session() as (desk, up):
        from pathlib import Path

        from deployments.api.doors import WEBHOOK
        from deployments.api.hook import hook_secret
        from deployments.data_folder import DataFolder

        secret = hook_secret(DataFolder(Path(up.home)))
        place = desk.blocks.installation
        url = place.address_of(place.domain_of("api")) + WEBHOOK
        if as_json:
            facts = {"url": url, "path": WEBHOOK, "content_type": "application/json", "events": list(EVENTS)}
            print_json({**facts, "secret": secret})
        else:
            sys.stdout.write(TOLD.format(url=url, events=", ".join(EVENTS), secret=secret))
