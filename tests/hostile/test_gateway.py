"""Models through the model gateway: as nobody, as somebody else, by other doors, and the key behind it."""

import asyncio
import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import docker
import pytest

from blocks.docker_engine.block import DockerEngine
from domain.egress import run_token
from domain.gateway import Access, token_of
from domain.workers import Worker
from tests.blocks.egress_bench import Place
from tests.blocks.engine_bench import until
from tests.deployments.gateway_bench import MODEL, _database, body, events, wire
from tests.hostile.attempts import REACHES, python
from tests.hostile.conftest import RUN as OURS
from tests.hostile.conftest import spec

pytestmark = pytest.mark.docker
Held = Callable[[str], None]
RUN = "r-000001"
"""A run of another project that goes on."""


@dataclass
class Models:
    """The gateway's service and the model service behind it."""

    place: Place
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    @property
    def key(self) -> str:
        return self.place.folder.gateway_key

    def token(self, run: str = RUN, key: str = "", seconds: int = 600) -> str:
        expires = int(time.time()) + seconds
        access = Access(run=run, project="notes", role="developer", conversation=f"{run}/developer", expires=expires)
        return token_of(access, key or self.key)


@pytest.fixture(scope="module")
def models(place: Place) -> Iterator[Models]:
    made = Models(place)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            made.asked.append((self.path, dict(self.headers)))
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            self.wfile.write(wire(*events("Hello")))

        do_GET = do_POST

        def log_message(self, *words: object) -> None:
            return

    asyncio.run(_database(place.folder.home))
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        mark = place.folder.home / "gateway.ready"
        environment = {**os.environ, "SLIPWAY_HOME": str(place.folder.home), "ANTHROPIC_BASE_URL": address}
        words = ["gateway", "docker", str(place.gateway_port), str(mark)]
        with subprocess.Popen([sys.executable, "-m", "deployments.supervision.alone", *words], env=environment) as service:
            asyncio.run(until(lambda: asyncio.to_thread(mark.exists), "the gateway is ready", 60))
            yield made
            service.terminate()
        server.shutdown()


SAYS = """
import os, socket, sys
host, port, request, content = sys.argv[1:]
with socket.create_connection((host, int(port)), timeout=15) as asking:
    asking.sendall(request.encode() + b"\\r\\n" + content.encode())
    try:
        while part := asking.recv(10_000):
            print(part.decode("latin-1"), end="")
    except OSError as error:
        print("cut:", error)
"""


@pytest.fixture(scope="module")
def guest(engine: DockerEngine, models: Models) -> Worker:
    """Return a worker of the run that goes on: its token is good there, and nowhere else."""
    return asyncio.run(engine.spawn(spec("developer", RUN, "notes", network="packages")))


async def said(agent: Worker, models: Models, first: str, *headers: str, content: object = None) -> str:
    """Send a request from the worker and return the whole answer."""
    text = "" if content is None else json.dumps(content)
    lines = [f"{first} HTTP/1.1", "Host: gateway", "Connection: close", f"Content-Length: {len(text)}", *headers, ""]
    network = await models.place.network()
    result = await python(agent, SAYS, network.gateway, str(models.place.gateway_port), "\r\n".join(lines), text)
    assert result.ok, result.text
    assert "sk-ant-hostile-test" not in result.text
    return result.text


async def test_the_gateway_does_answer_a_run_that_goes_on(guest: Worker, models: Models) -> None:
    answer = await said(guest, models, "POST /v1/messages", f"x-api-key: {models.token()}", content=body())
    assert "Hello" in answer
    assert models.asked[-1][1]["x-api-key"] == "sk-ant-hostile-test"


def forged(models: Models) -> str:
    """Return a token of ours in which the run was changed."""
    content, seal = models.token("r-000002").removeprefix("slipway-gw-").split(".")
    facts = json.loads(base64.urlsafe_b64decode(content + "=" * (-len(content) % 4))) | {"run": RUN}
    return f"slipway-gw-{base64.urlsafe_b64encode(json.dumps(facts).encode()).decode().rstrip('=')}.{seal}"


TOKENS: dict[str, Callable[[Models], str]] = {
    "of another run that goes on": lambda models: models.token(),
    "none": lambda models: "",
    "a real-looking key": lambda models: "sk-ant-api03-abcdef",
    "changed to another run": forged,
    "of another installation": lambda models: models.token(key="its key"),
    "expired": lambda models: models.token(seconds=-1),
    "of a run that is not there": lambda models: models.token("r-999999"),
    "of the egress proxy": lambda models: run_token(models.place.folder.egress_key, OURS),
    "sealed with nothing": lambda models: models.token()[:-64] + "0" * 64,
}


@pytest.mark.parametrize("made", TOKENS)
async def test_gateway_with_a_token(agent: Worker, models: Models, held: Held, made: str) -> None:
    before = len(models.asked)
    answer = await said(agent, models, "POST /v1/messages", f"x-api-key: {TOKENS[made](models)}", content=body())
    assert answer.startswith("HTTP/1.1 401 "), answer
    assert len(models.asked) == before
    held(json.loads(answer.split("\r\n\r\n")[1])["error"]["message"])


DOORS = {
    "list of models": "GET /v1/models",
    "files": "POST /v1/files",
    "batches": "POST /v1/messages/batches",
    "batches by two dots": "POST /v1/messages/../files",
    "batches by an escape": "POST /v1/messages%2Fbatches",
    "two slashes": "POST //v1/messages",
    "administration": "GET /v1/organizations/me",
    "another host by its whole address": "POST http://evil.example/v1/messages",
    "another host behind the user": "POST http://gateway@evil.example/v1/files",
    "tunnel": "CONNECT evil.example:443",
    "own metrics": "GET /metrics",
    "root": "GET /",
    "another method": "DELETE /v1/messages",
    "query": "POST /v1/messages?base_url=http://evil.example",
}


@pytest.mark.parametrize("first", DOORS.values(), ids=DOORS.keys())
async def test_gateway_by_another_door(guest: Worker, models: Models, held: Held, first: str) -> None:
    before = len(models.asked)
    answer = await said(guest, models, first, f"x-api-key: {models.token()}", content=body())
    status = answer.split(" ")[1] if answer.startswith("HTTP/1.1 ") else "cut"
    asked = [path for path, _ in models.asked[before:]]
    assert status in ("400", "404", "405", "cut") or asked == ["/v1/messages"], answer
    assert all(path == "/v1/messages" for path in asked)
    held(answer.splitlines()[0] if answer else "closed")


@pytest.mark.parametrize(
    "lines",
    [["Transfer-Encoding: chunked"], ["Content-Length: 5"], ["Expect: 100-continue"], ["x-api-key: second"]],
    ids=["length and chunks at once", "two lengths", "expectation", "two keys"],
)
async def test_smuggling_into_the_gateway(guest: Worker, models: Models, held: Held, lines: list[str]) -> None:
    before = len(models.asked)
    evil = f"0\r\n\r\nPOST /v1/files HTTP/1.1\r\nHost: x\r\nx-api-key: {models.token()}\r\n\r\n"
    answer = await said(guest, models, "POST /v1/messages", *lines, content=evil)
    assert answer.count("HTTP/1.1 ") <= 2
    assert "HTTP/1.1 200" not in answer
    assert len(models.asked) == before
    held(answer.splitlines()[0] if answer else "closed")


async def test_headers_of_the_worker_at_the_model_service(guest: Worker, models: Models, held: Held) -> None:
    given = ("cookie: a=b", "anthropic-beta: context-1m-2025-08-07", "x-forwarded-for: 1.2.3.4", "anthropic-dangerous: 1")
    await said(guest, models, "POST /v1/messages", f"x-api-key: {models.token()}", *given, content=body())
    sent = {name.lower(): value for name, value in models.asked[-1][1].items()}
    assert not {"cookie", "anthropic-beta", "x-forwarded-for", "anthropic-dangerous"} & sent.keys()
    assert models.token()[:40] not in str(sent)
    held("only the few headers that are needed pass")


async def test_model_that_is_not_permitted(guest: Worker, models: Models, held: Held) -> None:
    before = len(models.asked)
    wanted = body(model="claude-dear-9")
    answer = await said(guest, models, "POST /v1/messages", f"x-api-key: {models.token()}", content=wanted)
    assert answer.startswith("HTTP/1.1 4"), answer
    assert len(models.asked) == before
    assert MODEL != "claude-dear-9"
    held(answer.splitlines()[0])


async def test_gateway_from_another_network(models: Models, victim: tuple[str, int], held: Held) -> None:
    network = await models.place.network()
    client = docker.from_env(version="auto")
    try:
        app = client.containers.get(f"slipway-{models.place.folder.installation}-victim-v1")
        request = f"POST /v1/messages HTTP/1.0\r\nx-api-key: {models.token()}\r\n\r\n".encode().hex()
        words = ["python", "-c", REACHES, network.gateway, str(models.place.gateway_port), request]
        _, told = await asyncio.to_thread(app.exec_run, words)
    finally:
        client.close()
    assert told.startswith(b"held:") or told.strip().endswith(b" b''"), told
    held("only the workers' network is answered")
