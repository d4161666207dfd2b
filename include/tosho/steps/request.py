"""What a training run is asked for: how to fit, split and trade, and what it shall find out besides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from tosho.dataset.splits import WalkForward
from tosho.evaluation.attainable import demand_truth
from tosho.evaluation.book import Trading
from tosho.models.base import Learner, Resumable
from tosho.models.conformal import Mondrian
from tosho.models.kinds import learner as learner_of
from tosho.models.registry import Decides
from tosho.steps import ablations
from tosho.steps.preparation import Prepared

if TYPE_CHECKING:
    from tosho.dataset.combinatorial import Combinatorial


class Options(TypedDict, total=False):
    """How a training run differs from the plainest.

    Attributes:
        truth: A synthetic market's folder, whose attainable rank IC is then shown beside the one found.
        learner: How to fit; LightGBM as it comes.
        plan: How to split; shrunk where the history is short.
        trading: What trading costs in the report.
        tried: Settings among which these were chosen, if they were tuned; the deflated Sharpe ratio allows for them.
        final: Splits of a final check, which fits a model on each of them; without, there is none.
        ablate: Blocks of the model; without each of them it walks the same folds once more, to see what it adds.
        decides: Who promotes a model that earned it: its figures do, here and now, or a person later on.
        dataset: The published rows that it learns from, mapped into memory: those that it would assemble from the lake.
    """

    truth: Path | None
    learner: Learner
    plan: WalkForward
    trading: Trading
    tried: int
    final: Combinatorial | None
    ablate: Sequence[str]
    decides: Decides
    dataset: str


@dataclass(frozen=True)
class Request:
    """What `Options` ask for, whole; `less` is the learner without each of the blocks that are to be ablated.

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
    dataset: str

    def __post_init__(self) -> None:
        if self.truth:
            demand_truth(self.truth)

    @classmethod
    def of(cls, options: Options) -> Request:
        """Return the request of these options.

        Raises:
            NoSuchBlockError: The model has no such block.
            NoTruthError: `truth` has no `truth.json`.
        """
        learner = options.get("learner") or learner_of("lightgbm")
        return cls(
            learner,
            options.get("plan", WalkForward()),
            options.get("trading", Trading()),
            options.get("tried", 1),
            options.get("final"),
            ablations.without(learner, options.get("ablate", ())),
            options.get("truth"),
            options.get("decides", "figures"),
            options.get("dataset", ""),
        )

    def kept_in(self, folder: Path) -> Request:
        """Return the same request, with the checkpoints of learners that keep them in a folder."""
        less = {name: _kept_in(folder, each) for name, each in self.less.items()}
        return replace(self, learner=_kept_in(folder, self.learner), less=less)

    def parts(self, data: Prepared, finished: int = 0) -> int:
        """Return how often the run tells its progress: in each fold, the final model, two tests and what is asked for.

        Args:
            data: What it is given.
            finished: Folds of which nothing is told any more.

        Raises:
            TooShortError: There are too few sessions for the final check.
        """
        splits = self.final.over(data.samples.sessions) if self.final else ()
        fits = len(data.folds) - finished + 3 + len(splits)
        return self.learner.parts * fits + ablations.parts(self.less, data.folds)

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


def _kept_in(folder: Path, learner: Learner) -> Learner:
    return learner.kept_in(folder) if isinstance(learner, Resumable) else learner
