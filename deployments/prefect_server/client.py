"""How a process that starts a Prefect server speaks to it."""

import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from deployments.prefect_server.access import OUTSIDE
from deployments.wiring import Wiring


@contextmanager
def prefect_client_of(wiring: Wiring) -> Iterator[None]:
    """Let this process's own Prefect calls reach the server that it starts, also when Prefect was imported before."""
    before = {name: os.environ.get(name) for name in wiring.prefect_client}
    os.environ.update(wiring.prefect_client)
    try:
        with _settings(wiring) if "prefect" in sys.modules else nullcontext():
            yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _settings(wiring: Wiring) -> AbstractContextManager[Any]:
    from prefect import settings

    known = ("PREFECT_API_URL", "PREFECT_HOME", "PREFECT_API_SSL_CERT_FILE", *OUTSIDE)
    chosen = {getattr(settings, name): value for name, value in wiring.prefect_client.items() if name in known}
    return settings.temporary_settings(chosen)
