"""The architect's Plan."""

from collections.abc import Sequence

from pydantic import Field

from domain.briefs import Brief
from domain.checks import ChatCheck, Check, HttpCheck
from domain.resources import ResourceKind
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
    addons: tuple[ResourceKind, ...] = Field(
        default=(), max_length=2, description="Databases that the app needs beside its data folder; those that it has stay"
    )


def gaps(plan: Plan, brief: Brief, earlier: Sequence[Check] = (), *, chat: bool = False) -> tuple[str, ...]:
    """Say what keeps the plan from proving the Brief; empty is good.

    `earlier` are the executable checks that run anyway: what they cover is covered, and their ids are taken, so that a
    new plan can add checks but replace none. `chat`: people talk to this kind of project in a messenger.
    """
    wanted = {check.id for check in brief.checks}
    covered = {check.covers for check in plan.checks}
    ids = [check.id for check in plan.checks]
    missing = wanted - covered - {check.covers for check in earlier}
    found = [f"no executable check covers {name!r}" for name in sorted(missing)]
    found += [f"check covers {extra!r}, which the Brief does not have" for extra in sorted(covered - wanted)]
    if not chat:
        found += [f"{brief.kind} has no chat, so nothing can ask {c.id!r}" for c in plan.checks if isinstance(c, ChatCheck)]
    found += [f"check id {name!r} stands more than once" for name in sorted({i for i in ids if ids.count(i) > 1})]
    found += [
        f"no unseen check covers {name!r}: add one with `unseen` true that asks the same behaviour with other values"
        for name in sorted(_guessable(plan.checks) - {check.covers for check in (*plan.checks, *earlier) if check.unseen})
    ]
    found += [f"unseen check {check.id!r} asks what a shown one asks: use other values" for check in _repeated(plan.checks)]
    found += [f"check id {name!r} is taken by an earlier check" for name in sorted(set(ids) & {c.id for c in earlier})]
    return tuple(found)


def as_shown(plan: Plan) -> Plan:
    """Return the plan as the developer sees it: without the unseen checks."""
    return plan.model_copy(update={"checks": tuple(check for check in plan.checks if not check.unseen)})


def _guessable(checks: Sequence[Check]) -> set[str]:
    """Return the Brief checks whose shown checks name values, so that an app could know the answers to just those."""
    return {check.covers for check in checks if not check.unseen and _names_values(check)}


def _names_values(check: Check) -> bool:
    match check:
        case HttpCheck():
            return any(step.carries_values for step in check.steps)
        case ChatCheck():
            return any(turn.says and not turn.says.startswith("/start") for turn in check.turns)
        case _:
            return False


def _repeated(checks: Sequence[Check]) -> list[Check]:
    shown = [_asked(check) for check in checks if not check.unseen]
    return [check for check in checks if check.unseen and _asked(check) in shown]


def _asked(check: Check) -> str:
    return check.model_dump_json(exclude={"id", "covers", "title", "unseen"})


def in_force(plan: Plan, brief: Brief, earlier: Sequence[Check]) -> tuple[Check, ...]:
    """Return the checks that this change must pass: the earlier ones that its person did not retire, and the new ones."""
    kept = tuple(check for check in earlier if check.covers not in brief.retires)
    return (*kept, *plan.checks)


def as_markdown(plan: Plan) -> str:
    """Render the Plan for the Prefect UI."""
    files = "\n".join(f"| `{file.path}` | {file.purpose} |" for file in plan.files)
    tests = "\n".join(f"- {line}" for line in plan.test_plan)
    checks = "\n".join(
        f"- `{check.id}` ({check.type}{', unseen' if check.unseen else ''}, for `{check.covers}`): {check.title}"
        for check in plan.checks
    )
    addons = f"Addons: {', '.join(plan.addons)}\n\n" if plan.addons else ""
    return (
        f"# Plan\n\n{plan.summary}\n\n{addons}| file | purpose |\n|---|---|\n{files}\n\n"
        f"## Tests\n{tests}\n\n## Acceptance checks\n{checks}\n"
    )
