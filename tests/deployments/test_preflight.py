"""Which engine is taken, and what is told of it, before anything starts."""

from pathlib import Path

import pytest

from deployments.checks.preflight import choose_engine, decided, isolation_warning
from deployments.data_folder import DataFolder
from deployments.settings import Settings, load_settings
from deployments.wiring import Wiring
from domain.errors import BadInput

pytestmark = pytest.mark.usefixtures("no_settings")
NOBODY = "tcp://127.0.0.1:9"
"""The port of discard, which nothing listens on."""


async def told_of(tmp_path: Path, settings: Settings) -> tuple[Wiring, list[str]]:
    folder, told = DataFolder(tmp_path / "home"), list[str]()
    folder.prepare()
    return await decided(settings, folder, told.append), told


@pytest.mark.parametrize(
    ("chosen", "why"),
    [({}, "no container engine answers"), ({"engine": "process"}, "SLIPWAY_ENGINE=process")],
    ids=["where no engine answers", "where processes were wanted"],
)
async def test_one_loud_line_says_that_processes_do_not_isolate(tmp_path: Path, chosen: dict[str, str], why: str) -> None:
    settings = load_settings(docker_host=NOBODY, http_port=0, prefect_port=0, **chosen)
    wiring, told = await told_of(tmp_path, settings)
    assert told == [
        f"WARNING: {why}: agents and apps run as ordinary processes of this user, NOT isolated; do not let strangers in"
    ]
    assert told == [isolation_warning(settings)]
    assert (wiring.engine, wiring.egress_port) == ("process", 0)


@pytest.mark.parametrize(
    ("host", "where"), [(NOBODY, NOBODY), (None, "its usual address")], ids=["at an address", "at its usual address"]
)
async def test_docker_that_was_demanded_and_is_absent_is_refused_with_the_cure(
    host: str | None, where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", NOBODY)
    settings = load_settings(engine="docker", docker_host=host, http_port=0, prefect_port=0)
    with pytest.raises(BadInput) as refused:
        await told_of(tmp_path, settings)
    assert str(refused.value) == (
        f"no Docker engine answers at {where}: start it, set SLIPWAY_DOCKER_HOST, or set SLIPWAY_ENGINE=process"
    )


@pytest.mark.docker
async def test_engine_that_answers_is_taken_unless_processes_were_wanted() -> None:
    assert await choose_engine(load_settings()) == "docker"
    assert await choose_engine(load_settings(engine="docker")) == "docker"
    assert await choose_engine(load_settings(engine="process")) == "process"


async def test_webhook_to_which_telegram_would_bring_nothing_is_refused_before_anything_starts(tmp_path: Path) -> None:
    some = {"engine": "process", "http_port": 0, "prefect_port": 0, "telegram_webhook": "true"}
    with pytest.raises(BadInput, match=r"SLIPWAY_TELEGRAM_WEBHOOK: Telegram needs HTTPS and not http://bot\.localhost"):
        await told_of(tmp_path, load_settings(**some, telegram_token="1:a"))
    wiring, _ = await told_of(tmp_path, load_settings(**some))  # there is no bot
    assert (wiring.webhook_url, wiring.webhook_port) == ("", 0)
    own = load_settings(**some, telegram_token="1:a", telegram_api_url="http://127.0.0.1:1")
    first, again = (await told_of(tmp_path, own))[0], (await told_of(tmp_path, own))[0]
    assert first.webhook_url == f"http://bot.localhost:{first.http_port}/telegram"
    assert first.webhook_port == again.webhook_port != 0
