"""Permissions at GitHub: the least that an operation needs, in GitHub's words; a token is made for one repository and these.

Source: https://docs.github.com/rest/authentication/permissions-required-for-github-apps
"""

from collections.abc import Mapping
from typing import Literal

Permissions = Mapping[str, Literal["read", "write"]]

METADATA: Permissions = {"metadata": "read"}
CONTENTS: Permissions = {"contents": "write"}
PUSH: Permissions = {"contents": "write", "workflows": "write"}
PULLS: Permissions = {"pull_requests": "write"}
CHECKS: Permissions = {"checks": "write"}
STATUSES: Permissions = {"statuses": "write"}
DEPLOYMENTS: Permissions = {"deployments": "write"}
ADMINISTRATION: Permissions = {"administration": "write"}
SECRETS: Permissions = {"secrets": "write"}
ISSUES: Permissions = {"issues": "write"}
