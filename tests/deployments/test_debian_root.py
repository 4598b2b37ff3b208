"""Where the base image's packages come from: this machine's own apt sources, old and new style."""

from pathlib import Path

import pytest

from deployments.debian_root import Mirror, host_mirror, mirror_in
from domain.errors import Broken

DEB822 = """# made by somebody
Types: deb
URIs: http://mirror.example/security
Suites: stable-security

Types: deb deb-src
URIs: http://mirror.example/debian
Suites: stable stable-updates
Components: main contrib
"""
OLD = "# deb http://mirror.example/no stable main\ndeb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian stable main\n"


@pytest.mark.parametrize(
    ("text", "mirror"),
    [
        (DEB822, Mirror("http://mirror.example/debian", "stable", ("main", "contrib"))),
        (OLD, Mirror("http://mirror.example/debian", "stable", ("main",))),
        (DEB822.replace("Types: deb deb-src", "Enabled: no\nTypes: deb"), None),
        ("", None),
    ],
)
def test_the_archive_of_this_release_is_found(text: str, mirror: Mirror | None) -> None:
    assert mirror_in(text, "stable") == mirror


def test_a_machine_without_apt_sources_is_told_what_to_set(tmp_path: Path) -> None:
    (tmp_path / "os-release").write_text('VERSION_CODENAME="stable"\n')
    with pytest.raises(Broken, match="SLIPWAY_BASE_IMAGE"):
        host_mirror(tmp_path)
