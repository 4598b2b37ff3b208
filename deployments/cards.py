"""The live card of a run as text and buttons: pure, from what the registry knows."""

from collections.abc import Sequence
from datetime import datetime
from html import escape

from deployments.wording import say
from domain.runs import STEPS, Progress, Run, RunState
from domain.usage import Cost
from domain.values import Value

LINE = 240
"""Characters of one line that somebody else wrote."""

STOP = "stop"
"""Verb of the Stop button; its data is `stop:<run id>`."""

SIGNS = {RunState.DELIVERED: "✅", RunState.FAILED: "❌", RunState.CANCELLED: "⏹", RunState.WAITING: "⏸"}


class Card(Value):
    """What is shown: Telegram HTML, and buttons as (label, data)."""

    html: str
    buttons: tuple[tuple[str, str], ...] = ()


def card(run: Run, progress: Sequence[Progress], cost: Cost, title: str, language: str, now: datetime) -> Card:
    """Render the run as it stands at `now`."""
    lines = [
        f"{SIGNS.get(run.state, '🛠')} <b>{escape(cut(title))}</b> · {escape(run.project)}",
        "",
        *_steps(run, progress, language),
        *_news(run, progress, language),
        f"💰 {say(language, 'spent', usd=f'{cost.usd:.2f}', minutes=_minutes(run, now))}",
        *_end(run, language),
    ]
    return Card(html="\n".join(lines), buttons=() if run.state.ended else ((f"⏹ {say(language, 'stop')}", f"{STOP}:{run.id}"),))


def told(run: Run, title: str, language: str) -> str:
    """Return the HTML of the one message that says how the run ended or what it waits for."""
    names = ", ".join(run.waits_for)
    key = run.state.value if run.state.ended else "waits"
    fields = {
        "title": title,
        "project": run.project,
        "message": cut(run.message, 1500),
        "names": names,
        "first": names.split(",")[0],
    }
    text = f"{SIGNS.get(run.state, '')} {escape(say(language, f'told_{key}', **fields))}"
    return f"{text}\n{link(run.address)}" if run.state is RunState.DELIVERED else text


def link(address: str) -> str:
    return f'<a href="{escape(address)}">{escape(address)}</a>'


def cut(text: str, limit: int = LINE) -> str:
    """Return the text on one line of a known length, the cut marked."""
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[: limit - 1].rstrip()}…"


def _steps(run: Run, progress: Sequence[Progress], language: str) -> list[str]:
    if run.state is RunState.QUEUED:
        return [f"⏳ {say(language, 'queued')}"]
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
    last = _last(progress, "round")
    of = last.data.get("of", "") if last else ""
    return f" · {say(language, 'round', round=run.round, of=of)}" if run.round and of else ""


def _news(run: Run, progress: Sequence[Progress], language: str) -> list[str]:
    """Tell the last test report, and the last thing said while work goes on."""
    report = _last(progress, "report")
    lines = ["", *([f"🧪 {escape(cut(report.text))}"] if report else [])]
    if run.state is RunState.WAITING:
        return [*lines, f"⏸ {escape(say(language, 'waits', names=', '.join(run.waits_for) or cut(run.message)))}"]
    latest = None if run.state.ended else _last(progress, "step", "note")
    return [*lines, *([f"💬 {escape(cut(latest.text))}"] if latest else [])]


def _end(run: Run, language: str) -> list[str]:
    match run.state:
        case RunState.DELIVERED:
            return ["", f"🌐 {say(language, 'card_delivered')}: {link(run.address)}"]
        case RunState.FAILED:
            return ["", f"{say(language, 'card_failed')}: {escape(cut(run.message, 600))}"]
        case RunState.CANCELLED:
            return ["", say(language, "card_cancelled")]
        case _:
            return []


def _minutes(run: Run, now: datetime) -> int:
    return max(0, round(((run.ended or now) - run.created).total_seconds() / 60))


def _last(progress: Sequence[Progress], *kinds: str) -> Progress | None:
    return next((line for line in reversed(progress) if line.kind in kinds), None)
