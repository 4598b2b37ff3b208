"""The API as the process that `slipway up` starts: it opens its desk, answers, and ends when it is told to."""

import asyncio
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import httpx
from pydantic import SecretStr

from blocks.caddy import Caddy
from blocks.claude.block import Claude
from blocks.git.block import BareGitHost
from blocks.installation import Installation
from blocks.process_engine.block import ProcessEngine
from blocks.registry.block import SqlRegistry
from blocks.vault import SecretVault
from blocks.wakeups import RedisWakeups
from deployments.api.pepper import pepper_of
from deployments.data_folder import DataFolder
from deployments.prefect_server.setup import save
from deployments.supervision.ports import free_port
from domain.keys import Scope
from tasks.keys import make_key
from tests.blocks.services import redis_server
from tests.conftest import PrefectServer
from tests.tasks.conftest import registry  # noqa: F401  (a fixture)


async def test_api_serves_its_installation_until_it_is_told_to_end(
    prefect_api: PrefectServer,
    registry: SqlRegistry,  # noqa: F811
    tmp_path: Path,
) -> None:
    folder, port, mark = DataFolder(tmp_path / "home"), free_port(), tmp_path / "api.up"
    folder.prepare()
    made = await make_key("ci", "local:me", (Scope.READ,), None, "local:me", pepper_of(folder), registry, datetime.now(UTC))
    environment = {**os.environ, "SLIPWAY_HOME": str(folder.home), "PREFECT_API_URL": prefect_api.url}
    with redis_server() as redis:
        for block in (
            Installation(home=str(tmp_path), engine="process", model="claude-sonnet-5-5"),
            Claude(api_key=SecretStr("test-key"), base_url="http://127.0.0.1:9"),
            SqlRegistry(url=registry.url, budget_micro_usd=5_000_000),
            RedisWakeups(url=SecretStr(redis.url)),
            SecretVault(),
            BareGitHost(folder=str(tmp_path / "git")),
            Caddy(admin=f"unix/{tmp_path}/none", listen=":1"),
            ProcessEngine(installation="tests", folder=str(tmp_path / "engine")),
        ):
            await save(block)
        words = (sys.executable, "-m", "deployments.supervision.alone", "api", str(port), str(mark))
        process = await asyncio.create_subprocess_exec(*words, env=environment, stderr=asyncio.subprocess.PIPE)
        try:
            async with asyncio.timeout(120):
                while not await asyncio.to_thread(mark.exists):
                    assert process.returncode is None, (await process.communicate())[1].decode()
                    await asyncio.sleep(0.1)
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
                assert (await client.get("/ready")).status_code == 200
                assert (await client.get("/v1/projects")).status_code == 401
                listed = await client.get("/v1/projects", headers={"Authorization": f"Bearer {made.shown}"})
            assert [each["project"] for each in listed.json()["items"]] == ["notes"]
            process.terminate()
            async with asyncio.timeout(60):
                assert await process.wait() == 0
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
