"""The owner's page: the same doors as the HTTP API, for people with a browser."""
