"""Search a model's settings on a range of sessions: `tune.py --first 2023-04-03 --last 2025-03-31 --trials 30`.

Prints the study as one line of JSON, last on standard output; progress goes to standard error. A failure is one
sentence there, and exit status 3 where another try gives the same, 1 where it may not. A study that was killed goes on
where it was. `train.py --tuned` for the same model, set, size and range then takes the best settings.
"""

from __future__ import annotations

import argparse
import sys

import job


def main(arguments: list[str] | None = None) -> int:
    """Run one search and return the exit status."""
    parser = job.over_a_range(__doc__)
    parser.add_argument("--trials", type=int, required=True, help="settings tried in all, earlier runs included")
    asked = parser.parse_args(arguments)
    return job.run(lambda: _tune(asked))


def _tune(asked: argparse.Namespace) -> dict[str, object]:
    from tosho.models.kinds import learner  # noqa: PLC0415 - after the signal is handled: the imports take seconds
    from tosho.steps.tuning import tune  # noqa: PLC0415

    how = learner(asked.model, asked.size)
    options = {"trials": asked.trials, "dataset": asked.dataset}
    return tune(job.settings_of(asked), asked.first, asked.last, learner=how, **options)


if __name__ == "__main__":
    sys.exit(main())
