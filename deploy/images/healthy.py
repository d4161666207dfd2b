"""Says whether a service answers: `healthy.py URL [COMPONENT]`.

With a component, the answer is Airflow's own account of its health, and that part of it must be healthy.
"""

# ruff: noqa: INP001 - a script, not a package
from __future__ import annotations

import json
import sys
from urllib.request import urlopen


def healthy(url: str, component: str = "") -> str:
    """Return what is wrong; empty when nothing is."""
    try:
        with urlopen(url, timeout=5) as answer:  # noqa: S310 - the address stands in the compose file
            body = answer.read()
    except OSError as error:
        return f"{url} does not answer: {error}"
    status = json.loads(body).get(component, {}).get("status") if component else "healthy"
    return "" if status == "healthy" else f"{component} at {url} is {status!r}, not 'healthy'"


if __name__ == "__main__":
    sys.exit(healthy(*sys.argv[1:]) or 0)
