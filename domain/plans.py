"""The architect's Plan."""

from pydantic import Field

from domain.briefs import Brief
from domain.checks import Check
from domain.values import Value


class PlannedFile(Value):
    path: str = Field(min_length=1, max_length=200, description="Relative to the repository")
    purpose: str = Field(min_length=1, max_length=400)


class Plan(Value):
    """How it will be built, and the Brief's checks in executable form."""

    summary: str = Field(min_length=1, max_length=4000)
    files: tuple[PlannedFile, ...] = Field(min_length=1, max_length=60)
    test_plan: tuple[str, ...] = Field(min_length=1, max_length=40, description="Behaviours that the tests must show")
    checks: tuple[Check, ...] = Field(min_length=1, max_length=40, description="Each Brief check is covered by one or more")


def gaps(plan: Plan, brief: Brief) -> tuple[str, ...]:
    """Say what keeps the plan from proving the Brief: uncovered checks, unknown ones, repeated ids. Empty is good."""
    wanted = {check.id for check in brief.checks}
    covered = {check.covers for check in plan.checks}
    ids = [check.id for check in plan.checks]
    found = [f"no executable check covers {missing!r}" for missing in sorted(wanted - covered)]
    found += [f"check covers {extra!r}, which the Brief does not have" for extra in sorted(covered - wanted)]
    found += [f"check id {name!r} stands more than once" for name in sorted({i for i in ids if ids.count(i) > 1})]
    return tuple(found)


def as_markdown(plan: Plan) -> str:
    """Render the Plan for the Prefect UI."""
    files = "\n".join(f"| `{file.path}` | {file.purpose} |" for file in plan.files)
    tests = "\n".join(f"- {line}" for line in plan.test_plan)
    checks = "\n".join(f"- `{check.id}` ({check.type}, for `{check.covers}`): {check.title}" for check in plan.checks)
    return (
        f"# Plan\n\n{plan.summary}\n\n| file | purpose |\n|---|---|\n{files}\n\n"
        f"## Tests\n{tests}\n\n## Acceptance checks\n{checks}\n"
    )
