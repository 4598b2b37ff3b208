"""What protects secrets at rest: the data folder as it lies on the disk, and as another user of this machine meets it."""

import json
import sqlite3
import stat
import subprocess
from contextlib import closing
from pathlib import Path

from cryptography.fernet import Fernet

from tests.story.installation import Installation

NOBODY = 65534
ASK = (
    "exec 3<>/dev/tcp/127.0.0.1/$1; "
    "printf 'POST /api/block_documents/filter HTTP/1.0\\r\\nContent-Type: application/json\\r\\n"
    'Content-Length: %d\\r\\n\\r\\n%s\' ${#2} "$2" >&3; cat <&3'
)
"""Asks Prefect's API with nothing but a shell: another user may be unable to read our interpreter."""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def stored_block(place: Installation, name: str) -> str:
    """Return the block's data as it lies in Prefect's database."""
    with closing(sqlite3.connect(f"file:{place.data}/prefect/prefect.db?mode=ro", uri=True)) as db:
        (data,) = db.execute("SELECT data FROM block_document WHERE name = ?", (name,)).fetchone()
    return str(data)


def keys_in_database(place: Installation) -> list[str]:
    """Return what Prefect itself keeps as an encryption key in its database."""
    with closing(sqlite3.connect(f"file:{place.data}/prefect/prefect.db?mode=ro", uri=True)) as db:
        return [key for (key,) in db.execute("SELECT key FROM configuration") if "ENCRYPTION" in key]


def opened(place: Installation, stored: str) -> str:
    """Return the stored block in clear, by the key file alone: what a thief of the whole folder does."""
    cipher = json.loads(stored)["__prefect_encrypted__"] if "__prefect_encrypted__" in stored else json.loads(stored)
    token = cipher if isinstance(cipher, str) else next(iter(cipher.values()))
    return Fernet((place.data / "encryption.key").read_bytes().strip()).decrypt(token.encode()).decode()


def as_nobody(*words: str) -> subprocess.CompletedProcess[bytes]:
    """Run a program as a user who owns nothing here; only root can."""
    return subprocess.run(
        words, user=NOBODY, group=NOBODY, extra_groups=[], cwd="/", capture_output=True, check=False, timeout=60
    )


def asked_by_nobody(place: Installation, name: str) -> str:
    """Return what Prefect's API tells another user of this machine who asks for the block in clear."""
    query = json.dumps({"block_documents": {"name": {"any_": [name]}}, "include_secrets": True})
    port = place.up.prefect_api_url.rpartition(":")[2].partition("/")[0]
    return as_nobody("bash", "-c", ASK, "ask", port, query).stdout.decode()
