"""A CLI agent of a few lines of shell: the smallest adapter there can be, for the path that every CLI goes."""

from domain.capabilities import NpmProgram
from domain.cli_agents import CliEvent, Failed, Launch, Noticed, Prompt, Said


class ShellAgent:
    """Run a script; `ask` in it prints what it was told, `did NAME` reports a tool call, `hand_in JSON` is its result.

    One that `listens` is told remarks between two steps: `listen` takes those that are there into heard.txt.

    It knows its session by a file in HOME, as real ones do.
    """

    name = "shell"
    program: NpmProgram | None = None
    result_file = True

    def __init__(self, script: str, *, listens: bool = False) -> None:
        self._script = script
        self._listens = listens

    def launch(self, prompt: Prompt) -> Launch:
        known = (
            'ask() { if [ -e "$HOME/$SESSION" ]; then cat "$SLIPWAY_TALK/next"; '
            'else : >"$HOME/$SESSION"; cat "$SLIPWAY_TALK/task"; fi; }\n'
            'did() { echo "did $*"; }\n'
            'listen() { for each in "$SLIPWAY_TALK"/said/*; do mv "$each" "$SLIPWAY_TALK/taken/" || continue\n'
            'cat "$SLIPWAY_TALK/taken/${each##*/}" >>heard.txt; echo "noticed ${each##*/}"; done; }\n'
            'hand_in() { printf %s "$1" >"$SLIPWAY_RESULT"; }\n'
        )
        return Launch(argv=("sh", "-c", known + self._script), environment={"SESSION": prompt.session})

    def remark(self, text: str) -> str | None:
        return text if self._listens else None

    def event(self, line: str) -> CliEvent | None:
        word, _, rest = line.partition(" ")
        match word:
            case "did":
                return Said(calls=(rest,))
            case "noticed":
                return Noticed(remark=int(rest))
            case "failed":
                return Failed.model_validate({"reason": rest, "detail": "scripted"})
        return None


AGENT = ShellAgent('ask >asked.txt; did write; echo hello >hello.txt; hand_in \'{"result": {"summary": "written"}}\'')
"""What `tests.fakes.shell_agent:AGENT` as an engine in SLIPWAY_ENGINES means."""

CURIOUS = ShellAgent(
    "ask >asked.txt; cat .git/last-report.md >report.txt; echo x >>rounds.txt; touch forgotten.pyc; "
    'hand_in \'{"result": {"summary": "looked"}}\''
)
"""Keeps what it was told, and what it found, in files."""
