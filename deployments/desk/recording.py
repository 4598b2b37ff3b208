"""The beginning of a recorded session: what was asked and when, written before the model says its first word."""

from datetime import datetime
from pathlib import Path

from blocks.private_files import write_private
from domain.errors import BadInput
from domain.sessions import REPLIES_FILE, SESSION_FILE, RecordedReply, Session

TITLE_LIMIT = 80
ENTRY_ROLE = "product_owner"
"""A session that holds only its words never became work."""


def begin_session(folder: Path, run: str, request: str, model: str, at: datetime) -> None:
    """Write the session's description; the same run again changes nothing that is played.

    A Brief that nobody accepted makes room. Raises BadInput when the folder holds another run's work: a folder is one
    session, and those words were paid for.
    """
    replies = _replies(folder)
    if others := {_run(reply) for reply in replies if reply.role != ENTRY_ROLE} - {run}:
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
        if any(_run(reply) != run for reply in replies):
            own = [reply.model_dump_json() + "\n" for reply in replies if _run(reply) == run]
            write_private(folder / REPLIES_FILE, "".join(own))
        write_private(folder / SESSION_FILE, session.model_dump_json(indent=2) + "\n")
    except OSError as error:
        raise BadInput(
            f"the session cannot be recorded in {folder}: {error.strerror}; name another folder with SLIPWAY_RECORD"
        ) from error


def _replies(folder: Path) -> list[RecordedReply]:
    file = folder / REPLIES_FILE
    lines = file.read_text("utf-8").splitlines() if file.is_file() else []
    return [RecordedReply.model_validate_json(line) for line in lines if line.strip()]


def _run(reply: RecordedReply) -> str:
    """Return whose words they are: a conversation is named `<run>/<role>`."""
    return reply.conversation.partition("/")[0]
