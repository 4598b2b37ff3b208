"""One CLI in a worker: started in the background, followed, found again after a kill of ours, and ended with all it started.

Everything of it lies in the worker, below $HOME and outside the workspace: what it was told, what it said, how it ended.
So a process of ours can die at any moment; the next one finds the CLI at work, or what it has said. Uses a worker.
"""

import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Literal, NamedTuple

from domain.cli_agents import Launch, Launched
from domain.errors import Broken
from domain.workers import Command, CommandResult, Worker

POLL_SECONDS = 20
"""How long one look waits for more."""
CHUNK = 256 * 1024
LINE_LIMIT = 8 * 1024 * 1024
"""Bytes of one line; what is longer (a picture that the CLI read) is left out."""
RESULT_LIMIT = 256 * 1024
LAUNCH_LIMIT = 1000

_PLACE = 'd="$HOME/.slipway-cli/$1"\n'

# The lock is held for as long as the CLI's own shell lives, by nothing that the CLI starts: so its death can be seen, and
# nobody else can take its number. The deadline here is for the case that we die.
START = (
    _PLACE
    + r"""
d="$d/$2"; key=$3; seconds=$4; shift 4
mkdir -p "$d/said" "$d/taken" && exec 9>"$d/lock" && flock -n 9 || exit 3
IFS= read -r size && head -c "$size" >"$d/task" && cat >"$d/next" && printf %s "$key" >"$d/key" || exit 4
: >"$d/out"
SLIPWAY_TALK="$d" SLIPWAY_RESULT="$d/result" setsid sh -c '
  timeout -k 5 "$@" >"$0/out" 2>"$0/err" 9>&-
  echo $? >"$0/exit.new"; mv -f "$0/exit.new" "$0/exit"
' "$d" "$seconds" "$@" </dev/null >/dev/null 2>&1 &
"""
)
STATE = r"""
state() { for word in discarded unanswered; do if [ -e "$1/$word" ]; then echo "$word"; return; fi; done
  if [ -e "$1/exit" ]; then echo ended
  elif [ ! -e "$1/lock" ] || flock -n "$1/lock" true; then echo dead; else echo running; fi; }
kept() { cat "$1" 2>/dev/null || echo 0; }
lay() { [ -e "$1/said/$2" ] || [ -e "$1/taken/$2" ] || { base64 -d >"$1/new" && mv "$1/new" "$1/said/$2"; }; }
"""
FIND = (
    _PLACE
    + STATE
    + r"""
for each in "$d"/*/; do each=${each%/}
  [ -e "$each/key" ] || continue
  echo "${each##*/} $(state "$each") $(kept "$each/told") $(kept "$each/heard") $(head -c 80 "$each/key")"
done; exit 0
"""
)
FOLLOW = (
    _PLACE
    + STATE
    + r"""
d="$d/$2"; looks=$(($4 * 4))
[ "$3" -le "$(kept "$d/told")" ] || echo "$3" >"$d/told"
[ "$6" -le "$(kept "$d/heard")" ] || echo "$6" >"$d/heard"
while read -r number text; do echo "$text" | lay "$d" "$number"; done
while [ $looks -gt 0 ] && [ "$(stat -c %s "$d/out" 2>/dev/null || echo 0)" -le "$3" ] && [ "$(state "$d")" = running ]; do
  sleep 0.25; looks=$((looks - 1))
done
state "$d"; tail -c "+$(($3 + 1))" "$d/out" | head -c "$5"
"""
)
END = (
    _PLACE
    + r"""
for file in exit err result; do echo "$file $(head -c "$3" "$d/$2/$file" 2>/dev/null | base64 -w 0)"; done
"""
)
DISCARD = _PLACE + ': >"$d/$2/$3"'
KILL = """
for round in 1 2 3; do
  for process in /proc/[0-9]*; do
    grep -qszxF "SLIPWAY_CLI=$1/$2" $process/environ && kill -s KILL ${process#/proc/}
  done
done 2>/dev/null
exit 0
"""


class End(NamedTuple):
    """How a CLI ended; `code` is None when it was killed before it could say so."""

    code: int | None
    errors: str
    result: str


class News(NamedTuple):
    """Between two looks at a CLI: the last remark that its model has read, and those that it may take now, by number."""

    heard: int
    remarks: Mapping[int, str]


class CliProcess:
    """The launches of one conversation in one worker; `name` is theirs in the worker."""

    def __init__(self, worker: Worker, name: str) -> None:
        self._worker = worker
        self._name = name

    async def launches(self) -> Sequence[Launched]:
        """Return what was begun in this worker, oldest first. What does not read as a launch is left out."""
        ran = await self._shell(FIND, ())
        found = map(_launched, ran.stdout.decode("utf-8", "replace").splitlines()[:LAUNCH_LIMIT])
        return sorted(filter(None, found), key=lambda launch: launch.number)

    async def start(self, number: int, key: str, launch: Launch, task: str, following: str, seconds: float) -> None:
        """Start it; raise Broken when it cannot be. A launch that is there already is left as it is."""
        text = task.encode("utf-8", "replace")
        command = Command(
            argv=("sh", "-c", START, "sh", self._name, str(number), key, f"{seconds:.0f}", *launch.argv),
            stdin=f"{len(text)}\n".encode() + text + following.encode("utf-8", "replace"),
            environment={**launch.environment, "SLIPWAY_CLI": f"{self._name}/{number}"},
            seconds=seconds,  # its CPU time is bounded by this
        )
        ran = await self._worker.run(command)
        if not ran.ok and ran.exit_code != 3:
            raise Broken(f"the CLI could not be started in worker {self._worker.identity}: {ran.text[-400:]}")

    async def lines(
        self, number: int, deadline: float, clock: Callable[[], float], news: Callable[[], Awaitable[News]]
    ) -> AsyncIterator[tuple[int, str]]:
        """Yield (where it ends in the output, line) until the CLI has ended; kill it when the deadline of `clock` is over.

        Before each look at it, what is new by `news` is laid down for it.
        """
        offset, place, rest, state = 0, 0, b"", "running"
        while True:
            left = deadline - clock()
            if left <= 0:
                await self.kill(number)
                return
            wait = max(1, min(POLL_SECONDS, int(left)))
            new = await news()
            laid = "".join(f"{remark:08} {base64.b64encode(text.encode()).decode()}\n" for remark, text in new.remarks.items())
            looking = (str(number), str(offset), str(wait), str(CHUNK), str(new.heard))
            ran = await self._shell(FOLLOW, looking, seconds=wait + 60.0, stdin=laid.encode())
            head, _, chunk = ran.stdout.partition(b"\n")
            state, offset = head.decode("utf-8", "replace"), offset + len(chunk)
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                place += len(line) + 1
                yield place, line.decode("utf-8", "replace")
            if len(rest) > LINE_LIMIT:
                place, rest = place + len(rest), b""
            if state != "running" and not chunk:
                break
        if rest:
            yield offset, rest.decode("utf-8", "replace")

    async def end(self, number: int) -> End:
        ran = await self._shell(END, (str(number), str(RESULT_LIMIT)), output_limit=2 * RESULT_LIMIT)
        pairs = [line.partition(" ") for line in ran.stdout.decode("ascii", "replace").splitlines()]
        texts = {name: base64.b64decode(content or "").decode("utf-8", "replace") for name, _, content in pairs}
        code = texts.get("exit", "").strip()
        return End(int(code) if code.isdecimal() else None, texts.get("err", "")[-2000:], texts.get("result", ""))

    async def discard(self, number: int, state: Literal["discarded", "unanswered"]) -> None:
        """Let the launch be one that came to nothing, by itself or because no model answered."""
        await self._shell(DISCARD, (str(number), state))

    async def kill(self, number: int) -> None:
        """Kill it with all that it started; what is gone is no error."""
        await self._shell(KILL, (str(number),))

    async def _shell(
        self,
        script: str,
        arguments: tuple[str, ...],
        seconds: float = 60.0,
        output_limit: int = 2 * CHUNK,
        stdin: bytes = b"",
    ) -> CommandResult:
        argv = ("sh", "-c", script, "sh", self._name, *arguments)
        return await self._worker.run(Command(argv=argv, seconds=seconds, output_limit=output_limit, stdin=stdin))


def _launched(line: str) -> Launched | None:
    """Return what a line of `FIND` says; None when it is none: the worker can write there what it likes."""
    try:
        number, state, told, heard, key = line.split(" ", 4)
        figures = {"number": int(number), "told": int(told), "heard": int(heard)}
        return Launched.model_validate({**figures, "state": state, "key": key})
    except ValueError:
        return None
