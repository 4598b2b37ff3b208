"""What `slipway doctor` says of GitHub."""

from deployments.checks.findings import Finding
from deployments.settings import Settings
from domain.errors import SlipwayError, TryAgain


async def github(settings: Settings) -> Finding:
    """Ask GitHub as whom it knows us; without App or token there is nothing to ask."""
    if not settings.uses_github:
        return Finding(name="github", ok=None, found="off: no SLIPWAY_GITHUB_APP_ID or SLIPWAY_GITHUB_TOKEN")
    try:
        who = await settings.reach_github().who()
    except TryAgain as error:
        return Finding(name="github", ok=None, found=str(error), cure="deliveries go there later, by themselves")
    except SlipwayError as error:
        return Finding(name="github", ok=False, found="GitHub does not know us", cure=str(error))
    kind = "the App" if settings.github_app_id else "the person"
    place = f", new repositories in {settings.github_owner}" if settings.github_owner else ""
    return Finding(name="github", ok=True, found=f"{kind} {who}{place}")
