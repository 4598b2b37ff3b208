"""What people were answered of late by each copy, from Caddy's access log. Nothing is changed."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from blocks.access_log import end_of, read_since
from domain.access import Answered
from domain.watching import TRAFFIC_SECONDS, Traffic, traffic_of


class TrafficReader:
    """Reads the log on from where the last look ended; the first one begins at its end."""

    def __init__(self, log: str) -> None:
        self._log = Path(log) if log else None
        self._place = end_of(self._log) if self._log else None
        self._recent: list[Answered] = []

    def look(self) -> Mapping[str, Traffic]:
        """Return by upstream what the last TRAFFIC_SECONDS held, of those alone who were answered since the last look."""
        if self._log is None or self._place is None:
            return {}
        reading = read_since(self._log, self._place)
        self._place = reading.place
        since = datetime.now(UTC) - timedelta(seconds=TRAFFIC_SECONDS)
        self._recent = [answer for answer in (*self._recent, *reading.answers) if answer.at >= since]
        return traffic_of(self._recent, {answer.upstream for answer in reading.answers})
