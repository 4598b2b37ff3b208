"""`slipway secret rotate`: a secret gets another value, and the app is released again so that it uses it.

The value is stored first, as a new version; then what serves is released again by a run of its own. If that fails, the release
that serves goes on with its own version. Killed in between, the new value waits for the next release, or another rotation.
"""

from typing import TYPE_CHECKING

from domain.errors import BadInput
from domain.refusals import ALL_THE_SAME
from domain.releases import Release, live
from domain.runs import Run, RunState
from domain.secret_formats import shape_complaint
from domain.vault import SecretInfo, newest, users

if TYPE_CHECKING:
    from deployments.desk.requests import Desk


async def rotatable(desk: "Desk", project: str, key: str) -> SecretInfo:
    """Return the secret's newest version; raise BadInput, and change nothing, when it is not for us to rotate."""
    info = newest(await desk.vault.listed(project)).get(key)
    if info is None:
        raise BadInput(f"{project} has no secret {key[:60]!r}: `slipway secret list {project}` lists what there is")
    if info.generated and (kind := await _resource_of(desk, project, key)):
        raise BadInput(f"{key} belongs to the {kind} of {project}, whose password is not rotated: nothing was changed")
    return info


async def _resource_of(desk: "Desk", project: str, key: str) -> str:
    """Return whose password or address Slipway keeps under this key; empty when it is no resource's."""
    from domain.addons import addons_of
    from domain.resources import ResourceKind, password_key

    for kind in ResourceKind:
        if key == password_key(kind):
            return kind.value
    serving = live(await desk.registry.releases(project))
    files = await desk.blocks.git.read(project, serving.commit, ("app.json",)) if serving else {}
    return next((addon.kind.value for addon in addons_of(files.get("app.json", "")) if addon.variable == key), "")


async def give_value(desk: "Desk", project: str, info: SecretInfo, value: str | None, who: str, *, unchecked: bool) -> None:
    """Store the value as the next version; None: make one up. Raise BadInput for one that cannot be used, or that it has."""
    from tasks.secret_resolver import make_secret
    from tasks.secret_use import record_stored

    key = info.key
    if value is None:
        await make_secret(project, key, desk.vault)
    else:
        wrong = None if unchecked else shape_complaint(key, value)
        if wrong is not None:
            raise BadInput(f"{wrong.sentence(key)}; nothing was changed. If it is right, {ALL_THE_SAME}")
        if await desk.vault.put(project, key, value, unchecked=unchecked) == info.reference:
            raise BadInput(f"this is the value that {key} of {project} has: nothing was changed")
    await record_stored(project, who, key, "rotated", desk.registry, desk.vault)


async def rotate(desk: "Desk", project: str, key: str, value: str | None, who: str, *, unchecked: bool) -> Run | None:
    """Store the next value, and start the run that lets the app have it; None when nothing that serves uses it."""
    info = await rotatable(desk, project, key)
    await give_value(desk, project, info, value, who, unchecked=unchecked)
    return await desk.release_again(project, f"{key} was rotated", who) if await uses(desk, project, key) else None


async def uses(desk: "Desk", project: str, key: str) -> bool:
    """Tell whether what serves was given any version of the secret."""
    infos = [info for info in await desk.vault.listed(project) if info.key == key]
    serving = live(await desk.registry.releases(project))
    return serving is not None and any(serving in found for found in (await _users(desk, project, infos)).values())


async def told_rotation(desk: "Desk", project: str, key: str, by: str | None) -> str:
    """Say in plain words what serves with which value now, after the run that brought it, and what a rollback brings back."""
    found = await desk.registry.run(by) if by else None
    run = found if found and found.project == project else None
    infos = [info for info in await desk.vault.listed(project) if info.key == key]
    latest, given = newest(infos)[key], await _users(desk, project, infos)
    serving = live(await desk.registry.releases(project))
    if serving is None or not any(serving in releases for releases in given.values()):
        return f"nothing that serves uses {key} of {project}; what is released next gets version {latest.version}"
    number = serving.number
    if run is not None and run.state is not RunState.DELIVERED:
        return (
            f"release {number} of {project} goes on with the value of before: run {run.id} is {run.state.value}. What is "
            f"released next gets the new value of {key}; `slipway secret set {project} {key}` gives it another one"
        )
    if serving not in given[latest.reference]:
        next_one = f"what is released next gets version {latest.version}"
        return f"release {number} of {project} goes on with an earlier value of {key}; {next_one}"
    said = f"{key} of {project}: release {number} serves with version {latest.version}"
    old = {each.number for info in infos if info != latest for each in given[info.reference]}
    if not old:
        return f"{said}; no release that could be brought back needs an earlier value"
    numbers = ", ".join(map(str, sorted(old, reverse=True)))
    return (
        f"{said}. A rollback to release {numbers} brings the value of before back with it: if that must not be used any more, "
        f"`slipway secret rm {project} {key} --old` gives up both"
    )


async def forget_unneeded(desk: "Desk", project: str, key: str, who: str) -> int:
    """Drop the earlier versions that no release could be started with any more, and no preview has; return how many."""
    from tasks.secret_use import forget_values, shown_with

    infos = [info for info in await desk.vault.listed(project) if info.key == key]
    latest = newest(infos)[key]
    needed, shown = await _users(desk, project, infos), await shown_with(project, desk.registry)
    gone = [info.reference for info in infos if info != latest and not needed[info.reference] and info.reference not in shown]
    if gone:
        await forget_values(project, gone, who, desk.registry, desk.blocks.engine, desk.vault, desk.wakeups)
    return len(gone)


async def _users(desk: "Desk", project: str, infos: list[SecretInfo]) -> dict[str, tuple[Release, ...]]:
    """Return, for each version, the releases that could be started with it."""
    from tasks.secret_use import environments_of

    releases = await desk.registry.releases(project)
    environments = await environments_of(releases, desk.registry)
    return {info.reference: users(info.reference, releases, environments) for info in infos}
