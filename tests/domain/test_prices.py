import anthropic.types
import pytest

from domain.conversations import Payment
from domain.prices import PRICES, cost, price_of, worst_case
from domain.usage import TokenUsage


@pytest.mark.parametrize(
    ("model", "tokens", "micro_usd"),
    [
        ("claude-sonnet-5-5", TokenUsage(input=1_000_000), 2_000_000),
        ("claude-sonnet-5-5", TokenUsage(output=1_000_000), 10_000_000),
        ("claude-sonnet-5-5", TokenUsage(cache_write=1_000_000), 2_500_000),
        ("claude-sonnet-5-5", TokenUsage(cache_read=1_000_000), 100_000),
        ("claude-opus-5-5", TokenUsage(input=10, output=10, cache_read=100, cache_write=100), 760),
        ("claude-haiku-4-5", TokenUsage(cache_write=1000, cache_read=1000), 1350),
        ("claude-haiku-4-5-20251001", TokenUsage(input=7), 7),
        ("claude-sonnet-5-5", TokenUsage(), 0),
    ],
)
def test_cost_is_the_published_price(model: str, tokens: TokenUsage, micro_usd: int) -> None:
    assert cost(model, tokens) == micro_usd


def test_fractions_of_a_micro_dollar_are_rounded_up() -> None:
    assert cost("claude-haiku-5-5", TokenUsage(input=1)) == 1


def test_long_prompts_of_haiku_cost_five_times_as_much() -> None:
    assert cost("claude-haiku-5-5", TokenUsage(input=100_000)) == 10_000
    assert cost("claude-haiku-5-5", TokenUsage(input=40_000, cache_read=60_001)) == 23_001


def test_unknown_model_costs_as_much_as_the_dearest_and_never_nothing() -> None:
    assert cost("somebody-elses-model", TokenUsage(input=5, output=1)) == 100


def test_worst_case_counts_all_input_as_written_to_the_cache() -> None:
    assert worst_case("claude-sonnet-5-5", 1000, 100) == 2500 + 1000


def test_worst_case_of_an_unknown_model_is_that_of_the_dearest() -> None:
    dearest = max(worst_case(model, 1000, 1000) for model in PRICES)
    assert worst_case("somebody-elses-model", 1000, 1000) == dearest == 62_500


def test_worst_case_is_never_below_the_cost() -> None:
    for model in PRICES:
        for usage in (TokenUsage(input=150_000, output=9), TokenUsage(cache_read=9, output=9), TokenUsage(cache_write=9)):
            assert cost(model, usage) <= worst_case(model, usage.input + usage.cache_read + usage.cache_write, usage.output)


def test_every_priced_model_is_one_that_the_sdk_names() -> None:
    named = str(anthropic.types.ModelParam)
    assert [model for model in PRICES if f"'{model}'" not in named] == []


def test_a_date_at_the_end_names_the_same_price_and_nothing_else_does() -> None:
    assert price_of("claude-opus-4-5-20251101") == price_of("claude-opus-4-5")
    assert price_of("claude-opus-4-5-fast") is None


def test_answer_that_an_earlier_version_stored_without_a_price_is_read() -> None:
    assert Payment.model_validate({"call": "c", "model": "m", "tokens": {}, "micro_usd": None}).micro_usd == 0
