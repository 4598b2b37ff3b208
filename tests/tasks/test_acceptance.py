"""Checks asked of a real HTTP server; the engine around it is the fake one."""

import asyncio
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from domain.checks import CommandCheck, HttpCheck, HttpStep
from domain.environment import EnvironmentVersion
from domain.errors import EngineUnreachable
from domain.health import HealthCheck, Healthy, Unhealthy
from domain.rehearsals import rehearsal_identity
from domain.reports import CaseResult, Outcome, TestReport
from domain.workers import AppSpec, AppState, AppStatus, CommandResult
from tasks import http_checks
from tasks.acceptance import rehearse_release
from tasks.health import wait_healthy
from tasks.http_checks import run_http_check
from tasks.rehearsal import rehearse
from tests.fakes.engine import FakeEngine
from tests.fakes.vault import MemoryVault

IDENTITY = "notes-rehearsal-r-abc123-1"
SPEC = AppSpec(identity=IDENTITY, project="notes", run="r-abc123", role="rehearsal", candidate="sha256:1", data="scratch")
SECRET = "s3cr3t-value-of-the-person"


@dataclass
class App:
    """A small notes app; `unhealthy` answers of /health are 503 first."""

    address: str
    unhealthy: int = 0
    seen: list[str] = field(default_factory=list)
    notes: list[dict[str, object]] = field(default_factory=list)


def handler(app: App) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            app.seen.append(format % args)

        def answer(self, status: int, body: bytes, **headers: str) -> None:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            match self.path.partition("?")[0]:
                case "/health":
                    app.unhealthy -= 1
                    self.answer(503 if app.unhealthy >= 0 else 200, b"all fine")
                case "/login":
                    self.answer(303, b"", Set_Cookie="session=abc; Path=/", Location=f"http://{self.headers['Host']}/me")
                case "/me":
                    self.answer(200 if "session=abc" in self.headers.get("Cookie", "") else 401, b"me")
                case "/secret":
                    self.answer(200, f"token={SECRET}".encode())
                case "/huge":
                    self.answer(200, b"x" * (http_checks.BODY_LIMIT + 1))
                case "/slow":
                    self.send_response(200)
                    self.send_header("Content-Length", "5")
                    self.end_headers()
                    self.rfile.read(1)  # until the client goes away
                case "/cut":
                    self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")
                    self.close_connection = True
                case path if path.startswith("/notes/") and int(path[7:]) <= len(app.notes):
                    self.answer(200, json.dumps(app.notes[int(path[7:]) - 1]).encode())
                case _:
                    self.answer(404, b'{"detail": "\x1b[31mnot found"}')

        def do_POST(self) -> None:
            note = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            app.notes.append({**note, "id": len(app.notes) + 1})
            self.answer(201, json.dumps(app.notes[-1]).encode(), Location=f"/notes/{len(app.notes)}")

    return Handler


@pytest.fixture
def app() -> Iterator[App]:
    app = App("")
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(app))
    server.daemon_threads = True
    app.address = f"127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield app
    server.shutdown()
    server.server_close()
    thread.join()


def check(*steps: HttpStep, id: str = "keeps") -> HttpCheck:
    return HttpCheck(id=id, covers="c1", title="notes are kept", steps=steps)


KEEPS = check(
    HttpStep(
        method="POST",
        path="/notes",
        json_body={"text": "ä"},
        expect_status=201,
        save={"place": "header:location", "n": "json:id"},
    ),
    HttpStep(path="${place}", expect_json={"id": "${n}", "text": "ä"}),
)


async def test_conversation_with_saved_values_passes(app: App) -> None:
    case = await run_http_check(KEEPS, app.address)

    assert (case.result, case.message, case.details) == (CaseResult.PASSED, "", "")
    assert case.name == "keeps: notes are kept"
    assert [line.split('"')[1] for line in app.seen] == ["POST /notes HTTP/1.1", "GET /notes/1 HTTP/1.1"]


async def test_cookies_are_kept_within_a_check_and_redirects_not_followed(app: App) -> None:
    login = HttpStep(path="/login", expect_status=303, save={"to": "header:Location"})

    assert (await run_http_check(check(login, HttpStep(path="${to}")), app.address)).result is CaseResult.PASSED
    assert (await run_http_check(check(HttpStep(path="/me", expect_status=401)), app.address)).result is CaseResult.PASSED


async def test_failed_step_says_what_was_asked_expected_and_got(app: App) -> None:
    case = await run_http_check(
        check(HttpStep(path="/health"), HttpStep(method="GET", path="/notes/9?x=1", headers={"Accept": "*/*"})), app.address
    )

    assert case.result is CaseResult.FAILED
    assert case.message == "step 2 of 2: GET /notes/9?x=1: status is 404, expected 200"
    assert case.details == 'asked: GET /notes/9?x=1\nAccept: */*\n\ngot: 404\n{"detail": "not found"}'


@pytest.mark.parametrize(
    ("step", "wanted"),
    [
        (HttpStep(path="/huge"), "GET /huge: answered 200 with more than 2 MB"),
        (HttpStep(path="/slow"), "GET /slow: no whole answer within 0.2 s"),
        (HttpStep(path="/cut"), "GET /cut: no answer (peer closed connection"),
        (HttpStep(path="/health", headers={"X": "a\nb"}), "GET /health: no answer (Illegal header value"),
        (HttpStep(path="/health", headers={"X": "ж"}), "GET /health: the request cannot be sent"),
        (HttpStep(path="/${nobody}"), "GET /${nobody} uses nobody, which no earlier step has saved"),
        (HttpStep(path="/health", save={"x": "json:a"}), "GET /health: the body is not JSON, so json:a cannot be saved"),
    ],
)
async def test_what_cannot_be_judged_is_a_failed_case(app: App, step: HttpStep, wanted: str) -> None:
    case = await run_http_check(check(step), app.address, seconds=0.2 if step.path == "/slow" else 15)

    assert case.result is CaseResult.FAILED
    assert case.message.startswith(f"step 1 of 1: {wanted}")


async def test_app_that_is_not_there_is_a_failed_case() -> None:
    case = await run_http_check(check(HttpStep(path="/")), "127.0.0.1:1")

    assert "no answer" in case.message


async def run(engine: FakeEngine, *checks: HttpCheck | CommandCheck, seconds: float = 5.0) -> TestReport:
    report = await rehearse(SPEC, checks, HealthCheck(), seconds, engine, commit="c", secrets={"TOKEN": SECRET})
    assert engine.live_apps == {}, "the rehearsal must be gone"
    assert engine.live_workers == {}
    return report


async def test_rehearsal_waits_for_health_and_asks_every_check(app: App) -> None:
    app.unhealthy = 2
    engine = FakeEngine(address=app.address, commands=[CommandResult(exit_code=0, stdout=b"version 3")])
    command = CommandCheck(id="cli", covers="c1", title="says its version", command="app --version", expect_contains=("3",))

    report = await run(engine, KEEPS, command)

    assert report.outcome is Outcome.PASSED
    assert report.summary == "All 2 checks hold."
    assert [case.name for case in report.cases] == [
        "app becomes healthy (GET /health)",
        "keeps: notes are kept",
        "cli: says its version",
    ]
    assert engine.started == [SPEC]
    worker = engine.spawned[0]
    assert (worker.image, worker.network, worker.environment) == ("sha256:1", "none", {})


async def test_red_check_fails_the_rehearsal_and_the_others_are_asked_all_the_same(app: App) -> None:
    report = await run(FakeEngine(address=app.address), check(HttpStep(path="/nope"), id="first"), KEEPS)

    assert report.outcome is Outcome.FAILED
    assert [case.result for case in report.cases] == [CaseResult.PASSED, CaseResult.FAILED, CaseResult.PASSED]
    assert report.summary == "1 of 2 checks hold; not first."


@pytest.mark.parametrize(
    ("result", "wanted"),
    [
        (CommandResult(exit_code=1), "`app --version` ended with exit code 1, expected 0"),
        (CommandResult(exit_code=-1, timed_out=True), "`app --version` did not end within 120 s"),
        (CommandResult(exit_code=137, out_of_memory=True), "`app --version` used up its memory of 1024 MB"),
        (CommandResult(exit_code=0, stdout=b"version 2"), "`app --version` did not print '3'"),
    ],
)
async def test_command_check_says_what_is_wrong(app: App, result: CommandResult, wanted: str) -> None:
    command = CommandCheck(id="cli", covers="c1", title="t", command="app --version", expect_contains=("3",))

    report = await run(FakeEngine(address=app.address, commands=[result]), command)

    assert report.cases[1].message == wanted


async def test_app_that_ends_at_once_is_one_failed_case_with_its_last_words(app: App) -> None:
    engine = FakeEngine(address=app.address)
    engine.app_states[IDENTITY] = [AppStatus(identity=IDENTITY, state=AppState.STOPPED, exit_code=3)]
    engine.app_logs[IDENTITY] = f"ValueError: bad token {SECRET}"

    report = await run(engine, KEEPS)

    assert report.outcome is Outcome.FAILED
    assert len(report.cases) == 1
    assert report.cases[0].message == "It ended by itself (exit code 3)."
    assert "ValueError: bad token «secret TOKEN»" in report.cases[0].details
    assert report.summary == "The app did not become healthy, so its 1 check could not be asked."


async def test_app_that_dies_while_it_is_checked_is_no_pass(app: App) -> None:
    engine = FakeEngine(address=app.address)
    alive = AppStatus(identity=IDENTITY, state=AppState.RUNNING, address=app.address)
    engine.app_states[IDENTITY] = [alive, alive, alive.model_copy(update={"restarts": 1, "exit_code": 1})]

    report = await run(engine, KEEPS)

    assert report.outcome is Outcome.FAILED
    assert report.cases[-1].name == "app keeps running while it is checked"
    assert report.summary == "The check holds. The app ended while it was checked."


async def test_secret_in_an_answer_is_not_in_the_report(app: App) -> None:
    report = await run(FakeEngine(address=app.address), check(HttpStep(path="/secret", expect_contains=("x!",))))

    assert report.outcome is Outcome.FAILED
    assert SECRET not in report.model_dump_json()


async def test_engine_that_dies_is_raised_and_no_verdict() -> None:
    engine = FakeEngine()
    engine.reachable = False

    with pytest.raises(EngineUnreachable):
        await rehearse(SPEC, [KEEPS], HealthCheck(), 1.0, engine)


async def test_release_is_rehearsed_with_its_environment_and_fresh_data(app: App) -> None:
    class OneSecret:
        async def get(self, reference: str) -> str:
            assert reference == "slipway-notes-token"
            return SECRET

    engine = FakeEngine(address=app.address)
    version = EnvironmentVersion(project="notes", number=1, secrets={"TOKEN": "slipway-notes-token"}, plain={"MODE": "live"})
    red = check(HttpStep(path="/secret", expect_status=418))

    report = await rehearse_release.fn(
        "r-abc123", "notes", 1, "sha256:1", "web", version, (red,), HealthCheck(), 5.0, engine, OneSecret()  # type: ignore[arg-type]
    )  # fmt: skip

    spec = engine.started[0]
    assert (spec.role, spec.data, spec.environment) == ("rehearsal", "scratch", {"MODE": "live", "TOKEN": SECRET})
    assert report.outcome is Outcome.FAILED
    assert SECRET not in report.model_dump_json()


async def test_rehearsal_migrates_no_server_of_the_persons(app: App) -> None:
    engine, vault = FakeEngine(address=app.address), MemoryVault()
    given = {"DATABASE_URL": "postgresql://me:own@db.example/notes", "TOKEN": SECRET, "REDIS_URL": "redis://:own@db.example"}
    version = EnvironmentVersion(
        project="notes",
        number=1,
        secrets={name: vault.hold("notes", name, value) for name, value in given.items()},
        plain={"ENGINE": "async ${DATABASE_URL}", "REPLICA": "postgresql://me:${TOKEN}@db.example/notes"},
    )
    await rehearse_release.fn(
        "r-abc123", "notes", 1, "sha256:1", "web", version, (), HealthCheck(), 5.0, engine, vault, "release"
    )
    assert engine.started[0].environment == {
        "ENGINE": "async sqlite:///${DATA_DIR}/app.db",
        "REPLICA": "sqlite:///${DATA_DIR}/app.db",
        "DATABASE_URL": "sqlite:///${DATA_DIR}/app.db",
        "TOKEN": SECRET,
        "REDIS_URL": "redis://127.0.0.1:9/0",
    }


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


async def test_waiting_ends_at_its_deadline_by_the_given_clock() -> None:
    clock, engine = Clock(), FakeEngine(address="127.0.0.1:1")
    await engine.start(SPEC)
    engine.app_logs[IDENTITY] = "still compiling"

    state = await wait_healthy(engine, IDENTITY, HealthCheck(), 5.0, clock, clock.sleep)

    assert isinstance(state, Unhealthy)
    assert state.reason.startswith("It was not healthy within 5 s: GET /health was not answered (")
    assert state.log == "still compiling"
    assert clock.now == pytest.approx(105.0, abs=0.2)


async def test_waiting_ends_with_health_and_says_how_long_it_took(app: App) -> None:
    clock, engine = Clock(), FakeEngine(address=app.address)
    app.unhealthy = 3
    await engine.start(SPEC)

    state = await wait_healthy(engine, IDENTITY, HealthCheck(content="fine"), 5.0, clock, clock.sleep)

    assert isinstance(state, Healthy)
    assert state.seconds == pytest.approx(0.3)


def test_identity_fits_the_engines_names_for_the_longest_project_and_run() -> None:
    identity = rehearsal_identity("p" * 19 + "-" + "q" * 20, "r-" + "a" * 32, "release-12")

    assert AppSpec(identity=identity, project="p", run="r", candidate="c").identity.startswith("p" * 19 + "-rehearsal-r-")
