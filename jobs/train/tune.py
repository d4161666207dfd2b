"""Search a model's settings on a range of sessions: `tune.py --first 2023-04-03 --last 2025-03-31 --trials 30`.

Prints the study as one line of JSON, last on standard output; progress goes to standard error. A failure is one
sentence there, and exit status 3 where another try gives the same, 1 where it may not. A study that was killed goes on
where it was. `train.py --tuned` for the same model, set, size and range then takes the best settings.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from datetime import date
from typing import get_args

import job

from tosho.config import Settings
from tosho.models.atft.settings import Size
from tosho.models.kinds import KINDS


def main(arguments: list[str] | None = None) -> int:
    """Run one search and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first", type=date.fromisoformat, required=True, help="first session, an ISO date")
    parser.add_argument("--last", type=date.fromisoformat, required=True, help="last session whose data may be used")
    parser.add_argument("--model", choices=KINDS, default="lightgbm", help="which kind")
    parser.add_argument("--set", help="feature set; that of the settings if not given")
    parser.add_argument("--trials", type=int, required=True, help="settings tried in all, earlier runs included")
    parser.add_argument("--size", choices=get_args(Size), default="auto", help="of atft: auto is full on a GPU alone")
    asked = parser.parse_args(arguments)
    return job.run(lambda: _tune(asked))


def _tune(asked: argparse.Namespace) -> dict[str, object]:
    from tosho.models.kinds import learner  # noqa: PLC0415 - after the signal is handled: the imports take seconds
    from tosho.steps.tuning import tune  # noqa: PLC0415

    settings = Settings.from_environment()
    chosen = replace(settings, feature_set=asked.set or settings.feature_set)
    return tune(chosen, asked.first, asked.last, learner=learner(asked.model, asked.size), trials=asked.trials)


if __name__ == "__main__":
    sys.exit(main())
