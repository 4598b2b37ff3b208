"""Children: ready or told why not, restarted when they die, given up when they die too often, gone when stopped."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from deployments.data_folder import DataFolder
from deployments.settings import load_settings
from deployments.supervision.children import Child, Service, ServiceFailed, end_all
from deployments.supervision.processes import identified, is_alive
from deployments.supervision.services import first_services, last_services
from deployments.wiring import Wiring


def service(code: str, ready: Callable[[], Awaitable[bool]], **more: float) -> Service:
    return Service(name="sample", argv=(sys.executable, "-c", code), environment=dict(os.environ), ready=ready, **more)  # type: ignore[arg-type]


def marked(mark: Path) -> Callable[[], Awaitable[bool]]:
    async def ready() -> bool:
        return os.path.exists(mark)  # noqa: ASYNC240  (a local file)

    return ready


async def never() -> bool:
    return False


async def at_once() -> bool:
    return True


async def seen(what: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not what():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def test_child_that_dies_is_started_again_and_said_so(tmp_path: Path) -> None:
    told: list[str] = []
    mark = tmp_path / "mark"
    code = f"import pathlib, time; pathlib.Path({str(mark)!r}).touch(); time.sleep(600)"
    child = Child(service(code, marked(mark)), tmp_path / "log", told.append)
    await child.start()
    first = child.pid
    watching = asyncio.create_task(child.supervise())
    os.kill(first, signal.SIGKILL)
    await seen(lambda: child.pid != first)
    assert told == [f"sample ended by signal SIGKILL; starting it again (log: {tmp_path / 'log'})"]
    await child.stop()
    await watching
    assert identified(child.pid) is None


async def test_child_that_keeps_dying_is_started_again_and_again_with_longer_rests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rests, told = list[float](), list[str]()

    async def rest(seconds: float) -> None:
        rests.append(seconds)
        if len(rests) == 8:
            child._ending = True

    child = Child(service("import sys; sys.exit('no configuration')", at_once), tmp_path / "log", told.append)
    await child.start()
    monkeypatch.setattr("deployments.supervision.children.asyncio.sleep", rest)
    await child.supervise()
    assert rests == pytest.approx([0.1, 0.4, 1.6, 6.4, 25.6, 30, 30, 30])
    assert len(told) == 8
    assert child._rest(time.monotonic() + 3600) == pytest.approx(0.1)


async def test_child_for_which_there_is_no_process_to_be_had_now_is_started_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    child = Child(service("import time; time.sleep(600)", at_once), tmp_path / "log", told.append)
    await child.start()
    first, spawn, refused = child.pid, asyncio.create_subprocess_exec, iter([OSError(24, "Too many open files")])

    async def refuse_once(*words: str, **more: object) -> asyncio.subprocess.Process:
        for error in refused:
            raise error
        return await spawn(*words, **more)  # type: ignore[arg-type]

    monkeypatch.setattr("deployments.supervision.children.asyncio.create_subprocess_exec", refuse_once)
    watching = asyncio.create_task(child.supervise())
    os.kill(first, signal.SIGKILL)
    await seen(lambda: identified(child.pid) is not None and child.pid != first)
    assert [line.partition(";")[0] for line in told] == [
        "sample ended by signal SIGKILL",
        "sample could not be started ([Errno 24] Too many open files)",
    ]
    await child.stop()
    await watching


async def test_child_that_ends_before_it_is_ready_is_an_error_with_its_last_words(tmp_path: Path) -> None:
    child = Child(service("import sys; sys.exit('port taken')", never), tmp_path / "log", print)
    with pytest.raises(ServiceFailed, match=r"sample ended with exit code 1 before it was ready(.|\n)*port taken"):
        await child.start()


async def test_child_that_is_never_ready_is_ended_at_its_deadline(tmp_path: Path) -> None:
    child = Child(service("import time; time.sleep(600)", never, seconds=0.2), tmp_path / "log", print)
    with pytest.raises(ServiceFailed, match="was not ready after 0 seconds"):
        await child.start()
    assert identified(child.pid) is None


async def test_child_deaf_to_sigterm_is_killed_with_its_group(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    code = (
        "import pathlib, signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); "
        f"pathlib.Path({str(mark)!r}).write_text(str(p.pid)); time.sleep(600)"
    )
    child = Child(service(code, marked(mark), patience=0.4), tmp_path / "log", print)
    await child.start()
    await seen(mark.read_text)
    grandchild = identified(int(mark.read_text()))
    assert grandchild is not None
    await child.stop()
    assert identified(child.pid) is None
    await seen(lambda: not is_alive(grandchild))


async def test_who_works_on_projects_is_gone_before_the_apps_are_paused_and_services_go_last(tmp_path: Path) -> None:
    sleeps, seen_alive = "import time; time.sleep(600)", dict[str, bool]()
    kinds = {"prefect": False, "runner": True, "bot": True}
    children = [
        Child(Service(name=name, argv=(sys.executable, "-c", sleeps), environment=dict(os.environ), ready=at_once, acts=acts),
              tmp_path / name, print)
        for name, acts in kinds.items()
    ]  # fmt: skip
    for child in children:
        await child.start()

    async def pause() -> None:
        seen_alive.update({child.service.name: identified(child.pid) is not None for child in children})

    await end_all(children, pause)

    assert seen_alive == {"prefect": True, "runner": False, "bot": False}
    assert [identified(child.pid) for child in children] == [None] * 3


def test_runner_and_bot_are_known_to_act_and_no_other(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    folder.prepare()
    wiring = Wiring(
        settings=load_settings(home=tmp_path), folder=folder, engine="process", http_port=1, prefect_port=2, replay_port=0,
        egress_port=0, gateway_port=3,
    )  # fmt: skip
    services = (*first_services(wiring), *last_services(wiring, bot=True))
    assert {service.name for service in services if service.acts} == {"runner", "bot"}


def test_gateway_knows_the_vault_and_the_github_host_and_the_proxy_the_host_alone(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    folder.prepare()
    settings = load_settings(home=tmp_path, github_url="https://git.example.org")
    wiring = Wiring(
        settings=settings, folder=folder, engine="docker", http_port=1, prefect_port=2, replay_port=0,
        egress_port=3, gateway_port=4,
    )  # fmt: skip
    given = {service.name: service.environment for service in first_services(wiring)}
    for name in ("gateway", "egress"):
        assert given[name]["SLIPWAY_GITHUB_URL"] == "https://git.example.org"
    assert given["gateway"]["PREFECT_API_URL"] == "http://127.0.0.1:2/api"
    assert "PREFECT_API_URL" not in given["egress"]


async def test_killed_supervisor_takes_its_children_with_it(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    code = (
        "import asyncio, pathlib, sys\n"
        "from tests.deployments.test_supervisor import Child, at_once, service\n"
        "async def main():\n"
        f"    child = Child(service('import time; time.sleep(600)', at_once), pathlib.Path({str(tmp_path / 'log')!r}), print)\n"
        "    await child.start()\n"
        f"    pathlib.Path({str(mark)!r}).write_text(str(child.pid))\n"
        "    await child.supervise()\n"
        "asyncio.run(main())\n"
    )
    supervisor = subprocess.Popen([sys.executable, "-c", code])  # noqa: ASYNC220  (it is to be killed, not awaited)
    await seen(lambda: mark.exists() and mark.read_text())
    child = identified(int(mark.read_text()))
    assert child is not None
    supervisor.kill()
    supervisor.wait()
    await seen(lambda: not is_alive(child))
