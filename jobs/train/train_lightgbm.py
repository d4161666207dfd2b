"""Train LightGBM on a range of sessions: `train_lightgbm.py --first 2023-04-03 --last 2025-03-31`.

Prints the run as one line of JSON, last on standard output; progress goes to standard error.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from datetime import date
from pathlib import Path

from tosho.config import Settings
from tosho.observability.log import log_to_stderr


def main(arguments: list[str] | None = None) -> int:
    """Run one training and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first", type=date.fromisoformat, required=True, help="first session, an ISO date")
    parser.add_argument("--last", type=date.fromisoformat, required=True, help="last session whose data may be used")
    parser.add_argument("--truth", help="folder of a synthetic market, to show the attainable rank IC")
    asked = parser.parse_args(arguments)
    log_to_stderr()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # PID 1 of a container has no handler of its own
    from tosho.steps.training import train  # noqa: PLC0415 - after the signal is handled: the imports take seconds

    result = train(
        Settings.from_environment(), asked.first, asked.last, truth=Path(asked.truth) if asked.truth else None
    )
    sys.stdout.write(json.dumps(result) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
