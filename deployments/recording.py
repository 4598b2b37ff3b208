"""The beginning of a recorded session: what was asked and when, written before the model says its first word."""

from datetime import datetime
from pathlib import Path

from deployments.data_folder import write_private
from domain.errors import BadInput
from domain.sessions import REPLIES_FILE, SESSION_FILE, RecordedReply, Session

TITLE_LIMIT = 80


def begin_session(folder: Path, run: str, request: str, model: str, at: datetime) -> None:
    """Write the session's description; the same run again changes nothing that is played.

    Raises BadInput when the folder holds another run's words: a folder is one session, and those words were paid for.
    """
    if others := _recorded_runs(folder) - {run}:
        raise BadInput(
            f"{folder} holds the recorded session of {', '.join(sorted(others))} already: name a new folder with "
            "SLIPWAY_RECORD, or unset it, and start `slipway up` again"
        )
    session = Session(
        title=request.splitlines()[0][:TITLE_LIMIT],
        request=request,
        recorded=f"{at:%Y-%m-%d}, {model}",
        note=f"Recorded by Slipway as {run}; token counts are the model service's own.",
    )
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(folder / SESSION_FILE, session.model_dump_json(indent=2) + "\n")
    except OSError as error:
        raise BadInput(
            f"the session cannot be recorded in {folder}: {error.strerror}; name another folder with SLIPWAY_RECORD"
        ) from error


def _recorded_runs(folder: Path) -> set[str]:
    """Return the runs whose answers the folder holds; a conversation is named `<run>/<role>`."""
    file = folder / REPLIES_FILE
    lines = file.read_text("utf-8").splitlines() if file.is_file() else []
    return {RecordedReply.model_validate_json(line).conversation.partition("/")[0] for line in lines if line.strip()}
