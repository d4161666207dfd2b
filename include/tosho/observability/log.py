"""One way to log: through the standard library, so that Airflow, Spark and containers each add their own handler."""

import logging
import sys


def logger(name: str) -> logging.Logger:
    """Return the logger of a module; pass `__name__`."""
    return logging.getLogger(name)


def log_to_stderr(level: int = logging.INFO) -> None:
    """Send what `tosho` logs to standard error, for command lines and jobs that no framework surrounds."""
    logging.basicConfig(stream=sys.stderr, level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
