"""The kind's own bot, as its template makes it: what its /health says of Telegram, by polling and by webhook."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from blocks.plain_http import plain_client
from domain.candidates import Built
from domain.checks import ChatCheck, ChatTurn
from domain.engines import Engine
from domain.env_rules import requirements
from domain.env_values import settled
from domain.environment import EnvironmentVersion, computed_values
from domain.exclusivity import Exclusivity
from domain.health import HealthCheck
from domain.workers import AppSpec
from tasks.kinds import kind_named
from tasks.preparer import render
from tasks.rehearsal import rehearse
from tests.blocks.engine_bench import process_engine, shared_folder, until
from tests.fakes.telegram_api import TOKEN, telegram_api
from tests.tasks.conftest import brief

KIND = kind_named("telegram-bot")
WRONG = "42:AAnobody-ever-made-this-token-0123456789ab"
HOOK = {"WEBHOOK_URL": "https://bot.example/telegram", "WEBHOOK_SECRET": "open-sesame"}


class Maker:
    """Starts copies of the bot on an engine."""

    def __init__(self, engine: Engine, candidate: str) -> None:
        self.engine = engine
        self.candidate = candidate

    def spec(self, name: str, environment: dict[str, str], **more: Any) -> AppSpec:
        return AppSpec(
            identity=f"bot-{name}", project="bot", run="r-bot001", candidate=self.candidate, environment=environment,
            data="scratch", **more,
        )  # fmt: skip

    async def health(self, identity: str) -> dict[str, Any]:
        """Return what the copy says of its health; empty while it does not answer."""
        try:
            async with plain_client(timeout=5) as client:
                answer = await client.get(f"http://{(await self.engine.status(identity)).address}/health")
        except (httpx.HTTPError, httpx.InvalidURL):
            return {}
        said: dict[str, Any] = answer.json()
        assert (answer.status_code == 200) == (said == {"status": "ok"})
        return said

    async def says(self, identity: str, words: str) -> dict[str, Any]:
        """Wait until its health says these words."""

        async def said() -> dict[str, Any]:
            found = await self.health(identity)
            return found if words in str(found) else {}

        found: dict[str, Any] = await until(said, f"the health says {words!r}", 60.0)
        return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def maker(tmp_path_factory: pytest.TempPathFactory) -> Maker:
    folder = tmp_path_factory.mktemp("bot")
    await asyncio.to_thread(render, KIND, brief(kind=KIND.name, summary='Says "hello".'), folder)
    engine = process_engine(shared_folder(tmp_path_factory))
    built = await engine.build(folder, "bot", "r-bot001")
    assert isinstance(built, Built), built.log
    return Maker(engine, built.candidate)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("more", [{}, HOOK], ids=["polling", "webhook"])
async def test_bot_as_made_greets_in_a_rehearsal_and_its_real_token_asks_nobody(maker: Maker, more: dict[str, str]) -> None:
    talk = ChatCheck(id="c", covers="c", title="greets", turns=(ChatTurn(says="/start", expect_contains=('Says "hello".',)),))
    async with telegram_api() as api:
        given = {"TELEGRAM_BOT_TOKEN": TOKEN, "TELEGRAM_API_URL": api.url, **more}
        report = await rehearse(
            maker.spec("rehearsal", given, role="rehearsal"), (talk,), HealthCheck(), 60.0, maker.engine, chat=True
        )
        assert report.passed, report
        assert api.calls == []


@pytest.mark.asyncio(loop_scope="module")
async def test_health_tells_a_refused_token_from_a_second_poller_from_updates_that_flow(maker: Maker) -> None:
    async with telegram_api() as api:
        names = [f"bot-{name}" for name in ("wrong", "first", "second")]
        try:
            for name, token in zip(names, (WRONG, TOKEN, TOKEN), strict=True):
                given = {"TELEGRAM_BOT_TOKEN": token, "TELEGRAM_API_URL": api.url}
                await maker.engine.start(maker.spec(name.removeprefix("bot-"), given))
                if name == "bot-first":
                    await maker.says(name, "'status': 'ok'")
            refused = await maker.says("bot-wrong", "401")
            assert refused == {
                "status": "no updates", "reason": "Telegram does not accept the token (401 Unauthorized)", "outside": True,
            }  # fmt: skip
            taken = await maker.says("bot-first", "409")
            assert taken["outside"] is True
            await maker.engine.stop("bot-second", 10.0)
            await maker.says("bot-first", "'status': 'ok'")
            assert [name for name in names if TOKEN in await maker.engine.logs(name)] == []
            assert WRONG not in await maker.engine.logs("bot-wrong")
        finally:
            for name in names:
                await maker.engine.remove(name)


def test_its_environment_is_typed_and_a_webhook_lets_copies_run_side_by_side(tmp_path: Path) -> None:
    render(KIND, brief(kind=KIND.name), tmp_path)
    wanted = requirements((tmp_path / ".env.example").read_text(), (tmp_path / "app.json").read_text(), {})
    context = computed_values("https://notes.example", "http://10.0.0.1:8081")
    assert wanted.guessed == ()
    found = settled(wanted, context, ("TELEGRAM_BOT_TOKEN",))
    assert (found.missing, found.secrets, found.left_out) == ((), ("TELEGRAM_BOT_TOKEN", "WEBHOOK_SECRET"), {})
    assert found.plain["TELEGRAM_API_URL"] == "http://10.0.0.1:8081"
    assert settled(wanted, context, ()).missing == ("TELEGRAM_BOT_TOKEN",)
    assert settled(wanted, computed_values("https://notes.example"), ()).plain["TELEGRAM_API_URL"] == "https://api.telegram.org"

    polling = EnvironmentVersion(project="notes", number=1, plain=found.plain)
    hooked = EnvironmentVersion(project="notes", number=2, plain=found.plain, secrets={"WEBHOOK_URL": "slipway-notes-1"})
    assert KIND.exclusivity == Exclusivity(exclusive=True, unless="WEBHOOK_URL")
    assert [KIND.exclusivity.is_alone(version) for version in (polling, hooked)] == [True, False]
