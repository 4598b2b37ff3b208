#!/usr/bin/env -S python3 -I
"""Git's credential helper in a worker: passes git's question to the model gateway, and the answer back.

It needs the standard library only, keeps nothing and has no credential of its own. Installed in the workers' image, and run in
place by the process engine. Where the worker was given no way to ask, or gets no credential, git fails: it may not prompt.
Source: gitcredentials(7), custom helpers.
"""

import http.client
import os
import sys
from urllib.parse import urlsplit

LIMIT = 64 * 1024
SECONDS = 30


def answer(address: str, token: str, question: bytes) -> tuple[bytes, str]:
    """Return git's credential, or nothing and why."""
    place = urlsplit(address)
    asking = http.client.HTTPConnection(place.hostname or "", place.port, timeout=SECONDS)
    try:
        asking.request("POST", place.path, question, {"Authorization": f"Bearer {token}"})
        heard = asking.getresponse()
        body = heard.read(LIMIT)
    except (OSError, http.client.HTTPException) as error:
        return b"", f"the model gateway does not answer: {error}"
    finally:
        asking.close()
    if heard.status != 200:
        return b"", body.decode("utf-8", "replace")
    return body, heard.getheader("x-slipway-reason", "")


def main() -> None:
    """Answer `get`; what git wants kept or forgotten is nothing to us."""
    address, token = os.environ.get("SLIPWAY_GIT_ASK"), os.environ.get("SLIPWAY_GIT_TOKEN")
    if sys.argv[1:] != ["get"] or not address or not token:
        return
    credential, why = answer(address, token, sys.stdin.buffer.read(LIMIT))
    sys.stdout.buffer.write(credential)
    if why:
        sys.stderr.write(f"slipway: no credential: {why}\n")


if __name__ == "__main__":
    main()
