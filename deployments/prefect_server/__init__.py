"""What we put into the Prefect server, and how we get in."""
