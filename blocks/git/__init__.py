"""Repositories on this machine, and git itself."""
