"""The key with which an installation signs its proofs: Ed25519 (RFC 8032), one small private file in the data folder."""

import asyncio
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from blocks.private_files import write_private

FILE = "proof.key"


class ProofKey:
    """The key of the installation in `home`. It is made when it is first asked for, and never leaves its file but to sign."""

    def __init__(self, home: Path) -> None:
        self._file = home / FILE

    async def public(self) -> str:
        """Return the public half in hex."""
        return await asyncio.to_thread(lambda: self._private().public_key().public_bytes_raw().hex())

    async def known(self) -> str:
        """Return the public half in hex; empty when there is no key yet."""
        return await self.public() if await asyncio.to_thread(self._file.exists) else ""

    async def sign(self, message: bytes) -> str:
        """Return the signature in hex."""
        return await asyncio.to_thread(lambda: self._private().sign(message).hex())

    def _private(self) -> Ed25519PrivateKey:
        if not self._file.exists():
            self._make()
        return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(self._file.read_text("ascii")))

    def _make(self) -> None:
        """Write a new key in one step: of two processes that make one at once, the first one's counts for both."""
        write_private(self._file, Ed25519PrivateKey.generate().private_bytes_raw().hex(), once=True)


def holds(message: bytes, signature: str, public: str) -> bool:
    """Tell whether the signature is that of the message by the key, both in hex; what is no hex is none."""
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(bytes.fromhex(signature), message)
    except (InvalidSignature, ValueError):
        return False
    return True
