"""Prices of model calls, in USD per million tokens, which is micro-USD per token.

As published on 2026-11-10 at https://platform.claude.com/docs/en/about-claude/pricing (five-minute cache writes). The page
for Fable 5.2 was read at second hand. Cache reads cost less than a tenth of the input price on the newest models, so every
rate is written out. A model that is not in the table is taken to be as dear as the dearest known: what is not known must
not count as nothing.
"""

import re
from decimal import ROUND_CEILING, Decimal

from domain.usage import TokenUsage
from domain.values import Value


class Price(Value):
    """Rates of one model."""

    input: Decimal
    output: Decimal
    cache_write: Decimal
    cache_read: Decimal
    long_prompt_factor: int = 1
    """All rates are multiplied by it when the prompt is longer than LONG_PROMPT tokens, cached ones included."""


LONG_PROMPT = 100_000


def _price(input: str, output: str, cache_write: str, cache_read: str, long_prompt_factor: int = 1) -> Price:
    return Price(
        input=Decimal(input),
        output=Decimal(output),
        cache_write=Decimal(cache_write),
        cache_read=Decimal(cache_read),
        long_prompt_factor=long_prompt_factor,
    )


PRICES: dict[str, Price] = {
    "claude-fable-5-2": _price("8", "40", "10", "0.20"),
    "claude-fable-5-1": _price("10", "50", "12.50", "0.25"),
    "claude-mythos-5-1": _price("10", "50", "12.50", "0.25"),
    "claude-fable-5": _price("10", "50", "12.50", "1"),
    "claude-mythos-5": _price("10", "50", "12.50", "1"),
    "claude-opus-5-5": _price("4", "20", "5", "0.20"),
    "claude-opus-5": _price("5", "25", "6.25", "0.50"),
    "claude-opus-4-8": _price("5", "25", "6.25", "0.50"),
    "claude-opus-4-7": _price("5", "25", "6.25", "0.50"),
    "claude-opus-4-6": _price("5", "25", "6.25", "0.50"),
    "claude-opus-4-5": _price("5", "25", "6.25", "0.50"),
    "claude-sonnet-5-5": _price("2", "10", "2.50", "0.10"),
    "claude-sonnet-5": _price("2", "10", "2.50", "0.20"),
    "claude-sonnet-4-6": _price("3", "15", "3.75", "0.30"),
    "claude-sonnet-4-5": _price("3", "15", "3.75", "0.30"),
    "claude-haiku-5-5": _price("0.10", "0.50", "0.125", "0.01", long_prompt_factor=5),
    "claude-haiku-4-5": _price("1", "5", "1.25", "0.10"),
}


def price_of(model: str) -> Price | None:
    """Return the model's rates, also for a dated name like claude-haiku-4-5-20251001; None when it is unknown."""
    return PRICES.get(re.sub(r"-\d{8}$", "", model))


def cost(model: str, tokens: TokenUsage) -> int:
    """Return what the call cost in micro-USD, rounded up; of a model without a price the most that it can have cost."""
    known = price_of(model)
    return _cost(known, tokens) if known else max(_cost(price, tokens) for price in PRICES.values())


def worst_case(model: str, input_tokens: int, max_tokens: int) -> int:
    """Return the most that a call can cost in micro-USD: all input written to the cache, all output used."""
    return cost(model, TokenUsage(cache_write=input_tokens, output=max_tokens))


def _cost(price: Price, tokens: TokenUsage) -> int:
    micro_usd = (
        price.input * tokens.input
        + price.output * tokens.output
        + price.cache_write * tokens.cache_write
        + price.cache_read * tokens.cache_read
    )
    prompt = tokens.input + tokens.cache_write + tokens.cache_read
    factor = price.long_prompt_factor if prompt > LONG_PROMPT else 1
    return int((micro_usd * factor).to_integral_value(ROUND_CEILING))
