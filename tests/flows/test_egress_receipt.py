"""The receipt of a run's network as Prefect shows it."""

from datetime import UTC, datetime
from pathlib import Path

from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey

from blocks.egress_receipts import CredentialReceipts, EgressReceipts
from domain.receipts import MODELS, CredentialAnswer, Passage
from tasks.developer import dismiss_developer
from tests.conftest import PrefectServer
from tests.fakes.engine import FakeEngine


async def test_the_end_of_the_work_shows_what_the_workers_reached(prefect_api: PrefectServer, tmp_path: Path) -> None:
    asked = Passage(
        at=datetime(2026, 1, 1, tzinfo=UTC), host="evil.example", port=443, refused="this host is not on the allow-list"
    )
    await EgressReceipts(tmp_path).append("r-receipt1", asked)
    await EgressReceipts(tmp_path, "models").append("r-receipt1", asked.model_copy(update={"host": MODELS, "port": 0, "up": 9}))

    told = CredentialAnswer(at=asked.at, asked="https://github.com/anna/notes")
    await CredentialReceipts(tmp_path).append("r-receipt3", told)

    @flow
    async def work() -> None:
        await dismiss_developer("r-receipt1", FakeEngine(), str(tmp_path))
        await dismiss_developer("r-receipt2", FakeEngine(isolates=False), str(tmp_path))
        await dismiss_developer("r-receipt3", FakeEngine(isolates=False), str(tmp_path))

    await work()

    wanted = ArtifactFilter(key=ArtifactFilterKey(like_="egress-r-receipt%"))
    async with get_client() as client:
        shown = await client.read_artifacts(artifact_filter=wanted)
    by_key = {artifact.key: str(artifact.data) for artifact in shown}
    assert by_key.keys() == {"egress-r-receipt1", "egress-r-receipt3"}
    assert "| `https://github.com/anna/notes` | 1 | given |" in by_key["egress-r-receipt3"]
    assert "| `evil.example:443` | 1 | 0 | 0 | this host is not on the allow-list |" in by_key["egress-r-receipt1"]
    assert "| `model gateway` | 1 | 9 | 0 |" in by_key["egress-r-receipt1"]
