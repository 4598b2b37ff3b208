"""Lines of `.env` that set nothing: a typing error there would otherwise be silent."""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from dotenv import dotenv_values


def misspelt(file: Path, prefix: str, known: Sequence[str]) -> list[str]:
    """Name each line that begins like a setting and is none, with the one that was probably meant."""
    written = dotenv_values(file) if file.is_file() else {}
    unknown = [name for name in written if name.startswith(prefix) and name not in known]
    return [f"{name} in {file} is no setting" + _meant(name, known) for name in unknown]


def _meant(name: str, known: Sequence[str]) -> str:
    close = get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]}?" if close else "; remove the line"
