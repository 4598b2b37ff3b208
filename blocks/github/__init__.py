"""GitHub's API and git. `block` is its Prefect block."""
