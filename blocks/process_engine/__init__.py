"""The engine of plain processes. `block` is its Prefect block."""
