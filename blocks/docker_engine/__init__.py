"""The engine of containers. `block` is its Prefect block."""
