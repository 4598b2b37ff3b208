"""engineering: architect -> preparer -> developer <-> tester, until a commit is accepted or a person is needed."""

from itertools import count

from prefect import flow
from pydantic import Field

from domain.checks import Check
from domain.dropped import KnownTest, known_tests, merged, proved_report
from domain.outcomes import Abandoned, Accepted, Developed, Escalated, planless
from domain.plans import Plan, in_force
from domain.previews import why_no_preview
from domain.reports import CaseResult, TestReport
from domain.runs import DeliveryRequest
from domain.seen import Seen
from domain.turns import Back, Judged, Move, Stop, Take, after_giving_up, next_move, reservations
from domain.values import Value
from flows.home import show_tests
from flows.interruption import unless_interrupted
from flows.opening import Blocks, open_blocks
from flows.proof import examine
from flows.testing import Trial, tester
from tasks.architect import write_plan
from tasks.developer import accept_commit, develop, dismiss_developer, task_text
from tasks.kinds import kind_named
from tasks.preparer import prepare_repository
from tasks.progress import Journal
from tasks.proof import prove
from tasks.redaction import shield
from tasks.tester import refused_report, untaken_report


class Commission(Value):
    """Input of the engineering flow."""

    request: DeliveryRequest
    rounds: int = Field(ge=1, description="How often the developer may try")
    first_round: int = Field(default=1, ge=1, description="Later when a person answered: rounds are counted over the whole run")
    plan: int = Field(default=1, ge=1, description="Number of the plan; a new one makes the architect think again")
    guidance: str = Field(default="", description="What the person said to what stopped the work")
    seen: Seen = Field(default=Seen(), description="Tests of the rounds before `first_round`")
    approved: str = Field(default="", description="Digest of the change of platform files that their owner approved")


@flow(name="engineering", flow_run_name="engineer {commission.request.project}", persist_result=True)
async def engineering(commission: Commission) -> Accepted | Escalated:
    """Return the accepted commit and candidate, or why a person must decide."""
    blocks = await open_blocks()
    return await unless_interrupted(engineer(commission, blocks))


async def engineer(commission: Commission, blocks: Blocks) -> Accepted | Escalated:
    """Plan, then let developer and tester take turns; the run's workers are gone afterwards."""
    request, journal = commission.request, Journal(commission.request.run, blocks.registry, blocks.wakeups)

    await shield(request.project, blocks.vault)
    await journal.step("prepare", "preparing the repository")
    base = await prepare_repository(request.run, request.brief, blocks.git)
    await journal.step("plan", "the architect writes the plan")
    plan = await write_plan(
        request, base, blocks.installation.model_of("architect"), blocks.git, blocks.model, blocks.registry,
        commission.plan, commission.guidance, blocks.attachments,
    )  # fmt: skip
    if not isinstance(plan, Plan):
        return planless(plan, commission.first_round - 1)
    if request.preview and (why := why_no_preview("", plan.addons)) is not None:  # said now, not after all rounds
        return Escalated(reason=why)
    try:
        return await rounds(commission, base, plan, journal, blocks)
    finally:
        await dismiss_developer(request.run, blocks.engine, blocks.installation.home)


async def rounds(commission: Commission, base: str, plan: Plan, journal: Journal, blocks: Blocks) -> Accepted | Escalated:
    """Let developer and tester take turns until work is accepted or a person must decide."""
    request, judged, told, seen = commission.request, list[Judged](), None, commission.seen
    checks = in_force(plan, request.brief, await blocks.registry.checks(request.project))
    last = commission.first_round + commission.rounds - 1
    guidance = guidance_of(commission, plan)
    for number in count(commission.first_round):
        await journal.round(number, max(number, last))
        work = await develop(
            request, number, base, plan, told, blocks.installation.model_of("developer"),
            blocks.git, blocks.engine, blocks.model, blocks.registry, blocks.wakeups,
            guidance if number == commission.first_round else "", blocks.installation.arrangement_of("developer"),
            blocks.attachments,
        )  # fmt: skip
        move: Move
        if isinstance(work, Abandoned):
            move = after_giving_up(judged, work)
        else:
            judged.append(await judge(request, number, work, base, checks, seen, journal, blocks))
            seen = seen.after(judged[-1].report)
            move = next_move(judged, last, stubborn=blocks.installation.ralph)
        match move:
            case Back():
                told = move.feedback
            case Take():
                return await accept(request, base, move.judged, seen, checks, journal, blocks)
            case Stop():
                report = judged[-1].report if judged else None
                return Escalated(
                    reason=move.reason, cause=move.cause, evidence=move.evidence, report=report, rounds=number, seen=seen
                )
    raise AssertionError("count() does not end")


async def judge(
    request: DeliveryRequest,
    number: int,
    work: Developed,
    base: str,
    checks: tuple[Check, ...],
    seen: Seen,
    journal: Journal,
    blocks: Blocks,
) -> Judged:
    """Let the tester judge a round's work, and look closer at what is green."""
    await journal.step("test", f"testing round {number}")
    accepted = proved_report(base, await blocks.registry.proofs(request.project))
    report = await verdict(request, number, work, base, checks, merged(known_tests(accepted), seen.known))
    await journal.write("report", report.summary, "test", facts(report))
    if not work.untaken:
        await show_tests(request, base, report.model_copy(update={"commit": work.commit}), blocks)
    judged = Judged(number=number, commit=work.commit, report=report)
    return await examine(request, base, judged, journal, blocks) if report.passed else judged


async def accept(
    request: DeliveryRequest,
    base: str,
    judged: Judged,
    seen: Seen,
    checks: tuple[Check, ...],
    journal: Journal,
    blocks: Blocks,
) -> Accepted:
    """Prove the round's commit and move main to it; that of a preview is accepted when its person confirms it."""
    left = reservations(judged)
    for sentence in left:
        await journal.write("note", sentence, "prove", {"reservation": True})
    await prove(request, base, judged, seen.flaky, blocks.installation, blocks.registry)
    if not request.preview:
        await accept_commit(request.run, request.project, judged.commit, blocks.git)
    return Accepted(
        commit=judged.commit,
        candidate=judged.report.candidate,
        report=judged.report,
        rounds=judged.number,
        checks=checks,
        base=base,
        reservations=left,
        seen=seen,
    )


def guidance_of(commission: Commission, plan: Plan) -> str:
    """Return what the developer is told first when the work goes on: the person's words, and a plan that is new to it."""
    if commission.first_round == 1:
        return ""
    return f"{commission.guidance}\n\n{task_text(commission.request, plan)}" if commission.plan > 1 else commission.guidance


async def verdict(
    request: DeliveryRequest, number: int, work: Developed, base: str, checks: tuple[Check, ...], known: tuple[KnownTest, ...]
) -> TestReport:
    """Refuse a round that could not be taken or touches platform files; let the tester judge every other."""
    if work.untaken:
        return untaken_report(work.commit, work.untaken)
    if work.locked:
        return refused_report(work.commit, work.locked)
    trial = Trial(
        run=request.run,
        project=request.project,
        round=number,
        commit=work.commit,
        base=base,
        process=kind_named(request.brief.kind).process,
        chat=kind_named(request.brief.kind).chat,
        checks=checks,
        known=known,
        dropped=work.dropped,
    )
    return await tester(trial)


def facts(report: TestReport) -> dict[str, str | int | float | bool]:
    """Give the figures of a report that live views show."""
    return {
        "outcome": report.outcome.value,
        "passed": report.count(CaseResult.PASSED),
        "failed": report.count(CaseResult.FAILED, CaseResult.ERROR, CaseResult.FLAKY),
        "skipped": report.count(CaseResult.SKIPPED),
    }
