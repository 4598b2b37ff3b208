"""The path of a CLI agent, walked by a tiny one in a real worker process."""

import asyncio
import time
from collections.abc import Callable, Sequence
from glob import glob
from pathlib import Path

import pytest

from blocks.process_engine.workers import ProcessWorker
from domain.cli_agents import CliAgent
from domain.conversations import Finished, GaveUp
from domain.errors import Broken, ModelKeyRefused, ServiceUnreachable
from domain.outcomes import Handover
from domain.remarks import Remark, Remarks
from domain.roles import CallFacts, Role, RoleLimits, Step
from domain.workers import Command, WorkerSpec
from tasks.cli_agent import converse_by_cli
from tasks.cli_process import CliProcess
from tests.fakes.shell_agent import AGENT, ShellAgent
from tests.tasks.conftest import NOW

FACTS = CallFacts(project="notes", run="r-000001", conversation="r-000001/developer")
GOOD = """hand_in '{"result": {"summary": "done"}}'"""


def lives(process: int) -> bool:
    """Tell whether it runs; one that nobody has reaped yet does not."""
    file = Path(f"/proc/{process}/cmdline")
    return file.exists() and file.read_bytes() != b""


def worker(folder: Path) -> ProcessWorker:
    for name in ("workspace", "home", "tmp"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    spec = WorkerSpec(identity="r-000001-developer", project="notes", run="r-000001", role="developer")
    return ProcessWorker(folder, spec, Path("/usr"), None)


class Talk:
    """Conversations with scripts in one worker; what was told of them."""

    def __init__(self, folder: Path) -> None:
        self.worker = worker(folder)
        self.workspace = Path(self.worker.workspace)
        self.steps: list[tuple[str, ...]] = []

    async def ask(
        self,
        agent: CliAgent,
        key: str = "1",
        follow_up: str | None = None,
        accept: Callable[[Handover], list[str]] | None = None,
        seconds: float = 60.0,
        remarks: Remarks | None = None,
    ) -> Finished[Handover] | GaveUp:
        role = Role[Handover](
            name="developer", system="You are a developer.", model="claude-sonnet-5-5", output=Handover, hand_in="finish",
            tools=("bash",), may_give_up=True, limits=RoleLimits(steps=5, seconds=seconds),
        )  # fmt: skip

        async def tell(step: Step) -> None:
            self.steps.append(step.calls)

        return await converse_by_cli(
            role, "Write hello.", agent=agent, facts=FACTS, worker=self.worker, clock=time.monotonic, key=key,
            follow_up=follow_up, remarks=remarks, accept=accept, on_step=tell,
        )  # fmt: skip

    def read(self, name: str) -> str:
        return (self.workspace / name).read_text()

    async def appears(self, name: str) -> None:
        deadline = time.monotonic() + 20
        while not glob(str(self.workspace / name)):
            assert time.monotonic() < deadline, f"{name} never came"
            await asyncio.sleep(0.02)


@pytest.fixture
def talk(tmp_path: Path) -> Talk:
    return Talk(tmp_path / "worker")


async def test_work_ends_with_the_result_and_each_step_was_told(talk: Talk) -> None:
    end = await talk.ask(AGENT)
    assert end == Finished(value=Handover(summary="written"), steps=1)
    assert (talk.read("hello.txt"), talk.steps) == ("hello\n", [("write",)])
    assert talk.read("asked.txt").startswith("Write hello.")


async def test_later_round_is_told_only_what_is_new(talk: Talk) -> None:
    await talk.ask(AGENT)
    await talk.ask(AGENT, key="2", follow_up="The tests are red.")
    assert talk.read("asked.txt") == "The tests are red."


async def test_lost_worker_means_the_whole_task_and_the_rounds_message(talk: Talk, tmp_path: Path) -> None:
    await talk.ask(AGENT)
    other = Talk(tmp_path / "new")
    await other.ask(AGENT, key="2", follow_up="The tests are red.")
    assert "Write hello." in other.read("asked.txt")
    assert "The tests are red." in other.read("asked.txt")


async def test_ended_round_is_not_begun_again(talk: Talk) -> None:
    await talk.ask(AGENT)
    assert isinstance(await talk.ask(ShellAgent("echo never >never.txt")), Finished)
    assert not (talk.workspace / "never.txt").exists()


async def test_result_that_does_not_fit_is_asked_for_once_more(talk: Talk) -> None:
    agent = ShellAgent(f"""if [ -e once ]; then ask >again.txt; {GOOD}; else ask >once; hand_in '{{"result": {{}}}}'; fi""")
    assert isinstance(await talk.ask(agent), Finished)
    assert "give either `result` or `give_up`" in talk.read("again.txt")


async def test_result_refused_twice_is_stuck(talk: Talk) -> None:
    end = await talk.ask(ShellAgent("echo x >>launches"))
    assert isinstance(end, GaveUp)
    assert (end.reason, talk.read("launches")) == ("stuck", "x\nx\n")


async def test_complaint_of_ours_counts_like_a_wrong_result(talk: Talk) -> None:
    end = await talk.ask(ShellAgent(f"ask >asked; {GOOD}"), accept=lambda _: ["too short"])
    assert isinstance(end, GaveUp)
    assert "too short" in talk.read("asked")


async def test_giving_up_is_an_end_with_its_reason(talk: Talk) -> None:
    end = await talk.ask(ShellAgent("""hand_in '{"give_up": "no key"}'"""))
    assert end == GaveUp(reason="gave up", detail="no key", steps=0)


@pytest.mark.parametrize("reason", ["out of budget", "out of steps", "stuck"])
async def test_typed_failure_of_the_cli_is_the_end(talk: Talk, reason: str) -> None:
    end = await talk.ask(ShellAgent(f"echo 'failed {reason}'; exit 1"))
    assert end == GaveUp.model_validate({"reason": reason, "detail": "scripted", "steps": 0})


async def test_busy_models_are_asked_again_in_the_same_session(talk: Talk) -> None:
    agent = ShellAgent(f"if [ -e once ]; then ask >again; {GOOD}; else ask >once; echo failed busy; exit 1; fi")
    with pytest.raises(ServiceUnreachable):
        await talk.ask(agent)
    assert isinstance(await talk.ask(agent), Finished)
    assert talk.read("again").startswith("You were interrupted.")


async def test_models_may_be_busy_for_longer_than_a_cli_may_die(talk: Talk) -> None:
    agent = ShellAgent(f"echo x >>tries; if [ $(wc -l <tries) -gt 5 ]; then {GOOD}; else echo failed busy; exit 1; fi")
    for _ in range(5):
        with pytest.raises(ServiceUnreachable):
            await talk.ask(agent)
    assert isinstance(await talk.ask(agent), Finished)


async def test_refused_key_of_the_operator_needs_a_person_who_may_be_slow_to_mend_it(talk: Talk) -> None:
    agent = ShellAgent(f"echo x >>tries; if [ $(wc -l <tries) -gt 4 ]; then {GOOD}; else echo failed key; exit 1; fi")
    for _ in range(4):
        with pytest.raises(ModelKeyRefused):
            await talk.ask(agent)
    assert isinstance(await talk.ask(agent), Finished)


async def test_deadline_ends_the_cli_with_all_that_it_started(talk: Talk) -> None:
    end = await talk.ask(ShellAgent("setsid sleep 300 & echo $! >child; sleep 300"), seconds=1.0)
    assert isinstance(end, GaveUp)
    assert end.reason == "out of time"
    assert not lives(int(talk.read("child")))


async def test_process_of_ours_that_dies_finds_the_cli_at_work_and_tells_nothing_twice(talk: Talk) -> None:
    agent = ShellAgent(f"echo x >>launches; did one; while [ ! -e go ]; do sleep 0.05; done; did two; {GOOD}")
    first = asyncio.create_task(talk.ask(agent))
    await talk.appears("../home/.slipway-cli/*/1/told")
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    second = asyncio.create_task(talk.ask(agent))
    (talk.workspace / "go").touch()
    assert isinstance(await second, Finished)
    assert (talk.read("launches"), talk.steps) == ("x\n", [("one",), ("two",)])


async def test_cli_that_was_killed_is_resumed(talk: Talk) -> None:
    agent = ShellAgent(f"if [ -e once ]; then ask >again; {GOOD}; else ask >once; kill -9 $PPID $$; fi")
    assert isinstance(await talk.ask(agent), Finished)
    assert talk.read("again").startswith("You were interrupted.")


async def test_cli_that_always_dies_is_broken(talk: Talk) -> None:
    with pytest.raises(Broken, match="died 3 times"):
        await talk.ask(Silent())


class Silent(ShellAgent):
    """Dies without a word, and hands nothing in."""

    result_file = False

    def __init__(self) -> None:
        super().__init__("kill -9 $$")


class Spoken:
    """Remarks of a person; `later` come once the first were read."""

    def __init__(self, *texts: str, later: tuple[str, ...] = ()) -> None:
        self.texts, self.later = list(texts), later

    async def remarks(self, run: str, after: int = 0) -> Sequence[Remark]:
        told = [
            Remark(run=run, sequence=number, at=NOW, person="local:me", text=text) for number, text in enumerate(self.texts, 1)
        ]
        self.texts, self.later = [*self.texts, *self.later], ()
        return [remark for remark in told if remark.sequence > after]


KEEPING = f"ask >>asked.txt; echo ---- >>asked.txt; {GOOD}"


async def test_what_the_person_says_meanwhile_is_told_in_the_same_session_and_only_once(talk: Talk) -> None:
    spoken = Spoken("in blue", later=("with a title",))
    await talk.ask(ShellAgent(KEEPING), remarks=spoken)
    await talk.ask(ShellAgent(KEEPING), remarks=spoken)
    await talk.ask(ShellAgent(KEEPING), key="2", follow_up="Red.", remarks=spoken)
    first, second, third, end = talk.read("asked.txt").split("----\n")
    assert ("Write hello." in first, "in blue" in first, "with a title" in first) == (True, True, False)
    assert second.startswith("The person whose request this is says now:\n<remark>\nwith a title\n</remark>")
    assert (third, end) == ("Red.", "")


LAID = 'until [ -e "$SLIPWAY_TALK"/said/00000001 ]; do sleep 0.02; done; '


async def test_what_the_person_says_is_told_between_two_steps_where_the_cli_listens(talk: Talk) -> None:
    spoken = Spoken(later=("in blue",))
    await talk.ask(ShellAgent(f"ask >>asked.txt; {LAID} did one; listen; did two; {GOOD}", listens=True), remarks=spoken)
    assert "<remark>\nin blue\n</remark>" in talk.read("heard.txt")
    assert "in blue" not in talk.read("asked.txt")
    await talk.ask(ShellAgent(f"ask >later.txt; {GOOD}", listens=True), key="2", follow_up="Red.", remarks=spoken)
    assert talk.read("later.txt") == "Red."


async def test_remark_that_is_taken_beside_the_last_call_is_told_again(talk: Talk) -> None:
    spoken = Spoken(later=("in blue",))
    script = f"if [ -e asked.txt ]; then ask >again.txt; else ask >asked.txt; {LAID} did one; listen; fi; {GOOD}"
    assert isinstance(await talk.ask(ShellAgent(script, listens=True), remarks=spoken), Finished)
    assert "in blue" in talk.read("again.txt")


async def test_remark_that_a_killed_cli_has_taken_is_told_again(talk: Talk) -> None:
    spoken = Spoken(later=("in blue",))
    heard = f"{LAID} did one; listen; did two"
    script = f"if [ -e once ]; then mv heard.txt lost.txt; {heard}; {GOOD}; else : >once; {heard}; kill -9 $PPID $$; fi"
    assert isinstance(await talk.ask(ShellAgent(script, listens=True), remarks=spoken), Finished)
    assert "in blue" in talk.read("heard.txt")


async def test_process_of_ours_that_dies_tells_no_remark_twice(talk: Talk) -> None:
    spoken = Spoken(later=("in blue",))
    agent = ShellAgent(f"{LAID} did one; listen; did two; until [ -e go ]; do sleep 0.02; done; {GOOD}", listens=True)
    first = asyncio.create_task(talk.ask(agent, remarks=spoken))
    await talk.appears("heard.txt")
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    (talk.workspace / "go").touch()
    assert isinstance(await talk.ask(agent, remarks=spoken), Finished)
    assert talk.read("heard.txt").count("in blue") == 1


async def test_program_that_is_not_there_is_said(talk: Talk) -> None:
    class Missing(Silent):
        def __init__(self) -> None:
            ShellAgent.__init__(self, "exec no-such-program")

    with pytest.raises(Broken, match=r"could not be started: .*no-such-program"):
        await talk.ask(Missing())


async def test_endless_output_without_a_line_is_no_harm(talk: Talk) -> None:
    end = await talk.ask(ShellAgent(f"head -c 3000000 /dev/zero; echo; did it; {GOOD}"))
    assert isinstance(end, Finished)
    assert talk.steps == [("it",)]


async def test_forged_folder_in_the_worker_is_no_launch(talk: Talk) -> None:
    process = CliProcess(talk.worker, "forged")
    forge = 'mkdir -p "$HOME/.slipway-cli/forged/x" && echo k >"$HOME/.slipway-cli/forged/x/key"'
    assert (await talk.worker.run(Command(argv=("sh", "-c", forge)))).ok
    assert await process.launches() == []
    lines = [
        "1 odd 0 0 2.0",
        "0 dead 0 0 2.0",
        "1 dead -7 0 2.0",
        f"1 dead {'9' * 5000} 0 2.0",
        "2 running",
        "",
        "3 ended 7 0 2.0",
    ]
    odd = "\\n".join(lines)
    place = '"$HOME/.slipway-cli/forged/9"'
    forge = f"mkdir -p {place} && cd {place} && : >key && printf '0 0 k\\n{odd}\\n' >told"
    assert (await talk.worker.run(Command(argv=("sh", "-c", forge)))).ok
    assert [(launch.number, launch.state) for launch in await process.launches()] == [(3, "ended"), (9, "dead")]
