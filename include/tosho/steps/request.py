"""What a training run is asked for: how to fit, split and trade, and what it shall find out besides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from tosho.dataset.combinatorial import Combinatorial
from tosho.dataset.splits import WalkForward
from tosho.evaluation.attainable import demand_truth
from tosho.evaluation.book import Trading
from tosho.models.base import Learner
from tosho.models.conformal import Mondrian
from tosho.models.registry import Decides
from tosho.steps import ablations
from tosho.steps.preparation import Prepared


@dataclass(frozen=True)
class Request:
    """The options of `steps.training.train`, which tells of them; `less` is the learner without each of its blocks.

    Raises:
        NoTruthError: `truth` has no `truth.json`.
    """

    learner: Learner
    plan: WalkForward
    trading: Trading
    tried: int
    final: Combinatorial | None
    less: Mapping[str, Learner]
    truth: Path | None
    decides: Decides

    def __post_init__(self) -> None:
        if self.truth:
            demand_truth(self.truth)

    def parts(self, data: Prepared) -> int:
        """Return how often the run tells its progress: in each fold, the final model, two tests and what is asked for.

        Raises:
            TooShortError: There are too few sessions for the final check.
        """
        splits = self.final.over(data.samples.sessions) if self.final else ()
        return self.learner.parts * (len(data.folds) + 3 + len(splits)) + ablations.parts(self.less, data.folds)

    def parameters(self, data: Prepared) -> dict[str, object]:
        """Return every setting that decides what comes of the data, by the name under which a run logs it."""
        samples = data.samples
        return {
            "model": self.learner.kind,
            **self.learner.settings(),
            **{f"split_{name}": value for name, value in asdict(data.plan).items()},
            **{f"trading_{name}": value for name, value in asdict(self.trading).items()},
            "tried": self.tried,
            **({f"final_{name}": value for name, value in asdict(self.final).items()} if self.final else _NO_CHECK),
            **{f"conformal_{name}": value for name, value in asdict(Mondrian()).items()},
            "feature_set": samples.columns.feature_set,
            "feature_set_number": samples.columns.number,
            "features": len(samples.columns.names),
            "first_session": samples.sessions[0],
            "last_session": samples.sessions[-1],
            "sessions": len(samples.sessions),
            "rows": samples.rows,
            **({"ablations": ", ".join(self.less)} if self.less else {}),
        }


_NO_CHECK = {"final": "none"}
