"""To credentials and repositories that are another's, by a worker that may use its own repository at GitHub."""

import asyncio
from collections.abc import Callable, Iterator

import pytest

from domain.egress import run_token
from domain.workers import Command, Worker
from tests.blocks.github_bench import HOST, OTHER, OTHERS, OWN, SECRET, World, lasting, shell
from tests.deployments.gateway_bench import KEY, RUN, token

pytestmark = pytest.mark.docker
Held = Callable[[str], None]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with lasting(tmp_path_factory.mktemp("github")) as made:
        yield made


@pytest.fixture(scope="module")
def agent(made: World) -> Worker:
    return asyncio.run(made.worker())


ADDRESSES = {
    "another repository": f"https://{HOST}/{OTHER}.git",
    "a path with two dots": f"https://{HOST}/{OWN}/../other",
    "a path with escaped dots": f"https://{HOST}/{OWN}/%2e%2e/other",
    "an escaped slash": f"https://{HOST}/anna%2Fother",
    "another case": f"https://{HOST}/Anna/notes",
    "a doubled slash": f"https://{HOST}/anna//notes",
    "a suffix twice": f"https://{HOST}/{OWN}.git.git",
    "a path below": f"https://{HOST}/{OWN}/x",
    "a user in the address": f"https://bob@{HOST}/{OWN}",
    "a user and a password": f"https://bob:x@{HOST}/{OWN}",
    "the own repository as a user": f"https://{HOST}%2F{OWN}@{HOST}/{OTHER}",
    "another port": f"https://{HOST}:8443/{OWN}",
    "another host": f"https://evil.slipway-test.example/{OWN}",
    "a host that ends alike": f"https://evil{HOST}/{OWN}",
    "plain http": f"http://{HOST}/{OWN}",
    "the host in capitals": f"https://{HOST.upper()}/{OWN}",
    "the host with a dot at its end": f"https://{HOST}./{OWN}",
}


@pytest.mark.parametrize("address", ADDRESSES.values(), ids=ADDRESSES.keys())
async def test_git_with(made: World, agent: Worker, held: Held, address: str) -> None:
    made.host.asked.clear()
    ran = await shell(agent, f"git -c http.followRedirects=true ls-remote '{address}'")
    assert not ran.ok
    assert not ran.timed_out
    assert SECRET not in ran.text
    assert not [asked for asked in made.host.asked if asked[0] == 200]
    held(ran.text.strip().splitlines()[0])


@pytest.mark.parametrize(
    "target",
    [f"https://{HOST}/{OTHER}", f"https://evil.slipway-test.example/{OWN}"],
    ids=["another repository", "another host"],
)
async def test_own_repository_that_redirects_to(made: World, agent: Worker, held: Held, target: str) -> None:
    made.host.moved[OWN] = target
    try:
        ran = await shell(agent, f"git -c http.followRedirects=true ls-remote https://{HOST}/{OWN}")
    finally:
        made.host.moved.clear()
    assert not ran.ok
    assert OTHERS not in ran.text
    held(ran.text.strip().splitlines()[0])


FILLS = {
    "a line break in the host": f"protocol=https\nhost={HOST}\nhost=evil.example\npath={OWN}\n",
    "a line break in the path": f"protocol=https\nhost={HOST}\npath={OTHER}\npath={OWN}\n",
    "a whole address besides": f"url=https://evil.example/\nprotocol=https\nhost={HOST}\npath={OWN}\n",
    "no path": f"protocol=https\nhost={HOST}\n",
    "no host": f"protocol=https\npath={OWN}\n",
    "another host": f"protocol=https\nhost=evil.example\npath={OWN}\n",
    "another repository": f"protocol=https\nhost={HOST}\npath={OTHER}\n",
    "a carriage return": f"protocol=https\r\nhost={HOST}\r\npath={OWN}\r\n",
    "a zero byte": f"protocol=https\nhost={HOST}\0\npath={OWN}\n",
}
HELPER = "/usr/local/bin/git-credential-slipway get"


@pytest.mark.parametrize("question", FILLS.values(), ids=FILLS.keys())
async def test_helper_asked_with(agent: Worker, held: Held, question: str) -> None:
    ran = await agent.run(Command(argv=("sh", "-c", HELPER), stdin=f"{question}\n".encode(), seconds=30))
    assert ran.ok
    assert ran.stdout == b""
    held(ran.stderr.decode().strip())


TOKENS: dict[str, Callable[[World], str]] = {
    "none": lambda made: "",
    "that is for models": lambda made: token(),
    "of the egress proxy": lambda made: run_token(made.engine.egress_key.get_secret_value(), RUN, github=True),  # type: ignore[union-attr]
    "of another installation": lambda made: token(key=f"not {KEY}", use="repository"),
    "of a run that is not there": lambda made: token("r-999999", use="repository"),
    "that is too old": lambda made: token(seconds=-1, use="repository"),
    "of another run": lambda made: token("r-000002", use="repository"),
}


@pytest.mark.parametrize("whose", TOKENS)
async def test_helper_with_a_token(made: World, agent: Worker, held: Held, whose: str) -> None:
    question = f"protocol=https\nhost={HOST}\npath={OWN}\n\n"
    given = {"SLIPWAY_GIT_TOKEN": TOKENS[whose](made)}
    ran = await agent.run(Command(argv=("sh", "-c", HELPER), stdin=question.encode(), environment=given, seconds=30))
    assert ran.stdout == b""
    held(ran.stderr.decode().strip() or "the helper does not ask without one")


async def test_way_to_the_host_by_a_worker_without_the_capability(made: World, held: Held) -> None:
    plain = await made.worker("reviewer", github=False)
    ran = await shell(plain, f"git ls-remote https://{HOST}/{OWN}")
    assert "403" in ran.text
    held((await made.passages())[-1].refused)


async def test_settings_of_the_workers_git(agent: Worker, held: Held) -> None:
    ran = await shell(agent, "git config --system credential.helper store; echo x >>/usr/local/bin/git-credential-slipway")
    assert not ran.ok
    assert "slipway" in (await shell(agent, "git config --system credential.helper")).text
    held("the root is read-only, and not the worker's")


@pytest.mark.limit
async def test_own_credential_by_asking_as_git_does(agent: Worker, held: Held) -> None:
    line = f"printf 'protocol=https\\nhost={HOST}\\npath={OWN}\\n\\n' | git credential fill"
    assert f"password={SECRET}" in (await shell(agent, line)).text
    held("it opens the project's own repository alone, when its person has limited it so")
