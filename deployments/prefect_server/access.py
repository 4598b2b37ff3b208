"""How processes get into the Prefect server: ours wants what lies in the data folder, another's what its operator set.

Prefect's `PREFECT_SERVER_API_AUTH_STRING` closes the API and its websockets; open stay `/api/health` and `/api/ready`, and
the files of its UI, which asks for it in the browser.
"""

import os
from pathlib import Path

from deployments.data_folder import DataFolder, Up
from deployments.prefect_server.trust import trust

SENT, WANTED = "PREFECT_API_AUTH_STRING", "PREFECT_SERVER_API_AUTH_STRING"
OUTSIDE = (SENT, "PREFECT_API_KEY")
"""Of the operator's environment, for a Prefect server of theirs."""


def access(folder: DataFolder, *, own: bool) -> dict[str, str]:
    """Return the variables by which a process is let in."""
    if own:
        return {SENT: folder.prefect_auth}
    return {name: os.environ[name] for name in OUTSIDE if name in os.environ}


def prefect_environment(up: Up) -> dict[str, str]:
    """Return the variables with which a process speaks to this installation's Prefect server."""
    folder = DataFolder(Path(up.home))
    return {
        "PREFECT_API_URL": up.prefect_api_url,
        "PREFECT_HOME": str(folder.prefect),
        "DO_NOT_TRACK": "1",
        **access(folder, own=up.own_prefect),
        **trust(folder.home, up.prefect_api_url),
    }
