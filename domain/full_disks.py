"""By what a full disk is known: the error of a call, and the words of a program that met one."""

from errno import EDQUOT, ENOSPC

FULL = ("No space left on device", "Disk quota exceeded")
"""ENOSPC and EDQUOT as the C library words them."""


def is_disk_full(error: BaseException) -> bool:
    """Tell whether the operating system refused a write because the disk, or this user's share of it, is full."""
    return isinstance(error, OSError) and error.errno in (ENOSPC, EDQUOT)
