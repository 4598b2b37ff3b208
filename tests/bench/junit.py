"""How fast a large JUnit report is read, and with how much memory: in a process of its own, whose peak the kernel tells."""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO

from tests.bench.figures import Section

SIZE = 50_000_000
FAILS_EVERY = 10
OUTPUT = "    assert left == right  # a line of a traceback, as long as such lines are &lt;expected&gt;\n"


def measure(size: int = SIZE) -> Section:
    """Parse a generated report of `size` bytes as the tester does."""
    section = Section(name="junit", title="Reading one JUnit report")
    with tempfile.TemporaryDirectory(prefix="slipway-junit-") as folder:
        path = Path(folder, "junit.xml")
        with path.open("w", encoding="utf-8") as file:
            cases = write(file, size)
        found = json.loads(
            subprocess.run([sys.executable, "-m", __name__, str(path)], capture_output=True, check=True, text=True).stdout
        )
        bytes_written = path.stat().st_size
    assert found["cases"] == cases, f"{found['cases']} of {cases} cases were read: {found['malformed']}"
    section.add("size", "MB", bytes_written / 1e6, note=f"{cases:,} cases, every {FAILS_EVERY}th failed")
    section.add("time", "s", found["seconds"])
    section.add("throughput", "MB/s", bytes_written / 1e6 / found["seconds"])
    section.add("peak memory above that before", "MiB", found["peak"] - found["before"])
    return section


def write(file: IO[str], size: int) -> int:
    """Write a report in pytest's form until it has `size` bytes, and return how many cases it has."""
    file.write('<?xml version="1.0" encoding="utf-8"?><testsuites><testsuite name="pytest">')
    cases = 0
    while file.tell() < size:
        name = f'<testcase classname="tests.test_many.TestPart{cases // 100}" name="test_case[{cases}]" time="0.012">'
        if cases % FAILS_EVERY == 0:
            file.write(f'{name}<failure message="assert {cases} == 1">{OUTPUT * 60}</failure></testcase>')
        else:
            file.write(f"{name}<system-out>{OUTPUT * 12}</system-out></testcase>")
        cases += 1
    file.write("</testsuite></testsuites>")
    return cases


def _parse(path: str) -> None:
    from tasks.junit import parse

    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from now on (proc_pid_clear_refs(5))
    before = _memory("VmRSS")
    began = time.monotonic()
    with Path(path).open("rb") as file:
        reports = parse([(path, file)])
    seconds = time.monotonic() - began
    found = {"seconds": seconds, "cases": len(reports.cases), "malformed": reports.malformed}
    sys.stdout.write(json.dumps({**found, "before": before, "peak": _memory("VmHWM")}))


def _memory(name: str) -> float:
    """Return a figure of /proc/self/status in MiB."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    _parse(sys.argv[1])
