"""schemathesis over the description of the real application: what it says of itself is so, for what fits and what does not."""

import asyncio
import os
import sys
from pathlib import Path

from domain.runs import RunState
from tests.deployments.api_bench import ANN, OPERATOR, READ, WRITE, api_in
from tests.deployments.test_api_callers import RUN
from tests.deployments.test_api_service import served

CHOSEN = """\
seed = 6
workers = 1
color = false
hooks = "tests.deployments.schema_hooks"
headers = { Authorization = "Bearer ${API_KEY}" }
request-timeout = 60
[generation]
mode = "all"
max-examples = 2
database = "none"
[phases.coverage]
enabled = false
[phases.stateful]
enabled = false
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", "404", "409", "422", "503"]
[[operations]]
include-path = "/github/webhook"
enabled = false
"""
"""The hundreds of cases of the phase `coverage` take half a minute; test_api_bad_input tries their like in this process."""


async def test_description_and_application_say_the_same(tmp_path: Path) -> None:
    chosen = tmp_path / "schemathesis.toml"
    chosen.write_text(CHOSEN)
    async with api_in(tmp_path) as api:
        await api.project("notes")
        await api.desk.end(RUN, RunState.FAILED)
        key = await api.key(ANN, READ, WRITE, OPERATOR)
        async with served(api) as client:
            environment = {**os.environ, "API_KEY": key, "PYTHONPATH": str(Path(__file__).parents[2])}
            words = ("-m", "schemathesis.cli", "--config-file", str(chosen), "run", str(client.base_url.join("/openapi.json")))
            found = await asyncio.create_subprocess_exec(
                sys.executable, *words, stdout=asyncio.subprocess.PIPE, env=environment, cwd=tmp_path
            )
            said, _ = await found.communicate()
    assert found.returncode == 0, said.decode()
