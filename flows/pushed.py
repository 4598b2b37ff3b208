"""pushed: a person's own commit is tested and proved as every other; nobody writes anything.

In the place of engineering, for a push to the main branch. What touches platform files waits for its owner's word.
"""

from prefect import flow

from domain.dropped import known_tests, proved_report
from domain.failures import feedback
from domain.outcomes import Accepted, Escalated
from domain.pushes import Push, judged_push
from domain.runs import DeliveryRequest
from domain.seen import Seen
from domain.turns import Judged
from flows.engineering import Commission, accept, facts
from flows.interruption import unless_interrupted
from flows.opening import Blocks, open_blocks
from flows.proof import examine
from flows.testing import Trial, tester
from tasks.kinds import kind_named
from tasks.preparer import prepare_repository
from tasks.progress import Journal
from tasks.pushes import fork_of, look_at_push
from tasks.redaction import shield


@flow(name="pushed", flow_run_name="judge the push to {commission.request.project}", persist_result=True)
async def pushed(commission: Commission) -> Accepted | Escalated:
    """Return the pushed commit as accepted, with its candidate, or why it is not delivered."""
    blocks = await open_blocks()
    return await unless_interrupted(judge(commission, blocks))


async def judge(commission: Commission, blocks: Blocks) -> Accepted | Escalated:
    """Look at what it touches, test it, prove it; main moves to it only when all of that is good."""
    request, journal = commission.request, Journal(commission.request.run, blocks.registry, blocks.wakeups)
    await shield(request.project, blocks.vault)
    await journal.step("prepare", f"looking at the pushed commit {request.commit[:12]}")
    base = await prepare_repository(request.run, request.brief, blocks.git)
    if not await is_forward(request, base, blocks):
        return diverged(request)
    touched = await look_at_push(request, base, blocks.git)
    if touched.paths and commission.approved != touched.digest:
        reason = f"the push changes files that belong to the platform: {', '.join(touched.paths)}"
        return Escalated(reason=reason, cause="locked", evidence=touched.shown, digest=touched.digest)
    judged = await tested(request, base, bool(touched.paths), journal, blocks)
    if not judged.report.passed:
        reason = f"the pushed commit {request.commit[:12]} does not pass: {judged.report.summary.rstrip('.')}"
        return Escalated(reason=reason, cause="red", evidence=feedback(judged.report), report=judged.report, rounds=1)
    main = await blocks.git.head(request.project) or base
    if not await is_forward(request, main, blocks):  # something else went online while it was tested
        return diverged(request)
    checks = tuple(await blocks.registry.checks(request.project))
    return await accept(request, base, judged, Seen().after(judged.report), checks, journal, blocks)


async def tested(request: DeliveryRequest, base: str, is_approved: bool, journal: Journal, blocks: Blocks) -> Judged:
    """Let the tester judge the commit by the project's checks, and look closer at what is green."""
    await journal.round(1, 1)
    await journal.step("test", f"testing the pushed commit {request.commit[:12]}")
    accepted = proved_report(base, await blocks.registry.proofs(request.project))
    kind = kind_named(request.brief.kind)
    trial = Trial(
        run=request.run,
        project=request.project,
        round=1,
        commit=request.commit,
        base=base,
        platform=request.commit if is_approved else "",
        process=kind.process,
        chat=kind.chat,
        checks=tuple(await blocks.registry.checks(request.project)),
        known=known_tests(accepted),
    )
    report = await tester(trial)
    await journal.write("report", report.summary, "test", facts(report))
    judged = Judged(number=1, commit=request.commit, report=report)
    return await examine(request, base, judged, journal, blocks) if report.passed else judged


async def is_forward(request: DeliveryRequest, main: str, blocks: Blocks) -> bool:
    """Tell whether main can move to the commit, or stands there since this run moved it."""
    if main == request.commit:
        return True
    fork = await fork_of(request, main, blocks.git)
    return judged_push(request.commit, main, fork) is Push.FORWARD


def diverged(request: DeliveryRequest) -> Escalated:
    reason = f"the pushed commit {request.commit[:12]} lacks what is online by now: pull, merge and push again"
    return Escalated(reason=reason, cause="diverged")
