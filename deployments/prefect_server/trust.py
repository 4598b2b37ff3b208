"""Spare Prefect's clients the reading of certificates where there is no TLS.

Prefect makes a client for nearly every call and reads the whole bundle of authorities into each: 40 ms of work, a third of a
run's own. No setting leaves it out; one that names a file with a single certificate does.
"""

from pathlib import Path

import certifi

END = "-----END CERTIFICATE-----"


def trust(home: Path, api_url: str) -> dict[str, str]:
    """Return the variable for clients of `api_url`, and make the file that it names; nothing for an address with TLS."""
    if not api_url.startswith("http://"):
        return {}
    path = home / "one-certificate.pem"
    if not path.exists():
        bundle = Path(certifi.where()).read_text("utf-8")
        fresh = path.with_suffix(".new")
        fresh.write_text(bundle[bundle.index("-----BEGIN") : bundle.index(END)] + END + "\n")
        fresh.replace(path)
    return {"PREFECT_API_SSL_CERT_FILE": str(path)}
