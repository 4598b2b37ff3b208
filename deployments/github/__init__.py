"""GitHub's webhooks, answered: pushes, issues, comments."""
