"""Score a session with the model in service: `score.py --session 2025-03-31 [--run-id ID] [--model linear]`.

Prints what was done as one line of JSON, last on standard output; progress goes to standard error. A failure is one
sentence there, and exit status 3 where another try gives the same, 1 where it may not.
"""

from __future__ import annotations

import argparse
import sys
from datetime import date

import job

from tosho.config import Settings
from tosho.models.kinds import KINDS


def main(arguments: list[str] | None = None) -> int:
    """Score one session and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--session", type=date.fromisoformat, required=True, help="an ISO date")
    parser.add_argument("--run-id", default="", help="kept with each row; made of model and session if not given")
    parser.add_argument(
        "--model", choices=KINDS, default="lightgbm", help="of which kind the model in service is asked"
    )
    asked = parser.parse_args(arguments)
    return job.run(lambda: _score(asked))


def _score(asked: argparse.Namespace) -> dict[str, object]:
    from tosho.steps.scoring import score  # noqa: PLC0415 - after the signal is handled: the imports take seconds

    return score(Settings.from_environment(), asked.session, asked.run_id, asked.model)


if __name__ == "__main__":
    sys.exit(main())
