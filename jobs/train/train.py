"""Train a model on a range of sessions: `train.py --first 2023-04-03 --last 2025-03-31 [--model linear] [--set core]`.

Prints the run as one line of JSON, last on standard output; progress goes to standard error. A failure is one
sentence there, and exit status 3 where another try gives the same, 1 where it may not. Folds that are finished, by
`fit.py` for the same or by a training of the same that was killed, are not fitted again; a network (atft) that was
killed in one goes on where it was. `--ablate` also trains a kind that is made of blocks (atft) without each of them,
and tells what each adds. With `--trials` a search for settings comes first, for the kinds that have one; it too goes on
where it was.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import chosen
import job

from tosho.models.registry import Decides
from tosho.observability.log import logger

if TYPE_CHECKING:
    from tosho.models.base import Learner

log = logger(__name__)


def main(arguments: list[str] | None = None) -> int:
    """Run one training and return the exit status."""
    parser = job.over_a_range(__doc__)
    parser.add_argument("--truth", help="folder of a synthetic market, to show the attainable rank IC")
    parser.add_argument("--final-blocks", type=int, default=0, help="blocks of the final check's splits; 0: no check")
    chosen.add_to(parser)
    whether = argparse.BooleanOptionalAction
    parser.add_argument("--ablate", action=whether, help="of atft: also train without each block, to see its gain")
    parser.add_argument("--decides", choices=get_args(Decides), default="figures", help="who promotes what earned it")
    asked = parser.parse_args(arguments)
    return job.run(lambda: _train(asked))


def _train(asked: argparse.Namespace) -> dict[str, object]:
    from tosho.dataset.combinatorial import Combinatorial  # noqa: PLC0415 - after the signal is handled: as below
    from tosho.steps.training import train  # noqa: PLC0415 - the imports take seconds

    settings = job.settings_of(asked)
    how, tried = chosen.learner_of(asked, settings)
    return train(
        settings,
        asked.first,
        asked.last,
        learner=how,
        tried=tried,
        truth=Path(asked.truth) if asked.truth else None,
        final=Combinatorial(asked.final_blocks) if asked.final_blocks else None,
        ablate=_blocks(how) if asked.ablate else (),
        decides=asked.decides,
        dataset=asked.dataset,
    )


def _blocks(how: Learner) -> tuple[str, ...]:
    """Return the blocks that a model is also trained without."""
    from tosho.models.base import Ablatable  # noqa: PLC0415 - as above

    if isinstance(how, Ablatable):
        return tuple(how.ablations())
    log.info("A model of kind %s has no blocks to leave out and is trained whole.", how.kind)
    return ()


if __name__ == "__main__":
    sys.exit(main())
