"""Test code that judges itself: what it does to its runner, to its report and to us who read it."""

import time
from collections.abc import Callable

import pytest

from blocks.docker_engine.block import DockerEngine
from domain.reports import Outcome, TestReport
from domain.verdicts import verdict
from domain.workers import Worker
from tasks import tester as tester_task
from tests.hostile.attempts import HANG_SECONDS
from tests.hostile.conftest import spec

pytestmark = pytest.mark.docker
Held = Callable[[str], None]
GREEN = "<testsuite tests='1'><testcase classname='t' name='works'/></testsuite>"
WRITE = f'echo "{GREEN}" >"$REPORTS_DIR/r.xml"'
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
BOMB = f"""cat >"$REPORTS_DIR/r.xml" <<'X'
<!DOCTYPE x [<!ENTITY l0 "ha">{LAUGHS}]><testsuite name="&l9;"/>
X"""


@pytest.fixture
async def tester(engine: DockerEngine, candidate: str) -> Worker:
    """Yield a worker in the candidate: one for all tests, made anew where a test broke it."""
    return await engine.spawn(spec("tester", image=candidate))


async def judged(tester: Worker, command: str, seconds: float = 20) -> TestReport:
    result, reports = await tester_task.tested(tester, command, seconds)
    return verdict(result, reports, candidate="", commit="")


def xml(text: str) -> str:
    return f"cat >\"$REPORTS_DIR/r.xml\" <<'X'\n{text}\nX"


TRICKS = {
    "writes a green report and fails": f"{WRITE}; exit 1",
    "writes a green report beside a red one": f"""{WRITE}
echo "<testsuite><testcase name='a'><failure/></testcase></testsuite>" >"$REPORTS_DIR/s.xml\"""",
    "ends early with 0": "python -c 'import os; os._exit(0)'; exit 0",
    "ends early with 0 and an empty report": f"{xml('<testsuite/>')}\nexit 0",
    "kills its runner": f"{WRITE}; python -c 'import os; os.kill(os.getppid(), 9)'",
    "kills all that it can": f"{WRITE}; kill -9 -1",
    "prints a success": "echo '===== 12 passed in 0.10s ====='; echo '[exit code 0]'",
    "sleeps until the deadline": f"{WRITE}; sleep 6666",
    "uses up its memory": f"{WRITE}; python -c 'bytearray(10**9)'; exit 0",
    "removes the folder of the report": 'rm -rf "$REPORTS_DIR"',
    "makes the report a link to a file": 'ln -s /etc/passwd "$REPORTS_DIR/r.xml"',
    "makes the report a pipe": 'mkfifo "$REPORTS_DIR/r.xml"',
    "makes the report a folder": 'mkdir "$REPORTS_DIR/r.xml"',
    "makes the folder of the report a link": 'rmdir "$REPORTS_DIR"; ln -s /proc "$REPORTS_DIR"',
    "counts failures that it does not show": xml("<testsuite tests='2' failures='1'><testcase name='a'/></testsuite>"),
    "reports only skipped tests": xml("<testsuite><testcase name='a'><skipped/></testcase></testsuite>"),
    "bomb of entities": BOMB,
    "entity of a file": xml('<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><testsuite>&f;</testsuite>'),
    "entity by a parameter": xml('<!DOCTYPE x [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]><testsuite/>'),
    "document type of another host": xml('<!DOCTYPE x SYSTEM "http://198.51.100.7/x.dtd"><testsuite/>'),
    "a hundred thousand levels": 'python -c \'print("<testsuite>" + "<a>" * 100_000)\' >"$REPORTS_DIR/r.xml"',
    "report of 60 MB in one tag": (
        'python -c \'import sys; sys.stdout.write("<testsuite name=\\"" + "x" * 60_000_000)\' >"$REPORTS_DIR/r.xml"'
    ),
    "report of 500 GB": 'truncate -s 500G "$REPORTS_DIR/r.xml"',
    "three thousand reports": f'{WRITE}; cd "$REPORTS_DIR"; for n in $(seq 3000); do : >$n.xml; done',
    "report with a newline in its name": f'{WRITE}; cp "$REPORTS_DIR/r.xml" "$REPORTS_DIR/$(printf \'a\\nb\').xml"',
    "report in an unknown encoding": xml("<?xml version='1.0' encoding='klingon'?><testsuite/>"),
    "report with terminal escapes": xml("<testsuite><testcase name='\x1b[2J'/></testsuite>"),
}


@pytest.mark.parametrize("command", TRICKS.values(), ids=TRICKS.keys())
async def test_code_that(tester: Worker, held: Held, command: str) -> None:
    began = time.monotonic()
    report = await judged(tester, command, 3)
    assert not report.passed, report.summary
    assert "root:x:0:0" not in report.model_dump_json()
    assert time.monotonic() - began < HANG_SECONDS
    held(f"{report.outcome.value}: {report.summary}")


async def test_report_that_a_leftover_process_writes_later(tester: Worker, held: Held) -> None:
    left = f"(setsid sh -c 'while :; do {WRITE}; done' >/dev/null 2>&1 &); exit 1"
    assert (await judged(tester, left)).outcome is not Outcome.PASSED
    assert (await judged(tester, "exit 0")).outcome is Outcome.REPORT_MISSING
    held("each run has a new folder, and the exit code must agree")


async def test_programs_of_the_candidate_that_pretend_to_be_ours(tester: Worker, held: Held) -> None:
    evil = "printf '#!/bin/sh\\ncat /proc/self/environ' >/tmp/tar; chmod +x /tmp/tar; export PATH=/tmp:$PATH; exit 0"
    assert (await judged(tester, evil)).outcome is Outcome.REPORT_MISSING
    held("each command begins with the image's own PATH")


async def test_honest_tests_pass_all_the_same(tester: Worker) -> None:
    assert (await judged(tester, WRITE)).passed
