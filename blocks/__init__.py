"""One Prefect Block per outside service: one method is one exchange, without retries or decisions."""
