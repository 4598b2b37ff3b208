"""What `slipway secret` does with values, and the one sentence that a person reads afterwards."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from domain.errors import BadInput
from domain.refusals import SecretRefused
from domain.secret_formats import shape_complaint
from domain.vault import newest, users

if TYPE_CHECKING:
    from deployments.desk.requests import Desk


async def set_value(desk: "Desk", project: str, name: str, value: str, who: str, *, unchecked: bool) -> str:
    """Store the value and let the runs go on that waited for it; raise BadInput when it cannot be what its name says."""
    from tasks.secret_use import record_stored  # loads Prefect

    wrong = None if unchecked else shape_complaint(name, value)
    if wrong is not None:
        raise SecretRefused(name, wrong)
    before = newest(await desk.vault.listed(project)).get(name)
    reference = await desk.vault.put(project, name, value, unchecked=unchecked)
    stored = newest(await desk.vault.listed(project)).get(name)
    if stored is not None and stored.complaint is not None:
        raise SecretRefused(name, stored.complaint, same=True)
    await record_stored(project, who, name, "stored", desk.registry, desk.vault)
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
    return f"; release {serving} goes on with the value of before until something is delivered"


async def lost_without(desk: "Desk", project: str, name: str, *, old: bool) -> list[int]:
    """Return the kept releases that could not be brought back without its values; raise BadInput when there are none to go."""
    from tasks.secret_use import environments_of

    references = await _references(desk, project, name, old=old)
    releases = await desk.registry.releases(project)
    environments = await environments_of(releases, desk.registry)
    lost = {each.number for reference in references for each in users(reference, releases, environments)}
    return sorted(lost, reverse=True)


async def _references(desk: "Desk", project: str, name: str, *, old: bool) -> list[str]:
    infos = [info for info in await desk.vault.listed(project) if info.key == name]
    if not infos:
        raise BadInput(f"{project} has no secret {name[:60]!r}: `slipway secret list {project}` lists what there is")
    latest = newest(infos)[name]
    references = [info.reference for info in infos if not (old and info == latest)]
    if not references:
        raise BadInput(f"{project} keeps no earlier value of {name}")
    return references


async def forget_values_of(desk: "Desk", project: str, name: str, who: str, given_up: Collection[int], *, old: bool) -> str:
    """Forget the values, or only the old ones, and say what is lost with them.

    Raises BadInput, and changes nothing, where a kept release would be that is not among those given up.
    """
    from tasks.secret_use import forget_values

    references, blocks = await _references(desk, project, name, old=old), desk.blocks
    lost = await forget_values(
        project, references, who, desk.registry, blocks.engine, desk.vault, desk.wakeups, given_up=given_up
    )
    left = any(info.key == name for info in await desk.vault.listed(project))
    if not left:
        await desk.vault.delete(project, name)
    what = f"earlier values of {name} of {project} are gone" if left else f"{name} of {project} is gone"
    numbers = ", ".join(str(release.number) for release in lost)
    return what + (f"; {project} cannot go back to release {numbers} any more" if lost else "")
