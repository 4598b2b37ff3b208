"""Git in real Docker workers with the capability `github`: its own repository over TLS, by proxy and gateway, and no other.

What a hostile worker tries for more stands in tests/hostile/test_credentials.py.
"""

from pathlib import Path

import pytest

from domain.workers import Command
from tests.blocks.github_bench import COMMIT, HOST, LOOKS, OTHER, OWN, SECRET, found, shell, world
from tests.deployments.gateway_bench import RUN

pytestmark = pytest.mark.docker


async def test_worker_fetches_and_pushes_its_own_repository_and_the_token_is_nowhere_in_it(tmp_path: Path) -> None:
    async with world(tmp_path) as made:
        worker = await made.worker()
        cloned = await shell(worker, f"git clone -q https://{HOST}/{OWN}.git n && cd n && {COMMIT} && git rev-parse HEAD")
        assert cloned.ok, cloned.text
        # This hook runs in the middle of a push, when git has the credential in its memory already.
        await worker.run(Command(argv=("sh", "-c", "cat >/tmp/look.py"), stdin=LOOKS.encode()))
        await worker.run(Command(argv=("sh", "-c", "cat >/tmp/backwards"), stdin=SECRET[::-1].encode()))
        hook = "printf '#!/bin/sh\\npython3 /tmp/look.py </tmp/backwards >&2\\n' >n/.git/hooks/pre-push"
        assert (await shell(worker, f"{hook} && chmod +x n/.git/hooks/pre-push")).ok
        pushed = await shell(worker, "cd n && git push -q origin HEAD:work")
        assert pushed.ok, pushed.text
        assert "looked at" in pushed.text
        assert "FOUND" not in pushed.text
        assert made.host.head(OWN, "work") == cloned.stdout.decode().split()[-1]
        fetched = await shell(worker, f"git ls-remote https://{HOST}/{OWN} && cat n/.git/config")
        assert "refs/heads/work" in fetched.text
        assert "credential" not in fetched.text
        assert "FOUND" not in await found(worker, SECRET)
        passages = await made.passages()
        assert passages
        assert {each.refused for each in passages} == {""}
        answers = await made.gateway.answers.of_run(RUN)
        assert {(each.asked, each.refused) for each in answers} == {
            (f"https://{HOST}/{OWN}.git", ""),
            (f"https://{HOST}/{OWN}", ""),
        }


async def test_what_looks_for_the_token_would_find_it(tmp_path: Path) -> None:
    async with world(tmp_path) as made:
        worker = await made.worker()
        assert (await shell(worker, f"git -c credential.helper=store clone -q https://{HOST}/{OWN} n")).ok
        await shell(worker, f"A={SECRET} sleep 60 >/dev/null 2>&1 & sh -c 'sleep 60; :' {SECRET} >/dev/null 2>&1 &")
        text = await found(worker, SECRET)
        assert "FOUND /tmp/.git-credentials" in text
        assert "/environ" in text
        assert "/cmdline" in text


async def test_worker_without_the_capability_reaches_neither_the_host_nor_a_credential(tmp_path: Path) -> None:
    async with world(tmp_path) as made:
        await made.worker()
        plain = await made.worker("reviewer", github=False)
        refused = await shell(plain, f"git ls-remote https://{HOST}/{OWN}")
        assert "403" in refused.text
        [passage] = await made.passages()
        assert passage.refused == "this host is not on the allow-list"
        assert made.host.asked == []
        assert "SLIPWAY_GIT" not in (await shell(plain, "env")).text
        asked = await shell(plain, f"printf 'protocol=https\\nhost={HOST}\\npath={OWN}\\n\\n' | git credential fill")
        assert "terminal prompts disabled" in asked.text
        assert await made.gateway.answers.of_run(RUN) == ()


async def test_another_projects_worker_has_its_own_credential_and_not_ours(tmp_path: Path) -> None:
    async with world(tmp_path) as made:
        other = await made.worker(run="r-000002", project="another")
        assert (await shell(other, f"git ls-remote https://{HOST}/{OTHER}")).ok
        refused = await shell(other, f"git ls-remote https://{HOST}/{OWN}")
        assert "slipway: no credential: this is not the project's repository" in refused.text
