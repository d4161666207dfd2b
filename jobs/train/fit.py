"""Fit one fold of a training: `fit.py --fold 2 --first 2023-04-03 --last 2025-03-31 [--model linear] [--set core]`.

Prints the fold as one line of JSON, last on standard output; progress goes to standard error. A failure is one
sentence there, and exit status 3 where another try gives the same, 1 where it may not. A fold that is finished is not
fitted again, and a network (atft) that was killed goes on where it was. `train.py` for the same model, set, size,
settings and range then takes the folds that are finished, and fits those that are not.
"""

from __future__ import annotations

import argparse
import sys

import chosen
import job


def main(arguments: list[str] | None = None) -> int:
    """Fit one fold and return the exit status."""
    parser = job.over_a_range(__doc__)
    parser.add_argument("--fold", type=int, required=True, help="its number, from 1: the oldest one")
    chosen.add_to(parser)
    asked = parser.parse_args(arguments)
    return job.run(lambda: _fit(asked))


def _fit(asked: argparse.Namespace) -> dict[str, object]:
    from tosho.steps.folds import fit  # noqa: PLC0415 - after the signal is handled: the imports take seconds

    settings = job.settings_of(asked)
    how, _ = chosen.learner_of(asked, settings)
    return fit(settings, asked.first, asked.last, asked.fold, {"learner": how, "dataset": asked.dataset})


if __name__ == "__main__":
    sys.exit(main())
