"""What people were answered of late, from the log that Caddy writes."""

import json
import time
from pathlib import Path

from domain.watching import Traffic
from tasks.traffic import TrafficReader


def line(upstream: str, status: int, ago: float = 0.0) -> str:
    fields = {"ts": time.time() - ago, "request": {"host": "notes.localhost"}, "status": status, "duration": 0.01}
    return json.dumps({**fields, "upstream": upstream}) + "\n"


def test_answers_of_the_last_moments_are_counted_by_the_copy_that_gave_them(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_text(line("10.0.0.1:8000", 500))  # before the first look: not ours
    reader = TrafficReader(str(log))
    with log.open("a") as file:
        file.write(line("10.0.0.1:8000", 502) + line("10.0.0.1:8000", 200) + line("10.0.0.2:8000", 404))
        file.write(line("10.0.0.1:8000", 500, ago=3600) + line("10.0.0.1:8000", 0) + line("", 404) + '{"half')
    assert reader.look() == {
        "10.0.0.1:8000": Traffic(requests=2, failed=1),
        "10.0.0.2:8000": Traffic(requests=1, failed=0),
    }


def test_who_was_not_asked_since_the_last_look_is_not_spoken_of_again(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    reader = TrafficReader(str(log))
    log.write_text(line("10.0.0.1:8000", 500))
    assert reader.look() == {"10.0.0.1:8000": Traffic(requests=1, failed=1)}
    assert reader.look() == {}
    with log.open("a") as file:
        file.write(line("10.0.0.1:8000", 200))
    assert reader.look() == {"10.0.0.1:8000": Traffic(requests=2, failed=1)}


def test_without_a_log_of_ours_nothing_is_said() -> None:
    assert TrafficReader("").look() == {}
