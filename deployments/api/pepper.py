"""The installation's key of the digests of API keys: a file of its own, outside of the database that holds the digests."""

import secrets

from deployments.data_folder import DataFolder


def pepper_of(folder: DataFolder) -> bytes:
    """Return the key, made when it is first asked for; another one, and no API key opens any more."""
    return bytes.fromhex(folder.kept("api.key", secrets.token_hex(32)))
