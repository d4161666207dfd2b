"""What is trained: a kind as it comes, or with the best settings that a search has found."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from tosho.config import Settings
from tosho.observability.log import logger

if TYPE_CHECKING:
    from tosho.models.base import Learner

log = logger(__name__)


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say which settings are trained with."""
    whether = argparse.BooleanOptionalAction
    parser.add_argument("--tuned", action=whether, help="with the best settings that tune.py found for the same")
    parser.add_argument("--trials", type=int, default=0, help="settings to try first; 0: none, unless --tuned")


def learner_of(asked: argparse.Namespace, settings: Settings) -> tuple[Learner, int]:
    """Return what is trained, and among how many settings it was chosen; with `--trials` a search comes first."""
    from tosho.models.kinds import learner  # noqa: PLC0415 - after the signal is handled: the imports take seconds

    how = learner(asked.model, asked.size)
    if not asked.tuned and not asked.trials:
        return how, 1
    from tosho.models.search import SEARCHED  # noqa: PLC0415 - Optuna is its alone
    from tosho.steps.tuning import tune, tuned  # noqa: PLC0415

    if asked.model not in SEARCHED:
        log.info("A model of kind %s has no search space and is trained as it comes.", asked.model)
        return how, 1
    if asked.trials:
        tune(settings, asked.first, asked.last, learner=how, trials=asked.trials, dataset=asked.dataset)
    return tuned(settings, asked.first, asked.last, learner=how)
