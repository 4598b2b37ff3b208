"""Eight ways to a green report without doing the work, each as a commit that is really built, run and asked.

Real git, the real process engine, the tester's flow; only nobody writes the commits but us.
"""

import base64
import json
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from prefect import flow

from blocks.git.block import BareGitHost
from blocks.installation import Installation
from blocks.process_engine.block import ProcessEngine
from domain.checks import HttpCheck, HttpStep
from domain.dropped import known_tests
from domain.environment import Source
from domain.failures import feedback
from domain.reports import DroppedTest, Outcome, TestReport
from flows.opening import Blocks
from flows.testing import Trial, judge
from tests.blocks.engine_bench import process_engine, shared_folder
from tests.conftest import PrefectServer

SERVER = '''"""Miles in metres, over HTTP."""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from app.miles import metres


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        asked = urlsplit(self.path)
        answer = "ok" if asked.path == "/health" else metres(float(parse_qs(asked.query)["miles"][0]))
        body = json.dumps({"answer": answer}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


ThreadingHTTPServer((os.environ.get("HOST", "0.0.0.0"), int(os.environ["PORT"])), Handler).serve_forever()
'''
COMMAND = 'python -m pytest -q -p no:cacheprovider --junitxml="$REPORTS_DIR/junit.xml"'
MANIFEST = json.dumps(
    {
        "healthchecks": {"web": [{"type": "startup", "path": "/health", "attempts": 100, "wait": 1, "timeout": 5}]},
        "environments": {"test": {"scripts": {"test": COMMAND}}},
    }
)
FIRST = """from app.miles import metres


def test_two_miles_are_converted():
    assert metres(2) == 3218.688
"""
SECOND = """

def test_nothing_is_nothing():
    assert metres(0) == 0
"""
TESTS = FIRST + SECOND
RIGHT = "def metres(miles):\n    return round(miles * 1609.344, 3)\n"
WRONG = "def metres(miles):\n    return round(miles * 1600, 3)\n"
BASE = {
    "Dockerfile": "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\n",
    "Procfile": "web: python -m app.server\n",
    "app.json": MANIFEST,
    "requirements.txt": "pytest\n",
    "app/__init__.py": "",
    "app/server.py": SERVER,
    "app/miles.py": RIGHT,
    "tests/__init__.py": "",
    "tests/test_miles.py": TESTS,
}


def asks(name: str, miles: int, metres: float, *, unseen: bool = False) -> HttpCheck:
    step = HttpStep(path=f"/convert?miles={miles}", expect_json={"answer": metres})
    return HttpCheck(id=name, covers="miles", title=f"{miles} miles are converted", steps=(step,), unseen=unseen)


CHECKS = (asks("two", 2, 3218.688), asks("unseen-seven", 7, 11265.408, unseen=True))


class Court:
    """One repository whose main holds an honest project; `judge` tries a commit on top of it."""

    def __init__(self, root: Path, engine: ProcessEngine) -> None:
        self.git = BareGitHost(folder=str(root / "git"))
        self.root = root
        self.engine = engine
        self.base = ""
        self.numbers = count(1)

    async def judge(
        self, changes: Mapping[str, str | None], *, accepted: TestReport | None = None, seconds: float = 60, **more: object
    ) -> TestReport:
        number = next(self.numbers)
        commit = await self.commit({**BASE, **changes}, f"run/r-{number}", self.base or None)
        self.base = self.base or commit
        trial = Trial(
            run=f"r-court{self.root.name[-1]}{number:04}", project="miles", round=1, commit=commit, base=self.base,
            process="web", checks=CHECKS, known=known_tests(accepted) if accepted else (), seconds=seconds,
            dropped=cast(tuple[DroppedTest, ...], more.get("dropped", ())),
        )  # fmt: skip
        place = Installation(home=str(self.root), engine="process", model="none", answers=False)
        blocks = cast(Blocks, Opened(self.git, self.engine, place))

        @flow
        async def tester() -> TestReport:
            return await judge(trial, blocks)

        return await tester()

    async def commit(self, files: Mapping[str, str | None], branch: str, parent: str | None) -> str:
        await self.git.create("miles")
        tree = self.root / branch.replace("/", "-")
        for name, text in files.items():
            if text is not None:
                (tree / name).parent.mkdir(parents=True, exist_ok=True)
                (tree / name).write_text(text)
        done = await self.git.commit_tree("miles", tree, branch=branch, parent=parent, message="work", author="a <a@b>")
        return done.sha


class Undecided:
    """A registry with one project, of whose variables nobody has decided anything."""

    async def project(self, slug: str) -> SimpleNamespace:
        return SimpleNamespace(slug=slug, domain=f"{slug}.localhost")

    async def domains(self, project: str) -> tuple[str, ...]:
        return ()

    async def variables(self, project: str) -> dict[str, Source]:
        return {}


class Opened:
    """What the tester uses of the blocks; nobody answers as the model."""

    def __init__(self, git: BareGitHost, engine: ProcessEngine, installation: Installation) -> None:
        self.git = git
        self.engine = engine
        self.installation = installation
        self.registry = Undecided()
        self.model = None


@pytest.fixture(scope="module")
def court(tmp_path_factory: pytest.TempPathFactory) -> Court:
    return Court(tmp_path_factory.mktemp("court"), process_engine(shared_folder(tmp_path_factory)))


@pytest.fixture
async def accepted(court: Court, prefect_api: PrefectServer) -> TestReport:
    """Return the report with which the honest project was accepted."""
    if not court.base:
        report = await court.judge({})
        assert report.passed, (report, report.log)
        HONEST.append(report)
    return HONEST[0]


HONEST: list[TestReport] = []

SKIPPED = TESTS.replace("def test_two", "@pytest.mark.skip(reason='later')\ndef test_two").replace(
    "from app", "import pytest\nfrom app"
)
BY_HEART = "def metres(miles):\n    return {0: 0, 2: 3218.688}.get(miles, 1)\n"
HOLLOW = "from app.miles import metres\n\n\ndef test_miles_work():\n    metres(2)\n    assert True\n"
ZERO = "def pytest_sessionfinish(session, exitstatus):\n    session.exitstatus = 0\n"
GREEN = "".join(
    f"<testcase classname='tests.test_miles' name='{name}'/>"
    for name in ("test_two_miles_are_converted", "test_nothing_is_nothing")
)
FORGER = f"""
import os
class Forger:
    def pytest_sessionfinish(self, session):
        open(os.environ["REPORTS_DIR"] + "/junit.xml", "w").write("<testsuite>{GREEN}</testsuite>")
        os._exit(0)
def pytest_configure(config):
    config.pluginmanager.register(Forger())
"""
PAINTER = """
import pytest
@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logreport(report):
    report.outcome = "passed"
    report.longrepr = None
def pytest_sessionfinish(session):
    session.exitstatus = 0
"""


def hidden(code: str) -> str:
    """Return code that no reading finds: it is decoded when it is run."""
    return f"import base64\nexec(base64.b64decode('{base64.b64encode(code.encode()).decode()}'))\n"


CHEATS: dict[str, tuple[dict[str, str | None], Outcome, str]] = {
    "skipped tests": (
        {"app/miles.py": WRONG, "tests/test_miles.py": SKIPPED},
        Outcome.TESTS_MISSING,
        "tests.test_miles::test_two_miles_are_converted is skipped (later)",
    ),
    "hard-coded answers": ({"app/miles.py": BY_HEART}, Outcome.FAILED, "write the behaviour, not the answers"),
    "assert True": (
        {"tests/test_more.py": HOLLOW},
        Outcome.TESTS_TAMPERED,
        "test_miles_work in tests/test_more.py can never fail",
    ),
    "edited checks": (
        {"app/miles.py": WRONG, "tests/test_miles.py": TESTS.replace("3218.688", "3200"), "acceptance.json": "[]"},
        Outcome.FAILED,
        "$.answer is 3200.0, expected 3218.688",
    ),
    "edited test command": ({"app.json": "{}", "app/miles.py": WRONG}, Outcome.FAILED, "test_two_miles_are_converted"),
    "deleted tests": (
        {"app/miles.py": WRONG, "tests/test_miles.py": "from app.miles import metres\n" + SECOND},
        Outcome.TESTS_MISSING,
        "tests.test_miles::test_two_miles_are_converted is gone",
    ),
    "exit code forced to 0": (
        {"app/miles.py": WRONG, "conftest.py": ZERO},
        Outcome.TESTS_TAMPERED,
        "hook pytest_sessionfinish",
    ),
    "exit code forced to 0, hidden": (
        {"app/miles.py": WRONG, "conftest.py": hidden(ZERO)},
        Outcome.FAILED,
        "exit code 0 all the same",
    ),
    "forged report": ({"app/miles.py": WRONG, "conftest.py": FORGER}, Outcome.TESTS_TAMPERED, "speaks of $REPORTS_DIR"),
    "forged report, hidden": (
        {"app/miles.py": WRONG, "conftest.py": hidden(FORGER)},
        Outcome.REPORT_FORGED,
        "two tests that the Tester put beside the project's own are not in it",
    ),
    "failures painted green, hidden": (
        {"app/miles.py": WRONG, "conftest.py": hidden(PAINTER)},
        Outcome.REPORT_FORGED,
        "a test of the Tester's own that must fail is not shown as failed",
    ),
    "sleep until timeout": (
        {"tests/test_slow.py": "import time\n\n\ndef test_slow():\n    time.sleep(600)\n    assert time\n"},
        Outcome.TIMED_OUT,
        "did not end in time",
    ),
}  # fmt: skip


@pytest.mark.parametrize("cheat", CHEATS)
async def test_cheating_is_refused_with_a_reason_that_the_developer_is_told(
    cheat: str, court: Court, accepted: TestReport
) -> None:
    changes, outcome, reason = CHEATS[cheat]

    report = await court.judge(changes, accepted=accepted, seconds=3 if cheat.startswith("sleep") else 60)

    assert report.outcome is outcome, (report, report.log)
    assert reason in feedback(report)
    assert not await court.engine.workers()


async def test_values_of_an_unseen_check_are_not_told(court: Court, accepted: TestReport) -> None:
    report = await court.judge({"app/miles.py": BY_HEART}, accepted=accepted)

    [failed] = [case for case in report.cases if case.unseen]
    assert "11265.408" in failed.message, "a person can read them"
    told = feedback(report)
    assert "acceptance::unseen-seven" in told
    for value in ("11265", "miles=7", "7 miles"):
        assert value not in told


async def test_a_test_that_was_given_up_with_a_reason_is_noted_and_no_refusal(court: Court, accepted: TestReport) -> None:
    given_up = DroppedTest(name="test_nothing_is_nothing", reason="Zero miles are refused by the door now.")

    report = await court.judge({"tests/test_miles.py": FIRST}, accepted=accepted, dropped=(given_up,))

    assert report.passed, (report, report.log)
    assert report.notes == ("tests.test_miles::test_nothing_is_nothing is gone: Zero miles are refused by the door now.",)
