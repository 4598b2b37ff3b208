"""Git's questions at the gateway: who is told what, what is written down, and git itself by the process engine."""

import asyncio
import logging
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from blocks.git.credentials import HELPER
from blocks.model_gateway import ModelGateway
from blocks.vault import SecretVault
from deployments.data_folder import DataFolder
from deployments.gateway.upstream import Upstream
from deployments.supervision.ports import free_port
from domain.complaints import Complaint
from domain.git_credentials import CLASSIC_REFUSED
from domain.runs import RunState
from domain.workers import Command, CommandResult, Worker, WorkerSpec
from tests.blocks.engine_bench import process_engine, shared_folder
from tests.deployments.gateway_bench import KEY, RUN, Place, opened, token
from tests.deployments.test_gateway_service import filled, registry_of, service
from tests.fakes.git_server import IDENTITY, GitServer
from tests.tasks.conftest import NOW, brief, request

OWN, OTHER, SECRET = "anna/notes", "anna/other", "github_pat_11AAAAAA0of-the-notes"
OTHERS_RUN, OTHERS_SECRET = "r-000002", "github_pat_11AAAAAA0of-another-project"
QUESTION = f"protocol=https\nhost=github.com\npath={OWN}\n\n"


def git_token(run: str = RUN, **given: object) -> str:
    return token(run, use="repository", **given)  # type: ignore[arg-type]


@asynccontextmanager
async def desk(folder: Path, **given: object) -> AsyncIterator[Place]:
    """Yield a gateway whose project has a repository and a token, beside another project that has its own."""
    async with opened(folder, Upstream("", None), **given) as place:  # type: ignore[arg-type]
        await place.registry.set_repository("notes", OWN)
        await place.vault.put("notes", "GITHUB_TOKEN", SECRET)
        await place.registry.add_project(brief("another"), "local:me", "another.localhost", NOW)
        await place.registry.add_run(request(OTHERS_RUN, "another"), NOW)
        await place.registry.set_repository("another", "bob/another")
        await place.vault.put("another", "GITHUB_TOKEN", OTHERS_SECRET)
        yield place


async def asked(place: Place, question: str = QUESTION, given: str | None = None, **headers: str) -> httpx.Response:
    async with place.http(git_token() if given is None else given) as http:
        return await http.post("/git/credential", content=question, headers=headers)


async def test_the_run_is_told_its_own_repositorys_credential_and_it_is_written_down_without(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "slipway.gateway"):
        async with desk(tmp_path) as place:
            answer = await asked(place)
            assert (answer.status_code, answer.text) == (200, f"username=x-access-token\npassword={SECRET}\n")
            assert answer.headers["cache-control"] == "no-store"
            [written] = await place.answers.of_run(RUN)
    assert (written.asked, written.refused) == ("https://github.com/anna/notes", "")
    assert f"git of {RUN} (notes) asked for 'https://github.com/anna/notes': given" in caplog.text
    assert SECRET not in caplog.text + "".join(path.read_text() for path in (tmp_path / "egress").rglob("*.jsonl"))


@pytest.mark.parametrize(
    ("question", "why"),
    [
        (QUESTION.replace(OWN, OTHER), "this is not the project's repository"),
        (QUESTION.replace(OWN, "bob/another"), "this is not the project's repository"),
        (QUESTION.replace(OWN, f"{OWN}/../other"), "this is not the project's repository"),
        (QUESTION.replace("github.com", "evil.example"), "this is another site than the project's repository"),
        (QUESTION.replace("https", "http"), "this is another site than the project's repository"),
        (QUESTION.replace("\n\n", "\nusername=bob\n\n"), "this is for another user"),
        (f"url=https://evil.example/\n{QUESTION}", "this is no question of git's"),
        ("", "this is no question of git's"),
        ("\x1b[2J<script>", "this is no question of git's"),
    ],
)
async def test_other_questions_get_an_empty_answer_with_the_reason(tmp_path: Path, question: str, why: str) -> None:
    async with desk(tmp_path) as place:
        answer = await asked(place, question)
        assert (answer.status_code, answer.content, answer.headers["x-slipway-reason"]) == (200, b"", why)
        [written] = await place.answers.of_run(RUN)
        assert written.refused == why


async def test_a_question_without_end_is_cut_off(tmp_path: Path) -> None:
    async with desk(tmp_path) as place:
        assert (await asked(place, "path=" + "a" * 9_000)).status_code == 413


TOKENS = {
    "none": "",
    "for models": token(),
    "of another installation": git_token(key="its key"),
    "expired": git_token(seconds=-1),
    "of a run that is not there": git_token("r-999999"),
    "of a Product Owner before there is a run": git_token("r-999999", role="product_owner"),
    "cut off": git_token()[:-1],
}


@pytest.mark.parametrize("given", TOKENS.values(), ids=TOKENS.keys())
async def test_no_credential_for_a_token(tmp_path: Path, given: str) -> None:
    async with desk(tmp_path) as place:
        answer = await asked(place, given=given)
        assert answer.status_code == 401
        assert SECRET not in answer.text
        assert await place.answers.of_run(RUN) == ()


async def test_a_token_for_git_opens_no_model(tmp_path: Path) -> None:
    async with desk(tmp_path) as place, place.http(git_token()) as http:
        answer = await http.post("/v1/messages", json={})
        assert (answer.status_code, "this token is not for models" in answer.text) == (401, True)


async def test_another_runs_token_opens_that_runs_repository_alone(tmp_path: Path) -> None:
    async with desk(tmp_path) as place:
        assert (await asked(place, given=git_token(OTHERS_RUN))).content == b""
        own = await asked(place, QUESTION.replace(OWN, "bob/another"), git_token(OTHERS_RUN))
        assert OTHERS_SECRET in own.text
        assert [each.refused for each in await place.answers.of_run(OTHERS_RUN)] == [
            "this is not the project's repository",
            "",
        ]


async def test_the_token_ends_with_its_run(tmp_path: Path) -> None:
    async with desk(tmp_path) as place:
        await place.registry.update_run(RUN, state=RunState.DELIVERED)
        assert (await asked(place)).status_code == 401


async def test_what_is_taken_back_is_told_no_more(tmp_path: Path) -> None:
    async with desk(tmp_path) as place:
        assert SECRET in (await asked(place)).text
        await place.vault.put("notes", "GITHUB_TOKEN", "github_pat_22new")
        assert "github_pat_22new" in (await asked(place)).text
        await place.vault.delete("notes", "GITHUB_TOKEN")
        assert "no secret GITHUB_TOKEN" in (await asked(place)).headers["x-slipway-reason"]
        await place.registry.set_repository("notes", "")
        assert "has no repository" in (await asked(place)).headers["x-slipway-reason"]


async def test_a_secret_of_another_project_in_a_block_of_that_name_is_not_told(tmp_path: Path) -> None:
    async with desk(tmp_path) as place:
        await place.vault.delete("notes", "GITHUB_TOKEN")
        assert await place.vault.put("notes-github", "TOKEN", "of another project") == "slipway-notes-github-token"
        assert (await asked(place)).content == b""


async def test_a_token_that_somebody_complained_of_is_not_told(tmp_path: Path) -> None:
    async with desk(tmp_path) as place:
        [stored] = await place.vault.listed("notes")
        await place.vault.complain(stored.reference, Complaint(kind="shape", what="GitHub token", like="github_pat_…"))
        assert (await asked(place)).content == b""


@pytest.mark.parametrize("classic", ["ghp_" + "a" * 36, "gho_" + "a" * 36])
async def test_a_token_that_opens_all_repositories_is_not_told(tmp_path: Path, classic: str) -> None:
    async with desk(tmp_path) as place:
        await place.vault.put("notes", "GITHUB_TOKEN", classic)
        answer = await asked(place)
        assert (answer.content, answer.headers["x-slipway-reason"]) == (b"", CLASSIC_REFUSED)


async def test_no_receipt_grows_without_end_also_after_a_restart(tmp_path: Path) -> None:
    async with desk(tmp_path, questions=3) as place:
        for _ in range(3):
            assert (await asked(place)).status_code == 200
        assert (await asked(place)).status_code == 429
    async with desk(tmp_path, questions=3) as place:
        assert (await asked(place)).status_code == 429
        assert (await asked(place, given=git_token(OTHERS_RUN))).status_code == 200
        assert len(await place.answers.of_run(RUN)) == 3


# the helper, and git, by the process engine


def spec(run: str = RUN, project: str = "notes", **more: object) -> WorkerSpec:
    given = {"identity": f"{run}-git", "project": project, "run": run, "role": "developer", "network": "packages"}
    return WorkerSpec.model_validate({**given, "capabilities": ("git", "github"), **more})


@asynccontextmanager
async def workshop(place: Place, folder: Path, **more: object) -> AsyncIterator[Worker]:
    engine = process_engine(folder)
    gateway = {"gateway_port": int(place.url.rpartition(":")[2]), "gateway_key": SecretStr(KEY)}
    engine = engine.model_copy(update=gateway)
    wanted = spec(**more)  # type: ignore[arg-type]
    try:
        yield await engine.spawn(wanted)
    finally:
        await engine.remove_worker(wanted.identity)


async def shell(worker: Worker, line: str) -> CommandResult:
    return await worker.run(Command(argv=("sh", "-c", line), seconds=60))


async def test_git_of_the_process_engine_fetches_and_pushes_its_own_repository_and_no_other(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with GitServer(tmp_path / "host") as host:
        host.make(OWN, SECRET)
        host.make(OTHER, "github_pat_of-the-other")
        async with (
            desk(tmp_path, github=host.url) as place,
            workshop(place, shared_folder(tmp_path_factory)) as worker,
        ):
            commit = f"git {' '.join(IDENTITY)} commit -q --allow-empty -m More"
            worked = await shell(
                worker, f"git clone -q {host.url}/{OWN} n && cd n && {commit} && git push -q && git rev-parse main"
            )
            assert worked.ok, worked.text
            assert host.head(OWN) == worked.stdout.decode().split()[-1]
            refused = await shell(worker, f"git clone -q {host.url}/{OTHER} o")
            assert not refused.ok
            assert "slipway: no credential: this is not the project's repository" in refused.text
            assert "terminal prompts disabled" in refused.text
            assert (await shell(worker, f"grep -rlF {SECRET} . $HOME")).stdout == b""
            assert {each.refused for each in await place.answers.of_run(RUN)} == {"", "this is not the project's repository"}
    assert all(status in (200, 401) for status, _, _ in host.asked)


async def test_a_worker_without_the_capability_has_no_way_to_ask(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    async with (
        desk(tmp_path) as place,
        workshop(place, shared_folder(tmp_path_factory), capabilities=("git",)) as worker,
    ):
        assert "SLIPWAY_GIT" not in (await shell(worker, "env")).text
        asking = [sys.executable, "-I", str(HELPER), "get"]
        ran = await asyncio.to_thread(subprocess.run, asking, input=QUESTION.encode(), capture_output=True, env={}, check=True)
        assert (ran.stdout, ran.stderr) == (b"", b"")
        assert await place.answers.of_run(RUN) == ()


@pytest.mark.parametrize("action", ["store", "erase", ""])
async def test_the_helper_keeps_and_forgets_nothing(tmp_path: Path, action: str) -> None:
    async with desk(tmp_path) as place:
        environment = {"SLIPWAY_GIT_ASK": f"{place.url}/git/credential", "SLIPWAY_GIT_TOKEN": git_token()}
        asking = [sys.executable, "-I", str(HELPER), *filter(None, [action])]
        run = subprocess.run
        ran = await asyncio.to_thread(run, asking, input=QUESTION.encode(), capture_output=True, env=environment, check=True)
        assert (ran.stdout, ran.stderr) == (b"", b"")
        assert await place.answers.of_run(RUN) == ()


async def test_the_helper_says_when_nobody_answers(tmp_path: Path) -> None:
    environment = {"SLIPWAY_GIT_ASK": f"http://127.0.0.1:{free_port()}/git/credential", "SLIPWAY_GIT_TOKEN": git_token()}
    asking = [sys.executable, "-I", str(HELPER), "get"]
    run = subprocess.run
    ran = await asyncio.to_thread(run, asking, input=QUESTION.encode(), capture_output=True, env=environment, check=True)
    assert ran.stdout == b""
    assert ran.stderr.startswith(b"slipway: no credential: the model gateway does not answer")


def test_the_service_asks_the_real_vault(tmp_path: Path, prefect_api: object) -> None:
    folder, port = DataFolder(tmp_path), free_port()
    folder.prepare()
    asyncio.run(filled(folder))
    asyncio.run(_give(folder))
    with service(tmp_path, "process", port, "http://127.0.0.1:1"):
        environment = ModelGateway(port, folder.gateway_key).git("127.0.0.1", spec())
        asking = [sys.executable, "-I", str(HELPER), "get"]
        ran = subprocess.run(asking, input=QUESTION.encode(), capture_output=True, env=environment, check=True)
    assert ran.stdout.decode() == f"username=x-access-token\npassword={SECRET}\n", ran.stderr
    log = (tmp_path / "gateway.log").read_text()
    assert "asked for 'https://github.com/anna/notes': given" in log
    assert SECRET not in log


async def _give(folder: DataFolder) -> None:
    async with registry_of(folder) as registry:
        await registry.set_repository("notes", OWN)
    await SecretVault().put("notes", "GITHUB_TOKEN", SECRET)


def test_a_worker_without_a_network_has_no_github() -> None:
    with pytest.raises(ValueError, match="cannot reach GitHub"):
        spec(network="none")
