"""What the person says while a CLI works: told between two steps where the CLI can be told so, else when a turn has ended.

Launches' keys end in the number of the last remark that the turn began with, and a launch keeps the last one that its model has
read meanwhile. Both lie in the worker, with the session that holds the words: whoever comes next tells what is missing.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from domain.cli_agents import CliAgent, CliEvent, Launched, Noticed, Said, last_told
from domain.remarks import Remarks, as_told
from tasks.cli_process import News
from tasks.remarks import remarks_since


class Told(NamedTuple):
    """Remarks of the person that a launch tells, and the number of the last one that was told by then."""

    last: int
    texts: tuple[str, ...]

    def after(self, follow_up: str | None) -> str | None:
        return "\n\n".join([*([follow_up] if follow_up else []), *map(as_told, self.texts)]) or None


async def told(launches: Sequence[Launched], key: str, after: int | None, run: str, remarks: Remarks | None) -> Told:
    """Return what the turn after remark `after` of the round `key` tells; None: the round's first turn.

    A turn that was begun by a process before us tells what it told then.
    """
    begun = sorted(last_told(launch.key) for launch in launches if launch.key.startswith(f"{key}."))
    since = known(launch for launch in launches if not launch.key.startswith(f"{key}.")) if after is None else after
    most = next((number for number in begun if after is None or number > after), None)
    new = await remarks_since(run, since, remarks) if remarks else ()
    fresh = [remark for remark in new if most is None or remark.sequence <= most]
    return Told(max([since, *(remark.sequence for remark in fresh)]), tuple(remark.text for remark in fresh))


def known(launches: Iterable[Launched]) -> int:
    """Return the number of the last remark that these have told. What one has read that then died may be lost with it."""
    found = ((last_told(launch.key), launch.heard if launch.state == "ended" else 0) for launch in launches)
    return max((number for pair in found for number in pair), default=0)


class Asides:
    """Remarks that a launch is told while it works, from the one after `since` on."""

    def __init__(self, agent: CliAgent, run: str, remarks: Remarks | None, since: int) -> None:
        self._agent = agent
        self._run = run
        self._remarks = remarks
        self._laid = since
        self._heard = 0
        self._noticed, self._speaking = 0, ""

    async def news(self) -> News:
        """Return what is new since it was asked last."""
        if self._remarks is None or self._agent.remark("") is None:
            return News(self._heard, {})
        new = await remarks_since(self._run, self._laid, self._remarks)
        self._laid = max([self._laid, *(remark.sequence for remark in new)])
        texts = {remark.sequence: self._agent.remark(as_told(remark.text)) for remark in new}
        return News(self._heard, {number: text for number, text in texts.items() if text is not None})

    def see(self, event: CliEvent | None) -> None:
        """Count a remark as read when the model has answered after it was taken: one taken beside the last call never is."""
        match event:
            case Noticed():
                self._noticed = max(self._noticed, event.remark)
            case Said() if not event.message or event.message != self._speaking:
                self._heard, self._speaking = self._noticed, event.message
