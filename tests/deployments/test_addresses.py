"""To which run an address belongs: what is remembered, when the engine is asked again, and how often at the most."""

import asyncio

import pytest

from deployments.egress.addresses import AGAIN_SECONDS, FRESH_SECONDS, Addresses
from domain.egress import proxy_environment, run_in
from domain.errors import EngineUnreachable
from tests.fakes.street import Street

HERE, THERE = "172.20.0.2", "172.20.0.3"


class Clock:
    """Goes on by a hair with each look at it, and by more when it is moved or somebody sleeps by it."""

    now = 100.0

    def __call__(self) -> float:
        self.now += 1e-6
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def street() -> Street:
    made = Street()
    made.runs[HERE] = "r-1"
    return made


@pytest.fixture
def addresses(street: Street, clock: Clock) -> Addresses:
    return Addresses(street, clock, clock.sleep)


async def test_what_the_engine_said_counts_for_a_moment(addresses: Addresses, street: Street, clock: Clock) -> None:
    assert [await addresses.run_at(HERE, "r-1") for _ in range(5)] == ["r-1"] * 5
    assert street.looks == 1
    clock.now += FRESH_SECONDS + 0.01
    street.runs[HERE] = "r-2"
    assert await addresses.run_at(HERE, "r-1") == "r-2"


async def test_an_address_that_is_new_or_has_moved_is_looked_up_at_once(
    addresses: Addresses, street: Street, clock: Clock
) -> None:
    await addresses.run_at(HERE, "r-1")
    street.runs.update({HERE: "r-2", THERE: "r-3"})
    assert await addresses.run_at(THERE, "r-3") == "r-3"
    assert await addresses.run_at(HERE, "r-2") == "r-2"
    assert street.looks == 2


async def test_strangers_are_nobody_after_a_fresh_look_and_do_not_keep_the_engine_busy(
    addresses: Addresses, street: Street, clock: Clock
) -> None:
    await addresses.run_at(HERE, "r-1")
    began = clock.now
    assert [await addresses.run_at(THERE, "r-1") for _ in range(25)] == [""] * 25
    assert [await addresses.run_at(HERE, "r-2") for _ in range(25)] == ["r-1"] * 25
    assert street.looks == 51
    assert clock.now - began >= 50 * AGAIN_SECONDS - 0.001


async def test_a_spare_belongs_to_its_claimer_from_the_claim_on(addresses: Addresses, street: Street) -> None:
    street.spares[THERE] = "c-spare"
    assert await addresses.run_at(THERE, "") == ""
    street.claims["c-spare"] = "r-4"
    assert await addresses.run_at(THERE, "r-4") == "r-4"
    assert street.looks == 1


async def test_many_who_ask_while_the_engine_is_asked_are_one_more_question(addresses: Addresses, street: Street) -> None:
    assert set(await asyncio.gather(*(addresses.run_at(HERE, "r-1") for _ in range(20)))) == {"r-1"}
    assert street.looks == 2


async def test_an_engine_that_does_not_answer_proves_nobody(addresses: Addresses, street: Street) -> None:
    street.reachable = False
    with pytest.raises(EngineUnreachable):
        await addresses.run_at(HERE, "r-1")


def test_run_of_a_build_step_stands_in_its_environment() -> None:
    given = [f"{name}={value}" for name, value in proxy_environment("172.20.0.1", 3128, "r-5", "token").items()]
    assert run_in(["PATH=/bin", *given]) == "r-5"
    assert run_in(["PATH=/bin", "HTTP_PROXY=http://proxy.example:3128"]) == ""
    assert run_in(["HTTP_PROXY=http://[", "NO_PROXY=x"]) == ""
    assert run_in(["HTTP_PROXY=http://R!:x@y"]) == ""
    assert run_in([]) == ""
