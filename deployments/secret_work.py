"""What `slipway secret` does with values, and the one sentence that a person reads afterwards."""

from typing import TYPE_CHECKING

from domain.errors import BadInput
from domain.secret_formats import shape_complaint
from domain.vault import newest, users

if TYPE_CHECKING:
    from deployments.requests import Desk


async def set_value(desk: "Desk", project: str, name: str, value: str, *, unchecked: bool) -> str:
    """Store the value and let the runs go on that waited for it; raise BadInput when it cannot be what its name says."""
    wrong = None if unchecked else shape_complaint(name, value)
    if wrong is not None:
        raise BadInput(f"{wrong.sentence(name)}; nothing was stored. If it is right all the same, add --unchecked")
    before = newest(await desk.vault.listed(project)).get(name)
    reference = await desk.vault.put(project, name, value, unchecked=unchecked)
    stored = newest(await desk.vault.listed(project)).get(name)
    if stored is not None and stored.complaint is not None:
        raise BadInput(f"{stored.complaint.sentence(name)}, and this is the same value: give another one, or add --unchecked")
    resumed = await desk.resume_waiting(project)
    said = f"{name} of {project} is stored" + (f"; {', '.join(resumed)} goes on" if resumed else "")
    old = "" if before is None or before.reference == reference else await _still_used(desk, project, before.reference)
    return f"{said}{old}"


async def _still_used(desk: "Desk", project: str, reference: str) -> str:
    """Say which release goes on with the value of before, and how it gets the new one."""
    from tasks.secret_use import environments_of

    releases = await desk.registry.releases(project)
    using = users(reference, releases, await environments_of(releases, desk.registry))
    serving = next((release.number for release in using if release.state.value == "live"), None)
    if serving is None:
        return ""
    return (
        f"; release {serving} goes on with the value of before until something is delivered or `slipway secret rotate` is used"
    )
