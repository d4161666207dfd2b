"""A network's training run, which goes on where it was when it was killed."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tosho.config import Settings
from tosho.models.atft.settings import Size
from tosho.models.kinds import network
from tosho.observability.log import logger
from tosho.steps.training import train

if TYPE_CHECKING:
    from tosho.models.atft.forecaster import ATFT

log = logger(__name__)


def train_network(
    settings: Settings,
    first: date,
    last: date,
    *,
    size: Size = "auto",
    learner: ATFT | None = None,
    **options: Any,  # noqa: ANN401 - those of `train`
) -> dict[str, object]:
    """Train ATFT-GAT-FAN on the sessions of a range as `steps.training.train` does, and return the run in short.

    Checkpoints are kept in the installation's home until the model is registered: the same run again, after it was
    killed, goes on from them. Each is named after all that its training is made of, so that no other takes it.

    Args:
        settings: The installation.
        first: First session of the range.
        last: Last one.
        size: Of the network.
        learner: How to fit, where not as that size comes.
        **options: Of `train`, but for the learner.

    Raises:
        MissingLibraryError: torch is not installed.
        CollapsedError: The watchdog found that scores have become a constant; nothing was registered.
        CheckpointError: A checkpoint cannot be read.
    """
    folder = Path(settings.home) / "checkpoints" / f"atft-{settings.feature_set}-{first}-{last}"
    learner = replace(learner or network(size), folder=folder)
    log.info("ATFT-GAT-FAN, width %d, window %d.", learner.shape.width, learner.shape.window)
    done = train(settings, first, last, learner=learner, **options)
    shutil.rmtree(folder, ignore_errors=True)
    return done
