"""engineering: architect -> preparer -> developer <-> tester, until a commit is accepted or a person is needed."""

from prefect import flow
from pydantic import Field

from domain.checks import Check
from domain.failures import feedback, signature
from domain.outcomes import Abandoned, Accepted, Escalated, cause_of_giving_up
from domain.plans import Plan, in_force
from domain.reports import TestReport
from domain.runs import DeliveryRequest
from domain.values import Value
from flows.opening import Blocks, open_blocks
from flows.testing import Trial, tester
from tasks.architect import write_plan
from tasks.developer import accept_commit, develop, dismiss_developer
from tasks.kinds import kind_named
from tasks.preparer import prepare_repository
from tasks.progress import Journal
from tasks.redaction import shield
from tasks.tester import refused_report


class Commission(Value):
    """Input of the engineering flow."""

    request: DeliveryRequest
    rounds: int = Field(ge=1)


@flow(name="engineering", flow_run_name="engineer {commission.request.project}", persist_result=True)
async def engineering(commission: Commission) -> Accepted | Escalated:
    """Return the accepted commit and candidate, or why a person must decide."""
    blocks = await open_blocks()
    request, journal = commission.request, Journal(commission.request.run, blocks.registry, blocks.wakeups)

    await shield(request.project, blocks.vault)
    await journal.step("prepare", "preparing the repository")
    base = await prepare_repository(request.brief, blocks.git)
    await journal.step("plan", "the architect writes the plan")
    plan = await write_plan(request, base, blocks.installation.model_of("architect"), blocks.git, blocks.model, blocks.registry)
    if not isinstance(plan, Plan):
        return Escalated(reason=f"the architect found no plan: {plan.reason}", cause="no_plan", evidence=plan.detail, rounds=0)
    try:
        return await rounds(commission, base, plan, journal, blocks)
    finally:
        await dismiss_developer(request.run, blocks.engine, blocks.installation.home)


async def rounds(commission: Commission, base: str, plan: Plan, journal: Journal, blocks: Blocks) -> Accepted | Escalated:
    """Let developer and tester take turns; stop at a pass, at the limit, or when the same failure comes twice."""
    request, report, seen = commission.request, None, ""
    kind = kind_named(request.brief.kind)
    checks = in_force(plan, request.brief, await blocks.registry.checks(request.project))
    for number in range(1, commission.rounds + 1):
        await journal.round(number, commission.rounds)
        work = await develop(
            request, number, base, plan, feedback(report) if report else None, blocks.installation.model_of("developer"),
            blocks.git, blocks.engine, blocks.model, blocks.registry, blocks.wakeups,
        )  # fmt: skip
        if isinstance(work, Abandoned):
            return Escalated(
                reason=f"the developer stopped: {work.reason}",
                cause=cause_of_giving_up(work.reason),
                evidence=work.detail,
                report=report,
                rounds=number,
            )
        await journal.step("test", f"testing round {number}")
        report = await verdict(request, number, work.commit, base, work.locked, kind.process, checks)
        await journal.write("report", report.summary, "test", facts(report))
        if report.passed:
            await accept_commit(request.run, request.project, work.commit, blocks.git)
            return Accepted(commit=work.commit, candidate=report.candidate, report=report, rounds=number, checks=checks)
        if signature(report) == seen:
            return Escalated(
                reason="the same failure came twice",
                cause="same_failure",
                evidence=feedback(report),
                report=report,
                rounds=number,
            )
        seen = signature(report)
    return Escalated(
        reason=f"the tests still fail after {commission.rounds} rounds",
        cause="rounds_spent",
        evidence=feedback(report) if report else "",
        report=report,
        rounds=commission.rounds,
    )


async def verdict(
    request: DeliveryRequest,
    number: int,
    commit: str,
    base: str,
    locked: tuple[str, ...],
    process: str,
    checks: tuple[Check, ...],
) -> TestReport:
    """Refuse a round that touches platform files; let the tester judge every other."""
    if locked:
        return refused_report(commit, locked)
    trial = Trial(
        run=request.run, project=request.project, round=number, commit=commit, base=base, process=process, checks=checks
    )
    return await tester(trial)


def facts(report: TestReport) -> dict[str, str | int | float | bool]:
    """Give the figures of a report that live views show."""
    from domain.reports import CaseResult

    return {
        "outcome": report.outcome.value,
        "passed": report.count(CaseResult.PASSED),
        "failed": report.count(CaseResult.FAILED, CaseResult.ERROR),
        "skipped": report.count(CaseResult.SKIPPED),
    }
