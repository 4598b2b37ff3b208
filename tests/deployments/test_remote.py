"""Each command of the command line, at an installation elsewhere: it prints what it prints on the machine, or says why not."""

import io
import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from deployments.commands.table import app
from deployments.commands.where import LOOKS, SHOWS, SIGNS_IN, STARTS, reason_of
from deployments.terminal import BAD_INPUT, DONE, FAILED_RUN
from tests.deployments.remote_bench import Desk, Said, desk_in

pytestmark = pytest.mark.usefixtures("no_settings")

ALONE = {
    "up": STARTS, "demo": STARTS, "server": STARTS, "runner": STARTS, "bot": STARTS, "api": STARTS, "replay": STARTS,
    "doctor": LOOKS, "page": SIGNS_IN, "github webhook": SHOWS,
}  # fmt: skip
"""Commands for the machine itself alone, and why."""
LOGINS = ("login", "logout")
"""Commands about this user's own keys; test_remote_client has them."""
TOKEN = "123456789:AAF_" + "x" * 31

ELSEWHERE: dict[str, str] = {
    "status": "status {p}",
    "runs": "runs",
    "logs": "logs {p} --follow",
    "open": "open {p}",
    "history": "history {p}",
    "costs": "costs {p}",
    "proof": "proof {p} --json",
    "archive": "archive {p} {folder}/{p}.zip",
    "repository": "repository {p} anna/{p}",
    "domain add": "domain add {p} shop.{p}.localhost",
    "domain list": "domain list {p}",
    "domain rm": "domain rm {p} shop.{p}.localhost",
    "secret set": "secret set {p} WORD < another-word",
    "secret list": "secret list {p}",
    "secret rotate": "secret rotate {p} WORD --forget < a-third-word",
    "secret rm": "secret rm {p} WORD --yes",
    "preview list": "preview list {p}",
    "preview open": "preview open {p}",
    "preview confirm": "preview confirm {p} --no-wait",
    "preview drop": "preview drop {p}",
    "answer": "answer r-{p}000001 guidance use-a-list",
    "tell": "tell r-{p}000001 for-our-team-only",
    "cancel": "cancel r-{p}000001",
    "rollback": "rollback {p} 1",
    "change": "change {p} add-a-search --yes --no-wait",
    "new": "new {p}-again --yes --no-wait --attach {folder}/prices.csv",
    "keys add": "keys add key-of-{p} --scope read",
    "keys list": "keys list",
    "keys revoke": "keys revoke key-of-{p}",
    "bots add": "bots add < " + TOKEN,
    "bots list": "bots list",
    "bots retire": "bots retire @shop_bot",
    "invite": "invite --note {p}",
    "invite list": "invite list",
    "invite revoke": "invite revoke {n}",
    "people block": "people block 1001",
    "people allow": "people allow 1001",
    "people limit": "people limit 1001 --runs 5",
    "people list": "people list",
    "down": "down {p} --yes",
}
"""By command: how it is called here for one project and elsewhere for its twin, in this order; `<` gives standard input."""
ON_ITS_OWN = ("rollback", "down")
"""What needs Prefect on the machine itself: the story has it there, and here it is called elsewhere alone."""
LOCAL = re.compile(r"^(Runs: |http://ui/).*\n?", re.MULTILINE)
"""The machine's own addresses, which nobody elsewhere could open."""
MOMENT = r"(\d{4}-\d\d-\d\d )?\d\d:\d\d(:\d\d)?"
CHANGING = re.compile(rf"r-[0-9a-f]{{10}}|slipway_[\w-]+…?|join-[\w-]+|{MOMENT}|local:\w+|\binvitation \d+\b")


@pytest.fixture
async def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "user"))
    async with desk_in(tmp_path, "notes", "games") as made:
        (tmp_path / "prices.csv").write_text("tea;3")
        made.api.desk.blocks.accounts.names[TOKEN] = "shop_bot"
        yield made


def commands() -> Iterator[tuple[str, typer.core.TyperCommand]]:
    """Yield all commands with their names; also groups that do something without one of theirs."""

    def walk(command: Any, *names: str) -> Iterator[tuple[str, Any]]:
        inner = getattr(command, "commands", {})
        if names and (not inner or command.invoke_without_command):
            yield " ".join(names), command
        for name, each in inner.items():
            yield from walk(each, *names, name)

    yield from walk(typer.main.get_command(app))


def test_each_command_works_elsewhere_or_has_a_reason_not_to() -> None:
    reasons = {name: reason_of(command.callback) for name, command in commands() if command.callback}
    assert {name: reason for name, reason in reasons.items() if reason} == ALONE
    assert {name for name, reason in reasons.items() if not reason} == {*ELSEWHERE, *LOGINS}


async def test_command_for_the_machine_alone_says_why(desk: Desk) -> None:
    for name, reason in ALONE.items():
        needed = [str(desk.folder)] if name == "replay" else []
        told = await desk.elsewhere(*name.split(), *needed)
        assert (told.code, told.out) == (BAD_INPUT, ""), name
        assert told.err.startswith(f"slipway: `slipway {name}` works on the machine itself alone: {reason}."), told.err
        assert told.err.count("\n") == 1


async def test_each_command_says_elsewhere_what_it_says_on_the_machine(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = []
    for name, words in ELSEWHERE.items():
        line, _, typed = words.partition(" < ")

        def call(project: str, invitation: int, line: str = line, typed: str = typed) -> list[str]:
            monkeypatch.setattr("sys.stdin", io.StringIO(typed))
            return line.format(p=project, folder=desk.folder, n=invitation).split()

        there = await desk.elsewhere(*call("notes", 1))
        if there.code != (FAILED_RUN if name == "proof" else DONE):
            failed.append((name, there))
        elif name not in ON_ITS_OWN:
            here = await desk.here(*call("games", 2))
            twins = ("notes", "games") if "{p}" in words else ("", "")
            if same(there, twins[0]) != same(here, twins[1]):
                failed.append((name, there, here))
    assert not failed, "\n".join(map(str, failed))


def same(said: Said, project: str) -> tuple[int, list[str]]:
    """Return what is said without what differs from call to call."""
    texts = (text.replace(project, "PROJECT") if project else text for text in (said.out, said.err))
    return said.code, [CHANGING.sub("…", LOCAL.sub("", text)).strip() for text in texts]


READS = {
    "status notes": ("", "/v1/projects/notes"),
    "costs notes": ("", "/v1/projects/notes/costs"),
    "proof notes": ("", "/v1/projects/notes/proof"),
    "repository notes": ("", "/v1/projects/notes/repository"),
    "status": ("projects", "/v1/projects"),
    "runs": ("runs", "/v1/runs?whole=true"),
    "history notes": ("history", "/v1/projects/notes/history?limit=100"),
    "secret list notes": ("secrets", "/v1/projects/notes/secrets"),
    "domain list notes": ("domains", "/v1/projects/notes/domains"),
    "preview list notes": ("previews", "/v1/projects/notes/previews"),
    "keys list": ("keys", "/v1/keys"),
    "bots list": ("bots", "/v1/bots"),
    "invite list": ("invitations", "/v1/invitations"),
    "people list": ("people", "/v1/people"),
}
"""What can be read as JSON: by command the list in its document, if it prints one, and where the API answers the same."""


async def test_the_api_answers_with_the_documents_of_the_command_line(desk: Desk) -> None:
    await desk.api.registry.add_bot("123456789", "shop_bot", desk.api.now)
    for words in ("invite", "people allow 1001"):
        assert (await desk.here(*words.split())).code == DONE
    [operator] = [key for name, key in desk.api.keys.items() if "operator" in name]
    for words, (listed, path) in READS.items():
        printed = json.loads((await desk.here(*words.split(), "--json")).out)
        answered = (await desk.api.get(path, operator)).json()
        same_here, same_there = printed[listed] if listed else printed, answered
        if isinstance(answered, dict):
            same_there = answered.get("items", answered)
        assert same_here, words
        assert unlinked(same_there) == unlinked(same_here), words
    asked = json.loads((await desk.here("answer", "r-notes000001", "--json")).out)
    assert (await desk.api.get("/v1/runs/r-notes000001/escalations", operator)).json() == [asked]


def unlinked(document: Any) -> Any:
    """Return it without the address in Prefect's UI, which is told on the machine alone, and a key's last use."""
    if isinstance(document, list):
        return [unlinked(each) for each in document]
    if isinstance(document, dict):
        return {name: unlinked(each) for name, each in document.items() if name not in ("flow_run", "used")}
    return document
