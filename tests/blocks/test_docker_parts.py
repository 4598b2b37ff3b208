"""The Docker engine's parts that need no engine: bounded streams, the meaning of errors, build contexts."""

import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from docker.errors import APIError, DockerException, ImageNotFound

from blocks.docker_engine.block import DockerEngine
from blocks.docker_engine.connection import docker_failure
from blocks.docker_engine.execs import DockerExecs, exit_code
from blocks.docker_engine.images import BuildLog, packed_context
from blocks.docker_engine.streams import HeadAndTail
from domain.errors import Broken, EngineUnreachable, SlipwayError, UnknownObject


def refusal(status: int, kind: type[APIError] = APIError) -> APIError:
    response = requests.Response()
    response.status_code = status
    return kind("refused", response=response, explanation="because")


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (refusal(404, ImageNotFound), UnknownObject),
        (refusal(409), Broken),
        (refusal(500), EngineUnreachable),
        (requests.ConnectionError("no socket"), EngineUnreachable),
        (requests.ReadTimeout("silence"), EngineUnreachable),
        (DockerException("Error while fetching server API version"), EngineUnreachable),
        (ConnectionResetError(104, "reset"), EngineUnreachable),
    ],
)
def test_each_engine_error_has_one_meaning(error: Exception, meaning: type[SlipwayError]) -> None:
    assert type(docker_failure(error, "starting x")) is meaning
    assert "starting x" in str(docker_failure(error, "starting x"))


async def test_a_dead_engine_is_unreachable(tmp_path: Path) -> None:
    engine = DockerEngine(
        installation="dead",
        docker_host="tcp://127.0.0.1:1",  # at a missing socket file the SDK itself leaves a socket open
        base_image="b",
        worker_image="w",
        data_folder=str(tmp_path),
    )
    with pytest.raises(EngineUnreachable, match="listing the workers"):
        await engine.workers()


@pytest.mark.parametrize("size", [1, 7, 100])
@pytest.mark.parametrize(("limit", "kept"), [(20, b"0123456789abcdefghij"), (10, b"01234\n[... 10 bytes cut ...]\nfghij")])
def test_head_and_tail_are_kept_however_the_stream_is_cut_into_pieces(size: int, limit: int, kept: bytes) -> None:
    text = b"0123456789abcdefghij"
    stream = HeadAndTail(limit)
    for start in range(0, len(text), size):
        stream.add(text[start : start + size])
    assert (stream.bytes(), stream.truncated) == (kept, limit < len(text))


@pytest.mark.parametrize(("limit", "kept"), [(1, b"h\n[... 4 bytes cut ...]\n"), (5, b"hello"), (50, b"hello")])
def test_a_mark_at_the_end_is_taken_off_before_anything_is_cut(limit: int, kept: bytes) -> None:
    stream = HeadAndTail(limit, spare=4)
    for piece in (b"hel", b"loMA", b"RK"):
        stream.add(piece)
    assert stream.take_ending(b"MARK")
    assert stream.bytes() == kept
    assert not stream.take_ending(b"MARK")


def test_a_build_context_obeys_dockerignore_and_follows_no_link(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret").write_text("s")
    source = tmp_path / "source"
    for name in (".git/config", "Dockerfile", "kept.py", "logs/a.log", "logs/keep.txt", "build/x"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(name)
    (source / "out").symlink_to(tmp_path / "outside")
    (source / ".dockerignore").write_text("# comment\nbuild\nlogs/*\n!logs/keep.txt\nDockerfile\n")
    with tarfile.open(fileobj=io.BytesIO(packed_context(source))) as tar:
        names = {member.name: member for member in tar}
    assert set(names) == {".dockerignore", "Dockerfile", "kept.py", "logs", "logs/keep.txt", "out"}
    assert names["out"].issym()


def test_a_build_log_keeps_its_end_and_what_was_made() -> None:
    log = BuildLog()
    log.follow(iter([b'{"stream":"Step 1/1"}', b"", b'{"aux":{"ID":"sha256:1"}}']))
    assert (log.text, log.image, log.failed) == ("Step 1/1", "sha256:1", False)
    log.follow(iter([b'{"errorDetail":{"message":"no"},"error":"no"}']))
    assert (log.text, log.failed) == ("Step 1/1no", True)


class Answers:
    """A Docker connection that answers these one after the other; its one command has neither input nor output."""

    def __init__(self, *answers: Any) -> None:
        self._answers = [*answers]

    async def ask(self, attempted: str, question: Callable[[Any], Any]) -> Any:
        return self._answers.pop(0)

    async def thread(self, attempted: str, work: Callable[[], Any]) -> Any:
        return work()


class Silence:
    """A stream in which nothing is said."""

    def send(self, data: bytes) -> None: ...

    def receive(self, stdout: Any, stderr: Any) -> None: ...

    def end(self) -> None: ...


@pytest.mark.parametrize(("state", "code"), [({"ExitCode": 3, "Pid": 7}, 3), ({"ExitCode": 126, "Pid": 0}, None)])
async def test_command_without_a_process_never_started_whatever_its_exit_code(state: dict[str, int], code: int | None) -> None:
    engine: Any = Answers({"Running": True, "ExitCode": None, "Pid": 7}, {"Running": False, **state})
    assert await exit_code(engine, "exec-1", "looking") == code


async def test_program_that_never_started_is_the_engines_fault_and_not_the_programs(tmp_path: Path) -> None:
    engine: Any = Answers(("exec-1", Silence()), {"Running": False, "ExitCode": 126, "Pid": 0})
    with pytest.raises(EngineUnreachable, match="running dump in db: it could not be started"):
        await DockerExecs(engine, "db").to_file(["dump"], {}, tmp_path / "dump")
