"""devops: env_analyzer -> secret_resolver -> readiness -> resources -> deployer (migrate, start, gate, switch, drain).

Or, while a person is to look first: a preview in the place of the last.
"""

from functools import partial

from prefect import flow
from pydantic import Field

from domain.checks import Check
from domain.env_values import is_rehearsed
from domain.environment import EnvironmentVersion, Missing, Requirements, computed_values
from domain.leases import Lease
from domain.names import Slug
from domain.outcomes import Escalated, Overtaken, Previewed, Rejected, Released, SecretsMissing
from domain.previews import Preview, PreviewedChange, why_no_preview
from domain.procfile import RELEASE
from domain.releases import ReleaseState, overtaken, serves_instead
from domain.values import Value
from flows.interruption import unless_interrupted
from flows.leases import under_lease
from flows.migration import migrate
from flows.opening import Blocks, open_blocks
from flows.preview import put_up
from tasks.acceptance import rehearse_release
from tasks.bots import lease_bot
from tasks.chat_address import chat_address
from tasks.deployer import gate_release, start_release, switch_release
from tasks.env_analyzer import analyze_environment
from tasks.exclusive import bring_back, make_room
from tasks.hosts import main_host
from tasks.kinds import kind_named
from tasks.previews import announce_preview
from tasks.progress import Journal
from tasks.readiness import Readiness, check_readiness, publish_release, refuse_again
from tasks.redaction import shield
from tasks.resources import provide_resources, reserve_resources
from tasks.retirement import retire_releases
from tasks.secret_resolver import resolve_environment
from tasks.unfinished import rest_release


class Deployment(Value):
    """Input of the devops flow."""

    run: str
    project: Slug
    commit: str
    candidate: str
    checks: tuple[Check, ...] = Field(description="Acceptance checks that the candidate must pass before traffic")
    attempt: int = Field(default=1, ge=1, description="Counts the tries after missing secrets were provided")
    again: bool = Field(default=False, description="It served when this was asked for, and replaces nothing that came since")
    preview: PreviewedChange | None = Field(default=None, description="What is shown beside what serves, and not put online")


@flow(name="devops", flow_run_name="deploy {deployment.project}", persist_result=True)
async def devops(deployment: Deployment) -> Released | Previewed | SecretsMissing | Rejected | Overtaken | Escalated:
    """Put the candidate online, or a preview of it up; whatever goes wrong, the release that served before still does."""
    blocks = await open_blocks()
    end = await unless_interrupted(deploy(deployment, blocks))
    if isinstance(end, Escalated):
        await rest_release(deployment.run, deployment.project, blocks.registry, blocks.engine, blocks.wakeups)
    return end


async def deploy(deployment: Deployment, blocks: Blocks) -> Released | Previewed | SecretsMissing | Rejected | Overtaken:
    """Resolve the environment, rehearse what is new in it, and roll the release out or put its preview up."""
    run, name, place = deployment.run, deployment.project, blocks.installation
    journal = Journal(run, blocks.registry, blocks.wakeups)

    await shield(name, blocks.vault)
    await journal.step("environment", "resolving what the app needs in its environment")
    sources = await blocks.git.read(name, deployment.commit, (".env.example", "app.json", "Procfile"))
    requirements = await analyze_environment(run, name, sources, place.env_model, blocks.model, blocks.registry)
    tested = computed_values(place.address_of(await main_host(name, blocks.registry)), place.telegram_api_url)
    project = await blocks.registry.project(name)
    kind = kind_named(project.kind) if project is not None else None
    why = why_no_preview(sources.get("app.json", ""))
    if deployment.preview is not None and why is not None:
        return Rejected(reason=why)
    preview = await announce(deployment, blocks)
    context = computed_values(place.address_of(preview.host), place.telegram_api_url) if preview else tested
    if kind is not None and kind.chat:
        await take_bot(name, requirements, blocks)
    needed = await reserve_resources(name, requirements, blocks.vault, blocks.registry, blocks.engine)
    version = await resolve_environment(name, requirements, context, blocks.vault, blocks.registry, place.telegram_api_url)
    if isinstance(version, Missing):
        return SecretsMissing(names=version.names, complaints=version.complaints)
    await shield(name, blocks.vault)  # it knows now what was generated just before
    refused = await refuse_again(run, name, deployment.candidate, version.number, blocks.registry)
    if refused is not None:
        return refused
    plan = await check_readiness(name, project, sources, blocks.engine, blocks.proxy)
    if needed:
        await journal.step("environment", f"starting the app's own {' and '.join(needed)}")
        await provide_resources(name, needed, blocks.vault, blocks.engine)

    await journal.step("deploy", "putting the preview up" if preview else "starting the new release")
    if not is_rehearsed(version, requirements, tested):
        rehearsal = await rehearse_release(
            run,
            name,
            deployment.attempt,
            deployment.candidate,
            plan.process,
            version,
            deployment.checks,
            plan.health,
            place.health_seconds,
            blocks.engine,
            blocks.vault,
            RELEASE,
            plan.addons,
            plan.chat,
        )
        if not rehearsal.passed:
            reason = f"the release is not fit to serve: {rehearsal.summary}"
            return Rejected(reason=reason, evidence=rehearsal.log, started=False)
    if preview is not None:
        return await put_up(preview, version, plan, blocks)
    return await under_lease(name, run, blocks, partial(roll_out, deployment, version, plan, blocks))


async def take_bot(name: str, requirements: Requirements, blocks: Blocks) -> None:
    """Give the project a bot of the pool where it has none; with none free its person is asked for a token."""
    low, at = blocks.installation.bots_low, blocks
    await lease_bot(name, requirements, low, at.registry, at.vault, at.wakeups, at.accounts)


async def announce(deployment: Deployment, blocks: Blocks) -> Preview | None:
    """Return the run's preview, whose host its environment names; None when it goes live at once."""
    if deployment.preview is None:
        return None
    place = blocks.installation
    return await announce_preview(deployment.preview, place.base_domain, place.preview_days, blocks.registry)


async def roll_out(
    deployment: Deployment, version: EnvironmentVersion, plan: Readiness, blocks: Blocks, lease: Lease
) -> Released | Rejected | Overtaken:
    """Migrate, start, gate, switch, retire: what of that is left to do for the run's release."""
    name, place = deployment.project, blocks.installation
    registry, engine, proxy, wakeups = blocks.registry, blocks.engine, blocks.proxy, blocks.wakeups
    address = place.address_of(await main_host(name, registry))
    other = serves_instead(deployment.run, deployment.candidate, await registry.releases(name)) if deployment.again else None
    if other is not None:
        return Overtaken(release=other, address=address, reason=f"release {other.number} serves instead by now")
    unfit = await migrate(
        deployment.run, deployment.commit, deployment.candidate, version.number, plan.release_command, blocks, lease
    )
    if unfit is not None:
        return await brought_back(unfit, blocks, lease)
    await make_room(lease, plan.exclusivity, version, registry, engine, wakeups)
    release = await start_release(
        lease,
        deployment.run,
        deployment.commit,
        deployment.candidate,
        version.number,
        plan.process,
        registry,
        engine,
        blocks.vault,
        wakeups,
    )
    if (why := overtaken(release, await registry.releases(name))) is not None:
        return Overtaken(release=release, address=address, reason=why)
    rejected = await gate_release(lease, release, plan.health, place.health_seconds, registry, engine, wakeups)
    if rejected is not None:
        return await brought_back(rejected, blocks, lease)
    live = await switch_release(lease, release, ReleaseState.DRAINING, "delivered", registry, engine, proxy, wakeups)
    if isinstance(live, Rejected):
        return await brought_back(live, blocks, lease)
    await retire_releases(lease, place.drain_seconds, registry, engine, proxy, wakeups)
    if plan.chat:
        address = await chat_address(name, version, blocks.vault, place.telegram_api_url) or address
    await publish_release(live, address, registry)
    return Released(release=live, address=address)


async def brought_back(rejected: Rejected, blocks: Blocks, lease: Lease) -> Rejected:
    """Let what rests for the rejected release serve again, and say so where it is not well."""
    unwell = await bring_back(
        lease,
        blocks.installation.health_seconds,
        blocks.registry,
        blocks.engine,
        blocks.vault,
        blocks.git,
        blocks.proxy,
        blocks.wakeups,
    )
    if not unwell:
        return rejected
    return rejected.model_copy(update={"reason": f"{rejected.reason} The version before is not well either: {unwell}"})
