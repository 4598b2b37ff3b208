"""The registry: the durable truth, on SQLite or Postgres. `block` is its Prefect block."""
