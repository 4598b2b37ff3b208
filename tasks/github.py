"""GitHub, the second home of a project's code: what serves is brought there, whole, whatever was done before.

True afterwards: the repository is there; the run's branch, its one pull request with Brief, checks, proof and cost, its check,
the deployment with the address and the release by tag are there once; and main has the commit, unless an approval is wanted.
Blocks: registry, git host, vault, GitHub and git to it. Nothing of ours depends on it: it is repeated until main there stands
where we do, and is shown as deployed. What each step makes has a name that is known before it is made (repository, branch, tag)
or carries the run's id, so a process that was killed half way finds it again.
"""

from dataclasses import dataclass

from prefect import task
from prefect.cache_policies import NO_CACHE
from pydantic import SecretStr

from blocks.installation import Installation
from domain.audit import SLIPWAY
from domain.errors import UnknownObject
from domain.github import CommitCheck, Deployment, PullRequest, RemoteRepository
from domain.github_errors import GitHubRefused
from domain.github_protocols import GitHub, RemoteGit
from domain.github_texts import (
    branch_of,
    check_of_proof,
    described,
    pull_body,
    pull_title,
    secrets_wanted,
    tags_of,
)
from domain.proofs import SignedProof
from domain.protocols import GitHost, Vault
from domain.registry import Registry
from domain.releases import Release, ReleaseState
from domain.runs import Project
from domain.vault import newest
from tasks.audit import record
from tasks.hosts import main_host
from tasks.redaction import redacted
from tasks.retrying import only_try_again

WORKFLOWS = (".github/workflows/tests.yml",)


@dataclass(frozen=True, kw_only=True)
class Homes:
    """Both homes of the code, and what is known of it."""

    registry: Registry
    git: GitHost
    vault: Vault
    github: GitHub
    remote: RemoteGit
    installation: Installation


@task(
    task_run_name="bring {slug} to GitHub",
    cache_policy=NO_CACHE,
    retries=2,
    retry_delay_seconds=3,
    retry_condition_fn=only_try_again,
)
async def bring_to_github(slug: str, homes: Homes, *, only_if_missing: bool = False) -> str:
    """Bring what serves there; return one sentence for people, empty when the project has no home at GitHub.

    With `only_if_missing` nothing more is asked where main is what serves, and is deployed. Main is the default branch there.
    """
    project = await homes.registry.project(slug)
    live = next(iter(await homes.registry.releases(slug, states=(ReleaseState.LIVE,))), None)
    if project is None or live is None or (there := await _repository(project, homes)) is None:
        return ""
    if only_if_missing and await _is_home(there, live, homes):
        return ""
    signed = next((each for each in await homes.registry.proofs(slug) if each.body["commit"] == live.commit), None)
    address = homes.installation.address_of(await main_host(slug, homes.registry))
    live = live.model_copy(update={"address": address})  # people's, not ours
    pull = await _propose(project, there, live, signed, homes)
    said = await _tell(there, project, live, signed, homes)
    return f"{await _merge(there, live, pull, homes)}{said}"


async def _is_home(there: RemoteRepository, live: Release, homes: Homes) -> bool:
    """Tell whether all was done: main is moved last, but a person's push was on it before, and then the deployment is last."""
    head = await homes.github.repositories.head(there.name, there.default_branch)
    return head == live.commit and await homes.github.reports.is_deployed(there.name, _deployment(live))


@task(task_run_name="show {check.commit} at GitHub", cache_policy=NO_CACHE)
async def show_check(slug: str, check: CommitCheck, base: str, homes: Homes) -> None:
    """Tell of a run's commit what the check says; with a `base`, push it onto the run's branch first: it is not there yet."""
    project = await homes.registry.project(slug)
    if project is None or not check.commit or (there := await _repository(project, homes)) is None:
        return
    if base:
        await _begin(project.slug, there, base, homes)
        await homes.remote.push(slug, there.name, check.commit, f"refs/heads/{branch_of(check.run)}")
    await homes.github.reports.report(there.name, discreet(check))


async def _repository(project: Project, homes: Homes) -> RemoteRepository | None:
    """Return the project's repository, made now if it may be; one that somebody else made is never taken for ours."""
    place, repositories = homes.installation, homes.github.repositories
    if project.repository:
        return await repositories.known(project.repository)
    if not place.github_owner:
        return None
    name = f"{place.github_owner}/{project.slug}"
    mark = described(project.title, project.slug, f"{project.created:%Y-%m-%d %H:%M:%S}")
    found = await repositories.repository(name)
    if found is None:
        found = await repositories.create(name, mark, private=place.github_private)
    elif found.description != mark:
        cure = f"`slipway repository {project.slug} {name}` takes it all the same, another OWNER/NAME another one"
        raise GitHubRefused(f"{name} for {project.slug}", 0, "there is such a repository, and Slipway did not make it", cure)
    await homes.registry.set_repository(project.slug, name)
    await record(project.slug, SLIPWAY, f"repository set to {name}", homes.registry, why="made at GitHub")
    return found


async def _begin(slug: str, there: RemoteRepository, base: str, homes: Homes) -> str:
    """Let an empty repository begin with what the run began with, so that its change can be seen; return main's commit."""
    if head := await homes.github.repositories.head(there.name, there.default_branch):
        return head
    await homes.remote.push(slug, there.name, base, f"refs/heads/{there.default_branch}")
    return base


async def _propose(
    project: Project, there: RemoteRepository, live: Release, signed: SignedProof | None, homes: Homes
) -> PullRequest | None:
    """Push the run's branch and open its one pull request; None when main has the commit already, or nothing proves it."""
    head = await _begin(project.slug, there, signed.body["base"] if signed else live.commit, homes)
    if await _is_merged(project.slug, there, head, live.commit, homes) or signed is None:
        return None
    name, branch, pulls = there.name, branch_of(signed.run), homes.github.pulls
    await homes.remote.push(project.slug, name, live.commit, f"refs/heads/{branch}")
    title, body = redacted(pull_title(project.brief)), redacted(pull_body(project.brief, signed, live.address))
    known = await pulls.of_branch(name, branch)
    if known is None:
        return await pulls.open_pull(name, branch, there.default_branch, title, body)
    if (known.title, known.body) != (title, body):
        await pulls.update_pull(name, known.number, title, body)
    return known


async def _is_merged(slug: str, there: RemoteRepository, head: str, commit: str, homes: Homes) -> bool:
    """Tell whether main's head has the commit; a head that is not ours is fetched first."""
    try:
        return head == commit or await homes.git.fork(slug, head, commit) == commit
    except UnknownObject:
        await homes.remote.fetch(slug, there.name, there.default_branch)
    return await homes.git.fork(slug, head, commit) == commit


async def _tell(there: RemoteRepository, project: Project, live: Release, signed: SignedProof | None, homes: Homes) -> str:
    """Report tests, release and deployment, and give workflows the secrets that they use; return what is to be said besides.

    The deployment comes last: where it is the active one all of this was done, and is not done again.
    """
    reports, repositories, serves = homes.github.reports, homes.github.repositories, _deployment(live)
    if await reports.is_deployed(there.name, serves):
        return ""
    if signed is not None:
        await reports.report(there.name, discreet(check_of_proof(signed, live.address)))
    said = await _release(there.name, project.slug, live, homes)
    kept = newest(await homes.vault.listed(project.slug))
    texts = await homes.git.read(project.slug, live.commit, WORKFLOWS)
    for key in secrets_wanted(list(texts.values())):
        if key in kept:
            await repositories.set_secret(there.name, key, SecretStr(await homes.vault.get(kept[key].reference)))
    if homes.installation.github_protect:
        await repositories.protect(there.name, there.default_branch)
    await reports.deployed(there.name, serves)
    return said


def _deployment(live: Release) -> Deployment:
    return Deployment(run=live.run, commit=live.commit, since=live.went_live or live.created, address=live.address)


async def _release(name: str, slug: str, live: Release, homes: Homes) -> str:
    """Publish the release by the first tag that is no other commit's: a person's own is never taken; say if there is none."""
    title, body = f"Release {live.number}", redacted(f"Online at {live.address}")
    for tag in tags_of(live.number):
        try:
            await homes.remote.push(slug, name, live.commit, f"refs/tags/{tag}")
        except GitHubRefused as refused:
            why = refused
        else:
            await homes.github.reports.released(name, tag, title, body)
            return ""
    return f"; it has no release there: {why}"


def discreet(check: CommitCheck) -> CommitCheck:
    """Return the check without any secret that a test printed."""
    remarks = (
        each.model_copy(update={"title": redacted(each.title), "message": redacted(each.message)}) for each in check.annotations
    )
    words = {"title": redacted(check.title), "summary": redacted(check.summary)}
    return check.model_copy(update={**words, "annotations": tuple(remarks)})


async def _merge(there: RemoteRepository, live: Release, pull: PullRequest | None, homes: Homes) -> str:
    """Move main to the very commit that was tested and serves; GitHub counts the pull request as merged by it.

    A person who closes it has main stay where it is, until they open it again or the next delivery has one of its own.
    """
    if pull is None:
        return f"{there.name} at GitHub has what serves"
    if not pull.open:
        return f"{pull.url} was closed, and main stays where it is"
    if homes.installation.github_approval and not await homes.github.pulls.approved(there.name, pull.number, live.commit):
        return f"{pull.url} waits for somebody's approval; what serves is not touched by it"
    await homes.github.repositories.advance(there.name, there.default_branch, live.commit)
    return f"{pull.url} is merged"
