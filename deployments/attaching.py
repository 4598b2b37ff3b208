"""Files of this machine that come with a request, wherever it is sent."""

from pathlib import Path

from domain.errors import BadInput


def read_file(path: Path, most: int) -> bytes:
    """Return what the file holds, a byte more than the most that is taken."""
    try:
        with path.open("rb") as file:
            return file.read(most + 1)
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from error
