"""`slipway secret`: values come in by standard input and never come out; what is deleted is nobody's any more."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import pytest

from deployments.desk.secret_view import age
from deployments.people import person
from deployments.terminal import BAD_INPUT, DONE
from domain.complaints import Complaint
from domain.workers import AppSpec
from tests.deployments.test_cli import Bench as Commands
from tests.deployments.test_cli import CliDesk, serve, slipway  # noqa: F401
from tests.tasks.conftest import NOW

APP = "keep-notes"


class Bench:
    """Commands with something on their standard input, and a history of releases."""

    def __init__(self, commands: Commands, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.commands = commands
        self.vault, self.engine = commands.vault, commands.engine
        self._folder = folder
        self._monkeypatch = monkeypatch
        self("new", "keep notes", "--yes")

    def __call__(self, *words: str, stdin: str = "") -> int:
        (self._folder / "stdin").write_text(stdin)
        with (self._folder / "stdin").open() as opened:
            self._monkeypatch.setattr("sys.stdin", opened)
            return self.commands(*words)

    @property
    def out(self) -> str:
        return self.commands.out

    @property
    def err(self) -> str:
        return self.commands.err

    def rows(self) -> list[dict[str, object]]:
        assert self("secret", "list", APP, "--json") == DONE
        found: list[dict[str, object]] = json.loads(self.out)["secrets"]
        return found

    def release(self, **secrets: str) -> None:
        """Let a release go live with these references; the one before is kept."""

        async def make() -> None:
            async with self.commands.session() as (desk, _):
                await self._live(desk, secrets)

        asyncio.run(make())

    async def _live(self, desk: CliDesk, secrets: dict[str, str]) -> None:
        run = f"r-release{len(await desk.registry.releases(APP))}"
        made = await serve(desk.registry, APP, run, f"sha256:{run}", secrets)
        await self.engine.start(AppSpec(identity=made.identity, project=APP, run=run, candidate=made.candidate))


@pytest.fixture
def bench(slipway: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:  # noqa: F811
    return Bench(slipway, tmp_path, monkeypatch)


def test_value_comes_from_standard_input_and_is_never_shown(bench: Bench) -> None:
    assert bench("secret", "set", APP, "API_TOKEN", stdin="hunter2-hunter2\n") == DONE
    assert bench.vault.held(APP) == {"API_TOKEN": "hunter2-hunter2"}
    said = bench.out + bench.err
    for words in (("secret", "list", APP), ("secret", "list", APP, "--json"), ("status", APP), ("status", APP, "--json")):
        assert bench(*words) == DONE
        assert "API_TOKEN" in bench.out
        said += bench.out + bench.err
    assert "hunter2" not in said


def test_list_says_age_length_maker_users_and_what_is_wrong(bench: Bench) -> None:
    bench.vault.clock = lambda: NOW
    old = bench.vault.hold(APP, "API_TOKEN", "one")
    new = bench.vault.hold(APP, "API_TOKEN", "number two")
    made = bench.vault.hold(APP, "SECRET_KEY", "x" * 64, generated=True)
    asyncio.run(bench.vault.complain(bench.vault.hold(APP, "STRIPE_KEY", "y"), Complaint(kind="refused", what="Stripe key")))
    bench.release(API_TOKEN=old, SECRET_KEY=made)
    bench.release(API_TOKEN=new, SECRET_KEY=made)
    live, kept = {"release": 2, "state": "live"}, {"release": 1, "state": "kept"}
    of = ("name", "version", "newest", "length", "from", "used_by", "problem")
    assert [tuple(row[field] for field in of) for row in bench.rows()] == [
        ("API_TOKEN", 1, False, 3, "person", [kept], None),
        ("API_TOKEN", 2, True, 10, "person", [live], None),
        ("SECRET_KEY", 1, True, 64, "slipway", [live, kept], None),
        ("STRIPE_KEY", 1, True, 1, "person", [], "STRIPE_KEY was refused: it is no valid Stripe key"),
    ]
    assert bench("secret", "list", APP) == DONE
    assert bench.out.splitlines()[1].split()[:2] == ["API_TOKEN", "1"]
    assert "1 (kept)" in bench.out


@pytest.mark.parametrize(
    ("minutes", "said"), [(0, "0 min"), (59, "59 min"), (60, "1 h"), (24 * 60, "1 d"), (90 * 24 * 60, "90 d")]
)
def test_age_is_said_in_one_unit(minutes: int, said: str) -> None:
    assert age(timedelta(minutes=minutes)) == said


def test_value_that_cannot_be_what_its_name_says_is_not_stored_unless_its_person_insists(bench: Bench) -> None:
    words = ("secret", "set", APP, "STRIPE_SECRET_KEY")
    assert bench(*words, stdin="pk_live_12345678") == BAD_INPUT
    assert "STRIPE_SECRET_KEY is no Stripe secret key: those look like sk_live_…; nothing was stored" in bench.err
    assert "pk_live" not in bench.err
    assert bench.vault.values == {}
    assert bench(*words, "--unchecked", stdin="pk_live_12345678") == DONE
    assert bench.vault.held(APP) == {"STRIPE_SECRET_KEY": "pk_live_12345678"}


def test_value_that_was_refused_before_is_told_to_be_the_same(bench: Bench) -> None:
    asyncio.run(bench.vault.complain(bench.vault.hold(APP, "API_TOKEN", "one"), Complaint(kind="refused", what="key")))
    assert bench("secret", "set", APP, "API_TOKEN", stdin="one") == BAD_INPUT
    assert "this is the same value" in bench.err
    assert bench("secret", "set", APP, "API_TOKEN", stdin="two") == DONE


def test_new_value_of_a_secret_in_use_says_who_goes_on_with_the_old_one(bench: Bench) -> None:
    bench.release(API_TOKEN=bench.vault.hold(APP, "API_TOKEN", "one"))
    assert bench("secret", "set", APP, "API_TOKEN", stdin="one") == DONE
    assert "goes on" not in bench.out
    assert bench("secret", "set", APP, "API_TOKEN", stdin="two") == DONE
    assert "release 1 goes on with the value of before" in bench.out


def test_unused_secret_is_deleted_at_once(bench: Bench) -> None:
    bench.vault.hold(APP, "API_TOKEN", "one")
    assert bench("secret", "rm", APP, "API_TOKEN") == DONE
    assert bench.vault.values == {}
    assert bench("secret", "rm", APP, "API_TOKEN") == BAD_INPUT
    assert "has no secret 'API_TOKEN'" in bench.err


def test_secret_of_the_release_that_serves_is_not_deleted(bench: Bench) -> None:
    bench.release(API_TOKEN=bench.vault.hold(APP, "API_TOKEN", "one"))
    assert bench("secret", "rm", APP, "API_TOKEN", "--yes") == BAD_INPUT
    assert "release 1 of keep-notes is live with it" in bench.err
    assert bench.vault.held(APP) == {"API_TOKEN": "one"}


def test_secret_of_a_kept_release_is_deleted_with_that_release_when_it_is_said_so(bench: Bench) -> None:
    bench.release(API_TOKEN=bench.vault.hold(APP, "API_TOKEN", "one"))
    bench.release()
    assert bench("secret", "rm", APP, "API_TOKEN") == BAD_INPUT
    assert "release 1 of keep-notes needs it and nobody can be asked here: add --yes" in bench.err
    assert bench("secret", "rm", APP, "API_TOKEN", "--yes") == DONE
    assert "API_TOKEN of keep-notes is gone; keep-notes cannot go back to release 1 any more" in bench.out
    assert bench.vault.values == {}
    assert set(bench.engine.live_apps) == {f"{APP}-v2"}
    assert bench("history", APP) == DONE
    assert "a value of secret API_TOKEN forgotten" in bench.out


def test_only_earlier_values_are_deleted_when_that_is_asked_for(bench: Bench) -> None:
    bench.release(API_TOKEN=bench.vault.hold(APP, "API_TOKEN", "one"))
    assert bench("secret", "rm", APP, "API_TOKEN", "--old") == BAD_INPUT
    assert "keeps no earlier value" in bench.err
    bench.release(API_TOKEN=bench.vault.hold(APP, "API_TOKEN", "two"))
    assert bench("secret", "rm", APP, "API_TOKEN", "--old", "--yes") == DONE
    assert "earlier values of API_TOKEN of keep-notes are gone" in bench.out
    assert list(bench.vault.values.values()) == ["two"]


def test_the_history_tells_who_stored_which_version(bench: Bench) -> None:
    assert bench("secret", "set", APP, "API_TOKEN", stdin="t0ken-t0ken") == DONE
    assert bench("secret", "set", APP, "API_TOKEN", stdin="t0ken-t0ken") == DONE
    assert bench("secret", "set", APP, "API_TOKEN", stdin="t0ken-other") == DONE
    assert bench("history", APP, "--json") == DONE
    told = [(line["what"], line["version"], line["actor"]) for line in json.loads(bench.out)["history"]]
    assert told[-2:] == [("secret API_TOKEN stored", number, person()) for number in (1, 2)]
    assert bench("history", APP) == DONE
    head, *rows = bench.out.splitlines()
    assert head.split() == ["when", "who", "what", "version", "why"]
    assert f"{person()}  secret API_TOKEN stored  2" in rows[-1]
