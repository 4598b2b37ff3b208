"""What agents find installed without Docker: made once per test run, and linked into each folder of that engine.

Making one takes a busy machine half a minute; `tests/story/test_demo.py` waits for it as a person does.
"""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from blocks.process_engine.environments import Environments

FOLDER = "TESTS_AGENT_ENVIRONMENT"
"""Names the folder for all processes of a test run; tests/conftest.py sets it."""


def lay_agent_environment(engine: Path) -> None:
    """Have the engine with this folder find it there; of several processes of a test run the first makes it."""
    environments = Environments(Path(os.environ[FOLDER]), os.environ.get("SSL_CERT_FILE"))
    with ThreadPoolExecutor(1) as thread:  # also for tests that run in a loop already
        made = thread.submit(asyncio.run, environments.agent()).result()
    link = engine / "venvs" / made.name
    link.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not link.is_symlink():
        link.symlink_to(made)
