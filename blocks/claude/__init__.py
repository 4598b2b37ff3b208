"""Anthropic's Messages API. `block` is its Prefect block."""
