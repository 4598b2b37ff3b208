"""The acceptance ledger at work: what an accepted app could do once, no later change takes away unnoticed.

A real app on the real process engine, its checks in a real registry; each change is one edit of its source.
"""

from collections.abc import AsyncIterator, Mapping
from itertools import count
from pathlib import Path

import pytest
import pytest_asyncio

from blocks.process_engine.block import ProcessEngine
from blocks.registry.block import SqlRegistry
from domain.briefs import AcceptanceCheck, Brief
from domain.candidates import Built
from domain.checks import Check, CommandCheck, HttpCheck, HttpStep
from domain.health import HealthCheck
from domain.plans import Plan, PlannedFile, gaps, in_force
from domain.rehearsals import rehearsal_identity
from domain.reports import CaseResult, Outcome, TestReport
from domain.workers import AppSpec
from tasks.rehearsal import rehearse
from tests.blocks.engine_bench import process_engine, shared_folder
from tests.tasks.conftest import brief

APP = '''"""Notes over HTTP, kept in a file."""

import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

VERSION = "notes 1"


def book():
    return Path(os.environ["DATA_DIR"], "notes.json")


def notes():
    return json.loads(book().read_text()) if book().exists() else []


def save(note):
    book().write_text(json.dumps([*notes(), note]))


class Handler(BaseHTTPRequestHandler):
    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), "Cache-Control": "no-store", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def json(self, status, value, **headers):
        self.answer(status, json.dumps(value).encode(), Content_Type="application/json", **headers)

    def do_GET(self):
        if self.path == "/health":
            return self.json(200, {"status": "ok"})
        if self.path == "/":
            return self.answer(303, Location="/notes")
        if self.path == "/notes":
            return self.json(200, sorted(notes(), key=lambda note: note["text"]))
        if self.path.startswith("/notes/"):
            found = [note for note in notes() if note["id"] == self.path[7:]]
            return self.json(200, found[0]) if found else self.json(404, {"error": "no such note"})
        return self.json(404, {"error": "no such page"})

    def do_POST(self):
        text = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"]
        if not text.strip():
            return self.json(422, {"error": "a note needs a text"})
        note = {"id": str(len(notes()) + 1), "text": text}
        save(note)
        return self.json(201, note, Location=f"/notes/{note['id']}")


if "--version" in sys.argv:
    print(VERSION)
else:
    ThreadingHTTPServer((os.environ.get("HOST", "0.0.0.0"), int(os.environ["PORT"])), Handler).serve_forever()
'''


def note(text: str) -> HttpStep:
    return HttpStep(method="POST", path="/notes", json_body={"text": text}, expect_status=201, save={"id": "json:id"})


def http(covers: str, *steps: HttpStep, unseen: bool = False) -> HttpCheck:
    return HttpCheck(id=f"{covers}-{'unseen' if unseen else 'http'}", covers=covers, title=covers, steps=steps, unseen=unseen)


ACCEPTED: tuple[Check, ...] = (
    http("empty", HttpStep(path="/notes", expect_json=[])),
    http("keeps", note("milk"), HttpStep(path="/notes/${id}", expect_json={"text": "milk"})),
    http("keeps", note("bread"), HttpStep(path="/notes/${id}", expect_json={"text": "bread"}), unseen=True),
    http("sorted", note("apples"), HttpStep(path="/notes", expect_json=[{"text": "apples"}, {"text": "bread"}])),
    http("refuses", HttpStep(method="POST", path="/notes", json_body={"text": " "}, expect_status=422)),
    http("unknown", HttpStep(path="/notes/999", expect_status=404, expect_json={"error": "no such note"})),
    http("door", HttpStep(path="/", expect_status=303, expect_headers={"location": "/notes"})),
    http("type", HttpStep(path="/notes", expect_headers={"content-type": "application/json"})),
    http("fresh", HttpStep(path="/notes", expect_headers={"cache-control": "no-store"})),
    http("quick", HttpStep(path="/nowhere", expect_status=404, within_seconds=2)),
    CommandCheck(id="version", covers="version", title="tells its version", command="python app.py --version",
                 expect_contains=("notes 1",)),
)  # fmt: skip
REGRESSIONS = {
    "status": ("return self.json(201, note", "return self.json(200, note", "keeps-http"),
    "body": ('"text": text}\n', '"text": text[:2]}\n', "keeps-http"),
    "persistence": ("        save(note)\n", "", "keeps-http"),
    "hard-coded": ('"text": text}\n', '"text": "milk"}\n', "keeps-unseen"),
    "ordering": ('key=lambda note: note["text"]', 'key=lambda note: note["id"]', "sorted-http"),
    "validation": ("if not text.strip():", "if not text:", "refuses-http"),
    "missing thing": ('self.json(404, {"error": "no such note"})', "self.json(200, {})", "unknown-http"),
    "redirect": ('self.answer(303, Location="/notes")', 'self.answer(303, Location="/all")', "door-http"),
    "content type": ('Content_Type="application/json"', 'Content_Type="text/plain"', "type-http"),
    "header": ('"Cache-Control": "no-store", ', "", "fresh-http"),
    "deleted route": ('if self.path == "/notes":', "if False:", "empty-http"),
    "slow answer": ('{"error": "no such page"}', '{"error": time.sleep(2.2)}', "quick-http"),
    "command": ('VERSION = "notes 1"', 'VERSION = "2"', "version"),
}  # fmt: skip
numbers = count(1)


def wanted(*more: str, retires: tuple[str, ...] = ()) -> Brief:
    names = dict.fromkeys([*(check.covers for check in ACCEPTED), *more])
    checks = tuple(AcceptanceCheck(id=name, text=f"it {name}") for name in names if name not in retires)
    return brief(checks=checks, retires=retires)


def planned(*checks: Check) -> Plan:
    return Plan(summary="x", files=(PlannedFile(path="app.py", purpose="all"),), test_plan=("x",), checks=checks)


NEW = http("colour", HttpStep(path="/health", expect_json={"status": "ok"}))
"""What the later change is about."""


class Ledger:
    """The accepted app and what is known of it."""

    def __init__(self, registry: SqlRegistry, engine: ProcessEngine, folder: Path) -> None:
        self.registry = registry
        self.engine = engine
        self.folder = folder

    async def checks(self, plan: Plan, change: Brief) -> tuple[Check, ...]:
        return in_force(plan, change, await self.registry.checks("notes"))

    async def rehearse(self, source: str, checks: tuple[Check, ...]) -> TestReport:
        number = next(numbers)
        folder = self.folder / str(number)
        folder.mkdir()
        for name, text in {"app.py": source, "Procfile": "web: python app.py\n", "app.json": "{}"}.items():
            (folder / name).write_text(text)
        built = await self.engine.build(folder, "notes", "r-ledger")
        assert isinstance(built, Built), built.log
        identity = rehearsal_identity("notes", "r-ledger", str(number))
        spec = AppSpec(
            identity=identity, project="notes", run="r-ledger", role="rehearsal", candidate=built.candidate, data="scratch"
        )
        return await rehearse(spec, checks, HealthCheck(attempts=100, wait=1), 30.0, self.engine)


@pytest_asyncio.fixture
async def ledger(registry: SqlRegistry, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ledger]:
    await registry.set_checks("notes", "r-000001", ACCEPTED, ())
    yield Ledger(registry, process_engine(shared_folder(tmp_path_factory)), tmp_path)


async def test_the_accepted_app_passes_its_checks_and_those_of_a_good_change(ledger: Ledger) -> None:
    report = await ledger.rehearse(APP, await ledger.checks(planned(NEW), wanted("colour")))

    assert report.passed, failed(report)
    assert report.summary == f"All {len(ACCEPTED) + 1} checks hold."


@pytest.mark.parametrize("name", REGRESSIONS)
async def test_a_later_change_that_breaks_what_was_accepted_is_stopped_by_its_check(name: str, ledger: Ledger) -> None:
    old, new, check = REGRESSIONS[name]
    assert APP.count(old) >= 1

    report = await ledger.rehearse(APP.replace(old, new), await ledger.checks(planned(NEW), wanted("colour")))

    assert report.outcome is Outcome.FAILED
    assert check in failed(report)


async def test_a_check_goes_only_by_the_persons_word_and_then_for_good(ledger: Ledger) -> None:
    old, new, _ = REGRESSIONS["ordering"]
    newest = APP.replace(old, new)
    change = planned(http("newest", note("zebra"), HttpStep(path="/notes", expect_json=[{"text": "milk"}])))
    unasked, asked = wanted("newest"), wanted("newest", retires=("sorted",))

    stopped = await ledger.rehearse(newest, await ledger.checks(change, unasked))
    accepted = await ledger.rehearse(newest, await ledger.checks(change, asked))
    await ledger.registry.set_checks("notes", "r-000002", await ledger.checks(change, asked), asked.retires)

    assert list(failed(stopped)) == ["sorted-http"]
    assert accepted.passed, failed(accepted)
    assert "sorted" not in {check.covers for check in await ledger.registry.checks("notes")}


async def test_no_plan_can_replace_or_retire_a_check_by_itself(ledger: Ledger) -> None:
    softer = planned(http("sorted", HttpStep(path="/notes")))
    earlier = await ledger.registry.checks("notes")

    assert gaps(softer, wanted(), earlier) == ("check id 'sorted-http' is taken by an earlier check",)
    kept = await ledger.checks(planned(NEW), wanted("colour"))
    assert kept[: len(ACCEPTED)] == ACCEPTED


def failed(report: TestReport) -> Mapping[str, str]:
    return {case.name.partition(":")[0]: case.message for case in report.cases if case.result is not CaseResult.PASSED}
