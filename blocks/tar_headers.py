"""Headers of a stranger's tar archive, read so that none of them keeps us busy for ever."""

import io
import re
import tarfile
from typing import cast

READ_ERRORS = (tarfile.TarError, EOFError, ValueError, OverflowError, LookupError, RecursionError)
"""What tarfile raises for a damaged archive, or for a chain of a thousand extra headers."""
EXTENSION_LIMIT = 8 * 1024
"""Bytes of the extra header (pax or GNU) that a long name needs."""
LONG_NUMBER = re.compile(rb"[0-9]{256}")


class Header(tarfile.TarInfo):
    """Refuse what keeps tarfile busy for ever.

    Negative sizes before Python 3.11.14 (CVE-2025-8194); long numbers in pax headers before 3.11.10 (CVE-2024-6232).
    """

    def _block(self, count: int) -> int:
        if count < 0:
            raise tarfile.HeaderError("negative size")
        return int(super()._block(count))  # type: ignore[misc]

    def _proc_pax(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        self._check_extension(archive)
        return super()._proc_pax(archive)  # type: ignore[misc, no-any-return]

    def _proc_gnulong(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        self._check_extension(archive)
        return super()._proc_gnulong(archive)  # type: ignore[misc, no-any-return]

    def _check_extension(self, archive: tarfile.TarFile) -> None:
        if self.size > EXTENSION_LIMIT:
            raise tarfile.HeaderError("an extra header is too long")
        file = cast(io.BytesIO, archive.fileobj)
        place = file.tell()
        if LONG_NUMBER.search(file.read(self.size)):
            raise tarfile.HeaderError("an extra header holds too long a number")
        file.seek(place)
