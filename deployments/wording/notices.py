"""What a person is told once: how a run ended, what it waits for, what a rollback came to. Pure, as the cards are."""

import re
from collections.abc import Sequence
from html import escape

from deployments.wording.cards import SIGNS, Wanted, cause_of, cut, last_of, link
from deployments.wording.explaining import complained
from deployments.wording.reasons import what_next, why_failed, why_taken_back
from deployments.wording.texts import say
from domain.complaints import Complaint
from domain.releases import Release, ReleaseState
from domain.runs import Progress, Run, RunState
from domain.secret_formats import TELEGRAM, format_of


def told(run: Run, progress: Sequence[Progress], goal: Wanted) -> str:
    """Return the HTML of the one message that says how the run ended or what it waits for."""
    key = run.state.value if run.state.ended else "waits"
    fields = {
        "title": goal.title,
        "project": run.project,
        "why": cut(why_failed(run, cause_of(progress), goal.language), 600),
        "next": what_next(run, cause_of(progress), goal.language),
        "names": ", ".join(run.waits_for),
        "first": next(iter(run.waits_for), ""),
    }
    wrong = complaint(run, progress, goal.language)
    said = wrong + say(goal.language, f"told_{key}", **fields) + (how_to_get(run, goal.language) if key == "waits" else "")
    text = f"{SIGNS.get(run.state, '')} {escape(said)}"
    if run.state is not RunState.DELIVERED:
        return text
    return f"{text}\n{link(run.address)}{left_over(progress)}"


def how_to_get(run: Run, language: str) -> str:
    """Say in two steps where a bot token comes from, when that is what is asked for; else nothing."""
    form = format_of(next(iter(run.waits_for), ""))
    if form is None or form.what != TELEGRAM:
        return ""
    return f"\n\n{say(language, 'bot_token_steps', like=form.like)}"


def left_over(progress: Sequence[Progress]) -> str:
    """Say what is left to say about work that was accepted, a line each."""
    return "".join(f"\n⚠️ {escape(cut(line.text))}" for line in progress if line.data.get("reservation"))


def complaint(run: Run, progress: Sequence[Progress], language: str) -> str:
    """Say why what was given cannot be the first secret that the run waits for; empty when nothing was given."""
    last = last_of(progress, "waiting")
    said = str(last.data.get(f"wrong:{run.waits_for[0]}", "")) if last and run.waits_for else ""
    if not said:
        return ""
    wrong = Complaint.model_validate_json(said)
    return f"{complained(run.waits_for[0], wrong, language)}\n"


def rollback_in(key: str, project: str) -> tuple[str, str, str] | None:
    """Return of a key of `tasks.rollback` whether it was refused, the bad release, and the good one or why there is none."""
    match = re.fullmatch(rf"{re.escape(project)}:(rollback|refused)-(\d+)-(\d+|none|unfit|unfinished|asks-\d+)", key)
    return (match[1], match[2], match[3]) if match else None


def told_rollback(key: str, releases: Sequence[Release], project: str, title: str, language: str) -> str:
    """Return what a rollback came to, in plain text; empty when the key is none of `tasks.rollback`'s."""
    if (parts := rollback_in(key, project)) is None:
        return ""
    what, bad, good = parts
    taken = next((release for release in releases if str(release.number) == bad), None)
    fields = {"title": title or project, "project": project, "bad": bad, "good": good}
    stays = {"none": "told_no_earlier", "unfit": "told_none_starts", "asks": "told_flap", "unfinished": "told_unfinished"}
    if (end := stays.get(good.split("-")[0])) or what == "refused":
        return f"⚠️ {say(language, end or 'told_refused', **fields)}"
    if taken is None or taken.state is not ReleaseState.ROLLED_BACK:
        return f"⚠️ {say(language, 'told_rollback_failed', **fields)}"
    return f"↩️ {say(language, 'told_rolled_back', why=why_taken_back(taken.reason, language), **fields)}"
