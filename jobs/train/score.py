"""Score a session with the model in service: `score.py --session 2025-03-31 [--run-id ID]`.

Prints what was done as one line of JSON, last on standard output; progress goes to standard error.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from datetime import date

from tosho.config import Settings
from tosho.observability.log import log_to_stderr


def main(arguments: list[str] | None = None) -> int:
    """Score one session and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--session", type=date.fromisoformat, required=True, help="an ISO date")
    parser.add_argument("--run-id", default="", help="kept with each row; made of model and session if not given")
    asked = parser.parse_args(arguments)
    log_to_stderr()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # PID 1 of a container has no handler of its own
    from tosho.steps.scoring import score  # noqa: PLC0415 - after the signal is handled: the imports take seconds

    sys.stdout.write(json.dumps(score(Settings.from_environment(), asked.session, asked.run_id)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
