"""`slipway secret rotate`: what serves afterwards, with which value, and what a person is told of it."""

import asyncio

import pytest

from deployments.people import person
from deployments.terminal import BAD_INPUT, DONE, FAILED_RUN
from domain.runs import RunState
from tests.deployments.test_cli import CliDesk, slipway  # noqa: F401
from tests.deployments.test_preview_command import put_up
from tests.deployments.test_secret_command import APP, Bench, bench  # noqa: F401


def used_by(bench: Bench, name: str) -> dict[object, list[int]]:  # noqa: F811
    """Return, for each kept version of the secret, the releases that would be started with it."""
    rows = [row for row in bench.rows() if row["name"] == name]
    return {row["version"]: [each["release"] for each in row["used_by"]] for row in rows}  # type: ignore[attr-defined]


def test_a_generated_secret_gets_another_value_and_what_serves_uses_it(bench: Bench) -> None:  # noqa: F811
    bench.release(ROTATED_SECRET=bench.vault.hold(APP, "ROTATED_SECRET", "made-up-before", generated=True))
    assert bench("secret", "rotate", APP, "ROTATED_SECRET") == DONE
    new = bench.vault.held(APP)["ROTATED_SECRET"]
    assert new != "made-up-before"
    assert new not in bench.out + bench.err
    assert used_by(bench, "ROTATED_SECRET") == {1: [1], 2: [2]}
    assert bench("secret", "rotate", APP, "ROTATED_SECRET") == DONE
    assert f"ROTATED_SECRET of {APP}: release 3 serves with version 3" in bench.out
    assert "A rollback to release 2, 1 brings the value of before back with it" in bench.out
    assert f"`slipway secret rm {APP} ROTATED_SECRET --old` gives up both" in bench.out
    assert bench("history", APP) == DONE
    assert f"{person()}  secret ROTATED_SECRET rotated  3" in bench.out


def test_a_persons_secret_is_read_from_standard_input_and_looked_at(bench: Bench) -> None:  # noqa: F811
    bench.release(STRIPE_KEY=bench.vault.hold(APP, "STRIPE_KEY", "sk_live_12345678"))
    assert bench("secret", "rotate", APP, "STRIPE_KEY", stdin="nonsense") == BAD_INPUT
    assert "`unchecked` has it used all the same" in bench.err
    assert bench("secret", "rotate", APP, "STRIPE_KEY", stdin="sk_live_12345678") == BAD_INPUT
    assert "this is the value that STRIPE_KEY" in bench.err
    assert bench("secret", "rotate", APP, "STRIPE_KEY") == BAD_INPUT
    assert used_by(bench, "STRIPE_KEY") == {1: [1]}
    assert bench("secret", "rotate", APP, "STRIPE_KEY", stdin="sk_live_87654321\n") == DONE
    assert bench.vault.held(APP)["STRIPE_KEY"] == "sk_live_87654321"
    assert used_by(bench, "STRIPE_KEY") == {1: [1], 2: [2]}


def test_a_failed_release_leaves_the_old_one_with_its_value_and_says_what_comes_next(bench: Bench) -> None:  # noqa: F811
    bench.release(API_TOKEN=bench.vault.hold(APP, "API_TOKEN", "first-first"))
    bench.commands.prepare = lambda desk: setattr(desk, "ends", RunState.FAILED)
    assert bench("secret", "rotate", APP, "API_TOKEN", stdin="second-second") == FAILED_RUN
    assert used_by(bench, "API_TOKEN") == {1: [1], 2: []}
    assert bench.vault.values[next(iter(bench.vault.values))] == "first-first"
    bench("secret", "rotate", APP, "API_TOKEN", stdin="third-third")
    assert f"release 1 of {APP} goes on with the value of before" in bench.out
    assert (
        f"released next gets the new value of API_TOKEN; `slipway secret set {APP} API_TOKEN` gives it another one" in bench.out
    )


def test_forgetting_drops_what_no_startable_release_needs_and_no_more(bench: Bench) -> None:  # noqa: F811
    bench.vault.hold(APP, "API_TOKEN", "never-used")
    bench.release(API_TOKEN=bench.vault.hold(APP, "API_TOKEN", "first-first"))
    assert bench("secret", "rotate", APP, "API_TOKEN", "--forget", stdin="second-second") == DONE
    assert "1 earlier value(s) that nothing needs are gone" in bench.out
    assert "A rollback to release 1 brings the value of before back" in bench.out
    assert used_by(bench, "API_TOKEN") == {2: [1], 3: [2]}
    assert "never-used" not in bench.vault.values.values()


def test_forgetting_leaves_the_value_of_a_preview_that_is_open(bench: Bench) -> None:  # noqa: F811
    shown = bench.vault.hold(APP, "API_TOKEN", "only-shown")
    bench.vault.hold(APP, "API_TOKEN", "never-used")
    bench.release(API_TOKEN=bench.vault.hold(APP, "API_TOKEN", "first-first"))
    asyncio.run(put_up(bench.commands, API_TOKEN=shown))
    assert bench("secret", "rotate", APP, "API_TOKEN", "--forget", stdin="second-second") == DONE
    assert "1 earlier value(s) that nothing needs are gone" in bench.out
    assert sorted(bench.vault.values.values()) == ["first-first", "only-shown", "second-second"]


def test_a_secret_that_nothing_serves_with_waits_for_the_next_release(bench: Bench) -> None:  # noqa: F811
    bench.vault.hold(APP, "GITHUB_TOKEN", "github_pat_11AAAAAAAAAAAAAAAAAAAA")
    bench.release()
    assert bench("secret", "rotate", APP, "GITHUB_TOKEN", stdin="github_pat_22BBBBBBBBBBBBBBBBBBBB") == DONE
    assert "nothing that serves uses " in bench.out
    assert used_by(bench, "GITHUB_TOKEN") == {1: [], 2: []}


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("NOBODY", "lists what there is"),
        ("DATABASE_URL", "password is not rotated"),
        ("SLIPWAY_POSTGRES_PASSWORD", "password is not rotated"),
    ],
)
def test_what_is_not_ours_to_rotate_is_refused_and_nothing_changes(bench: Bench, key: str, says: str) -> None:  # noqa: F811
    bench.vault.hold(APP, "SLIPWAY_POSTGRES_PASSWORD", "y" * 24, generated=True)
    bench.release(DATABASE_URL=bench.vault.hold(APP, "DATABASE_URL", "postgresql://x:y@z/a", generated=True))
    held = bench.vault.held(APP)
    bench.commands.prepare = with_postgres
    assert bench("secret", "rotate", APP, key, stdin="another-value") == BAD_INPUT
    assert says in bench.err
    assert bench.vault.held(APP) == held


def test_the_address_of_a_persons_own_database_is_theirs_to_rotate(bench: Bench) -> None:  # noqa: F811
    bench.release(DATABASE_URL=bench.vault.hold(APP, "DATABASE_URL", "postgresql://x:y@theirs/a"))
    bench.commands.prepare = with_postgres
    assert bench("secret", "rotate", APP, "DATABASE_URL", stdin="postgresql://x:z@theirs/a") == DONE
    assert bench.vault.held(APP) == {"DATABASE_URL": "postgresql://x:z@theirs/a"}


def with_postgres(desk: CliDesk) -> None:
    desk.blocks.git.app_json = '{"addons": ["postgres"]}'
