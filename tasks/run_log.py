"""Where a step writes what people should be able to read beside its run in the Prefect UI."""

import logging

from prefect.exceptions import MissingContextError
from prefect.logging import get_run_logger


def run_log(name: str) -> "logging.Logger | logging.LoggerAdapter[logging.Logger]":
    """Return the log of the run that is under way; outside of one, the logger of this name."""
    try:
        return get_run_logger()
    except MissingContextError:
        return logging.getLogger(name)
