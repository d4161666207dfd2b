"""Train ATFT-GAT-FAN on a range of sessions: `train_atft.py --first 2023-04-03 --last 2025-03-31 [--size reduced]`.

Prints the run as one line of JSON, last on standard output; progress goes to standard error. A failure is one
sentence there, and exit status 3 where another try gives the same, 1 where it may not. With `--checkpoints` a training
that was killed goes on where it was.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import job

from tosho.config import Settings


def main(arguments: list[str] | None = None) -> int:
    """Run one training and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first", type=date.fromisoformat, required=True, help="first session, an ISO date")
    parser.add_argument("--last", type=date.fromisoformat, required=True, help="last session whose data may be used")
    parser.add_argument("--set", help="feature set; that of the settings if not given")
    parser.add_argument("--size", choices=("default", "reduced"), default="default", help="reduced is for processors")
    parser.add_argument("--seed", type=int, default=1, help="of the weights, the order of sessions, and dropout")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="auto takes a GPU if any")
    parser.add_argument("--checkpoints", type=Path, help="folder to keep checkpoints in, and to go on from")
    parser.add_argument("--truth", help="folder of a synthetic market, to show the attainable rank IC")
    asked = parser.parse_args(arguments)
    return job.run(lambda: _train(asked))


def _train(asked: argparse.Namespace) -> dict[str, object]:
    from tosho.models.atft.forecaster import ATFT  # noqa: PLC0415 - after the signal is handled: imports take seconds
    from tosho.steps.training import train  # noqa: PLC0415

    settings = Settings.from_environment()
    chosen = replace(settings, feature_set=asked.set or settings.feature_set)
    sized = ATFT.reduced() if asked.size == "reduced" else ATFT()
    schedule = replace(sized.schedule, seed=asked.seed, device=asked.device)
    learner = replace(sized, schedule=schedule, folder=asked.checkpoints)
    truth = Path(asked.truth) if asked.truth else None
    return train(chosen, asked.first, asked.last, truth=truth, learner=learner)


if __name__ == "__main__":
    sys.exit(main())
