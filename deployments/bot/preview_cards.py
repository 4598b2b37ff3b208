"""What a person is told of a preview, and buttons to put it online or take it away: pure, from what is known."""

from collections.abc import Sequence
from html import escape

from deployments.wording.cards import Card, Wanted, link, preview_of
from deployments.wording.notices import left_over
from deployments.wording.texts import say
from domain.runs import Progress, Run, RunState

CONFIRM = "live"
"""Verb of the button; its data is `live:<run id>`."""

NEWS = {"end": "up", "preview-soon": "soon", "preview-expired": "expired"}
"""By the end of a notification's key (`tasks.notify`, `tasks.preview_ends`): what has become of the run's preview."""


def preview_card(key: str, run: Run, progress: Sequence[Progress], goal: Wanted) -> Card | None:
    """Return what is told of the run's preview; None when the notification is not about one."""
    line, what = preview_of(progress), NEWS.get(key.removeprefix(f"{run.id}:"))
    if line is None or what is None or run.state is not RunState.DELIVERED:
        return None
    until, language = str(line.data["until"]), goal.language
    text = escape(say(language, f"told_preview_{what}", title=goal.title, project=run.project, until=until), quote=False)
    if what == "expired":
        return Card(html=f"⌛ {text}")
    buttons = (
        (f"🌐 {say(language, 'put_online')}", f"{CONFIRM}:{run.id}"),
        (f"🗑 {say(language, 'preview_drop')}", f"/preview {run.project} drop {line.data['preview']}"),
    )
    return Card(html=f"🔎 {text}\n{link(str(line.data['address']))}{left_over(progress)}", buttons=buttons)
