"""The product_owner's run is found by its project, also that of a project which had no name when it began."""

from pathlib import Path

from prefect import tags
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterTags
from pydantic import SecretStr

from blocks.caddy import Caddy
from blocks.claude.block import Claude
from blocks.git.block import BareGitHost
from blocks.installation import Installation
from blocks.process_engine.block import ProcessEngine
from blocks.registry.block import SqlRegistry
from blocks.vault import SecretVault
from blocks.wakeups import RedisWakeups
from deployments.prefect_server.setup import save
from flows.product_owner import Wish, product_owner
from tests.conftest import PrefectServer
from tests.fakes.messages_api import ScriptedMessagesAPI
from tests.tasks.conftest import registry  # noqa: F401  (a fixture)
from tests.tasks.test_roles import handed_in


async def test_run_of_a_new_projects_brief_carries_the_settled_name(
    prefect_api: PrefectServer,
    registry: SqlRegistry,  # noqa: F811
    tmp_path: Path,
) -> None:
    with ScriptedMessagesAPI([handed_in()]) as api:
        for block in (
            Installation(home=str(tmp_path), engine="process", model="claude-sonnet-5-5"),
            Claude(api_key=SecretStr("test-key"), base_url=api.url),
            SqlRegistry(url=registry.url, budget_micro_usd=5_000_000),
            RedisWakeups(url=SecretStr(f"unix://{tmp_path}/none")),
            SecretVault(),
            BareGitHost(folder=str(tmp_path / "git")),
            Caddy(admin=f"unix/{tmp_path}/none", listen=":1"),
            ProcessEngine(installation="tests", folder=str(tmp_path / "engine")),
        ):
            await save(block)
        with tags("run:r-00f010"):
            brief = await product_owner(Wish(run="r-00f010", request="keep my notes"))

    assert brief.slug == "notes-2"  # `notes` is taken
    async with get_client() as client:
        found = await client.read_flow_runs(
            flow_run_filter=FlowRunFilter(tags=FlowRunFilterTags(all_=["run:r-00f010", "project:notes-2"]))
        )
    assert [run.name for run in found] == ["brief for r-00f010"]
