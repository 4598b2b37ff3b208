"""Texts about what a project has been and may become, in English."""

UPKEEP_ENGLISH: dict[str, str] = {
    "command_history": "Releases of a project, and back to one",
    "command_preview": "Previews: look, put online, take away",
    "command_down": "Delete a project with all it has",
    "look_history": "🕘 Releases",
    "look_preview": "🔎 Previews",
    "look_down": "🗑 Delete",
    "history": "{title}: releases, the newest first. A button takes it back to one.",
    "history_none": "{title}: nothing went online yet.",
    "preview_up": "{title}: preview {number}, until {until}",
    "preview_starting": "It is just being started.",
    "preview_none": "{title}: no preview is up.",
    "preview_drop": "Take it away",
    "preview_dropped": "{title}: preview {number} is gone. What is online is as it was.",
    "preview_stays": "{title}: that preview cannot be taken away: it has ended, or is just going online. /preview shows "
    "what is up.",
    "down_sure": "Delete {title} ({project}) with its code, data, secrets and addresses? Nobody can bring that back.",
    "down_yes": "Delete {project} for good",
    "down_begins": "Deleting {project}. What works on it is stopped first.",
    "down_done": "{title} is gone. What it cost stays in the books.",
}
