"""`slipway invite` and `slipway people`: what the operator does and is told."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from blocks.installation import Installation
from deployments.data_folder import DataFolder
from deployments.desk.inviting import link_of
from deployments.terminal import BAD_INPUT, DONE
from domain.invitations import Redeemed, code_in, digest_of
from domain.runs import Origin
from tests.deployments.test_cli import Bench, CliDesk, slipway  # noqa: F401  (a fixture among them)


@pytest.fixture
def bench(slipway: Bench, tmp_path: Path) -> Bench:  # noqa: F811
    """A bench whose bot lets people in by invitation."""

    def prepare(desk: CliDesk) -> None:
        desk.blocks.installation = Installation(home=str(tmp_path), engine="process", model="m", telegram_access="invite")

    slipway.prepare = prepare
    return slipway


async def redeemed(bench: Bench, code: str, person: str, home: Path) -> Redeemed:
    async with bench.session() as (desk, _):
        digest = digest_of(code, DataFolder(home).invitation_key)
        became: Redeemed = await desk.registry.redeem(digest, person, datetime.now(UTC))
        return became


def test_invitation_is_shown_once_and_counts_until_it_is_revoked(bench: Bench, tmp_path: Path) -> None:
    assert bench("invite", "list") == DONE
    assert "`slipway invite` makes one" in bench.out
    assert bench("invite", "--uses", "2", "--expires", "3", "--note", "for the club") == DONE
    code = bench.out.splitlines()[0]
    assert code_in(code) == code
    assert "send it to the bot" in bench.out
    assert "invitation 1 lets 2 people in until 20" in bench.out
    assert bench.err == ""
    assert asyncio.run(redeemed(bench, code, "telegram:1", tmp_path)) is Redeemed.JOINED
    assert bench("invite", "list", "--json") == DONE
    [row] = json.loads(bench.out)["invitations"]
    assert (row["state"], row["used"], row["uses"], row["note"]) == ("open", 1, 2, "for the club")
    assert code not in bench.out
    assert bench("invite", "revoke", "1") == DONE
    assert bench.out == "nobody comes in by invitation 1 any more; 1 came in by it and stay\n"
    assert asyncio.run(redeemed(bench, code, "telegram:2", tmp_path)) is Redeemed.WRONG
    assert bench("invite", "list") == DONE
    assert "revoked" in bench.out
    assert bench("invite", "revoke", "7") == BAD_INPUT
    assert "`slipway invite list`" in bench.err


def test_operator_is_told_when_codes_do_not_count(bench: Bench, tmp_path: Path) -> None:
    def prepare(desk: CliDesk) -> None:
        desk.blocks.installation = Installation(home=str(tmp_path), engine="process", model="m", telegram_access="list")

    bench.prepare = prepare
    assert bench("invite", "--json") == DONE
    assert json.loads(bench.out)["uses"] == 1
    assert "SLIPWAY_TELEGRAM_ACCESS=invite" in bench.err


def test_link_opens_the_bot_with_the_code_where_its_name_is_known() -> None:
    assert link_of("a_bot", "join-1") == "https://t.me/a_bot?start=join-1"
    assert link_of("", "join-1") == ""


def test_access_is_taken_back_and_given_and_what_goes_on_is_told(bench: Bench) -> None:
    async def begun() -> None:
        async with bench.session() as (desk, _):
            desk.ends = None
            await desk.start(await desk.propose("notes", Origin(channel="telegram", person="telegram:1001")))

    assert bench("people", "list") == DONE
    assert "nobody came in" in bench.out
    asyncio.run(begun())
    assert bench("people", "block", "1001") == DONE
    assert "telegram:1001 may not use the bot any more" in bench.out
    assert "`slipway down PROJECT`" in bench.out
    assert "notes" in bench.out
    assert bench("people", "list", "--json") == DONE
    [row] = json.loads(bench.out)["people"]
    assert (row["person"], row["access"], row["projects"]) == ("telegram:1001", "blocked", 1)
    assert bench("people", "allow", "telegram:1001") == DONE
    assert bench("people", "list") == DONE
    assert "allowed" in bench.out
    assert bench("people", "block", "ann") == BAD_INPUT
    assert "numeric Telegram id" in bench.err


def test_limits_of_one_person_are_set_one_by_one_and_given_up(bench: Bench) -> None:
    assert bench("people", "limit", "1001", "--runs", "5", "--usd-day", "2.5") == DONE
    assert bench.out == "telegram:1001: runs 5, usd_day 2.5\n"
    assert bench("people", "limit", "1001", "--usd-day", "0") == DONE
    assert bench.out == "telegram:1001: runs 5, usd_day 0\n"
    assert bench("people", "list") == DONE
    assert "runs 5" in bench.out
    assert bench("people", "limit", "1001", "--usual") == DONE
    assert bench.out == "telegram:1001: as everybody\n"
