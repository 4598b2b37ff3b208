"""The live card of a run as text and buttons: pure, from what the registry knows."""

from collections.abc import Sequence
from datetime import datetime
from html import escape

from pydantic import TypeAdapter

from deployments.wording.reasons import why_failed
from deployments.wording.texts import say
from domain.briefs import Brief
from domain.forecasts import Outlook
from domain.outcomes import Cause
from domain.runs import STEPS, Progress, Project, Run, RunState
from domain.usage import Cost
from domain.values import Value

LINE = 240
"""Characters of one line that somebody else wrote."""
CHECKS, CHECK = 6, 140
"""How many acceptance checks a card lists, and characters of each: a card is one message, in every phase."""

CAUSE: TypeAdapter[Cause] = TypeAdapter(Cause)

STOP = "stop"
"""Verb of the Stop button; its data is `stop:<run id>`."""

LOOKS = ("logs", "diff", "cost")
"""Commands that a card has buttons for."""

SIGNS = {RunState.DELIVERED: "✅", RunState.FAILED: "❌", RunState.CANCELLED: "⏹", RunState.WAITING: "⏸"}


class Card(Value):
    """What is shown: Telegram HTML, and buttons as (label, data)."""

    html: str
    buttons: tuple[tuple[str, str], ...] = ()


class Wanted(Value):
    """What a run is to bring: the part of its Brief that a card shows, and the person's language."""

    title: str
    language: str
    checks: tuple[str, ...] = ()


def wanted(run: Run, progress: Sequence[Progress], project: Project | None) -> Wanted:
    """Return what the run is to bring: its own Brief where one was noted (a change), else its project's."""
    language = project.brief.language if project else "en"
    noted = next((line.data for line in reversed(progress) if line.kind == "note" and "checks" in line.data), None)
    if noted is not None:
        return Wanted(title=str(noted["title"]), language=language, checks=tuple(str(noted["checks"]).splitlines()))
    if project is None:
        return Wanted(title=run.project, language=language)
    return Wanted(title=project.brief.title, language=language, checks=tuple(check.text for check in project.brief.checks))


def noted(brief: Brief) -> dict[str, str | int | float | bool]:
    """Return the facts of a run's progress in which `wanted` finds its Brief again."""
    return {"title": brief.title, "checks": "\n".join(" ".join(check.text.split()) for check in brief.checks)}


def card(
    run: Run, progress: Sequence[Progress], cost: Cost, goal: Wanted, now: datetime, expected: Outlook | None = None
) -> Card:
    """Render the run as it stands at `now`."""
    ahead = expected or Outlook()
    language = goal.language
    lines = [
        f"{SIGNS.get(run.state, '🛠')} <b>{escape(cut(goal.title))}</b> · {escape(run.project)}",
        *_checks(run, goal),
        "",
        *_steps(run, progress, language, ahead.place),
        *_news(run, progress, language),
        f"💰 {say(language, 'spent', usd=f'{cost.usd:.2f}', minutes=_minutes(run, now))}{_usual(run, ahead, language)}",
        *_end(run, progress, language),
    ]
    return Card(html="\n".join(lines), buttons=_buttons(run, language))


def preview_of(progress: Sequence[Progress]) -> Progress | None:
    """Return the line that says where the run's preview is; None when the run has none."""
    return next((line for line in reversed(progress) if "preview" in line.data), None)


def link(address: str) -> str:
    return f'<a href="{escape(address)}">{escape(address)}</a>'


def cut(text: str, limit: int = LINE) -> str:
    """Return the text on one line of a known length, the cut marked."""
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[: limit - 1].rstrip()}…"


def _buttons(run: Run, language: str) -> tuple[tuple[str, str], ...]:
    """Return Stop while there is something to stop, and what can be seen of the run at any time."""
    looks = tuple((say(language, f"look_{name}"), f"/{name} {run.id}") for name in LOOKS)
    return looks if run.state.ended else ((f"⏹ {say(language, 'stop')}", f"{STOP}:{run.id}"), *looks)


def _usual(run: Run, ahead: Outlook, language: str) -> str:
    """Say how long such work takes, while it matters."""
    if ahead.usual is None or run.state.ended:
        return ""
    return f" · {say(language, 'usual', minutes=max(1, round(ahead.usual.total_seconds() / 60)))}"


def _steps(run: Run, progress: Sequence[Progress], language: str, place: int) -> list[str]:
    if run.state is RunState.QUEUED:
        behind = f" · {say(language, 'place', place=place)}" if place > 1 else ""
        return [f"⏳ {say(language, 'queued')}{behind}"]
    current = STEPS.index(run.step) if run.step in STEPS else 0
    done = len(STEPS) if run.state is RunState.DELIVERED else current
    marks = ["✅"] * done + [_mark(run.state)] + ["▫️"] * len(STEPS)
    return [
        f"{mark} {escape(say(language, f'step_{step}'))}{_round(run, progress, language) if step == 'develop' else ''}"
        for mark, step in zip(marks, STEPS, strict=False)
    ]


def _mark(state: RunState) -> str:
    return SIGNS.get(state, "▶️")


def _round(run: Run, progress: Sequence[Progress], language: str) -> str:
    last = last_of(progress, "round")
    of = last.data.get("of", "") if last else ""
    return f" · {say(language, 'round', round=run.round, of=of)}" if run.round and of else ""


def _checks(run: Run, goal: Wanted) -> list[str]:
    """List what must be true of it in the end, ticked when it is."""
    if not goal.checks:
        return []
    box = "☑" if run.state is RunState.DELIVERED else "☐"
    more = len(goal.checks) - CHECKS
    return [
        say(goal.language, "done_when"),
        *(f"{box} {escape(cut(check, CHECK))}" for check in goal.checks[:CHECKS]),
        *([f"… {say(goal.language, 'more', number=more)}"] if more > 0 else []),
    ]


def _news(run: Run, progress: Sequence[Progress], language: str) -> list[str]:
    """Tell the last verdict of the tests, and what is waited for."""
    report = last_of(progress, "report")
    lines = ["", *([f"🧪 {escape(verdict(report, language))}"] if report else [])]
    if run.state is RunState.WAITING:
        return [*lines, f"⏸ {escape(_waits(run, progress, language))}"]
    return lines


def _waits(run: Run, progress: Sequence[Progress], language: str) -> str:
    """Say what is waited for: secrets by name, or an answer."""
    last = last_of(progress, "waiting")
    if last is not None and "question" in last.data:
        cause = CAUSE.validate_python(last.data.get("cause", ""))
        return f"{say(language, 'asked')}: {cut(why_failed(run, cause, language))}"
    return say(language, "waits", names=", ".join(run.waits_for) or cut(run.message))


def verdict(report: Progress, language: str) -> str:
    """Say the verdict by its outcome and figures; its English words stay in the journal."""
    failed, passed = int(report.data.get("failed", 0)), int(report.data.get("passed", 0))
    outcome = str(report.data.get("outcome", "")).replace(" ", "_")
    return say(language, f"verdict_{outcome}", failed=failed, total=failed + passed) if outcome else cut(report.text)


def _end(run: Run, progress: Sequence[Progress], language: str) -> list[str]:
    match run.state:
        case RunState.DELIVERED if (preview := preview_of(progress)) is not None:
            return ["", f"🔎 {say(language, 'card_preview')}: {link(str(preview.data['address']))}"]
        case RunState.DELIVERED:
            return ["", f"🌐 {say(language, 'card_delivered')}: {link(run.address)}"]
        case RunState.FAILED:
            return ["", f"{say(language, 'card_failed')}: {escape(cut(why_failed(run, cause_of(progress), language), 600))}"]
        case RunState.CANCELLED:
            return ["", say(language, "card_cancelled")]
        case _:
            return []


def cause_of(progress: Sequence[Progress]) -> Cause:
    """Return why the run ended or stands; empty when nothing was named."""
    end = last_of(progress, "end")
    return CAUSE.validate_python(end.data.get("cause", "")) if end else ""


def _minutes(run: Run, now: datetime) -> int:
    return max(0, round(((run.ended or now) - run.created).total_seconds() / 60))


def last_of(progress: Sequence[Progress], *kinds: str) -> Progress | None:
    """Return the newest line of these kinds; None when there is none."""
    return next((line for line in reversed(progress) if line.kind in kinds), None)
