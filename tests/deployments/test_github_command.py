"""`slipway github webhook`: what GitHub is to be told."""

import json
from pathlib import Path

from deployments.api.hook import hook_secret
from deployments.data_folder import DataFolder
from deployments.terminal import DONE
from tests.deployments.test_keys_command import Bench, bench, slipway  # noqa: F401  (fixtures)


def test_secret_of_the_webhook_is_made_once_and_lies_in_a_private_file(bench: Bench) -> None:  # noqa: F811
    assert bench("github", "webhook", "--json") == DONE
    shown = json.loads(bench.out)
    home = Path(bench.up.home)
    assert shown["secret"] == hook_secret(DataFolder(home))
    assert (home / "github.webhook").stat().st_mode & 0o777 == 0o600
    assert len(shown["secret"]) == 64
    assert shown["url"].startswith("http://api.localhost")
    assert shown["url"].endswith("/github/webhook")
    assert (shown["path"], shown["content_type"]) == ("/github/webhook", "application/json")
    assert bench("github", "webhook") == DONE
    assert f"Secret:        {shown['secret']}\n" in bench.out
