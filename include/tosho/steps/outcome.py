"""What a training run leaves: its report and the comparison, the files behind them, its figures, tags and summary."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from tosho.contracts import HORIZONS, QUANTILES
from tosho.evaluation import comparison_report, report
from tosho.evaluation.calibration import calibration
from tosho.evaluation.candidate_files import to_files
from tosho.evaluation.comparison import Comparison
from tosho.evaluation.ic import estimate
from tosho.evaluation.portfolio import quantile_returns
from tosho.evaluation.promotion import Decision
from tosho.models.base import Forecaster
from tosho.models.registry import MADE_FROM
from tosho.steps.ablations import Ablations
from tosho.steps.coverage import HeldOut
from tosho.steps.final_check import FinalCheck
from tosho.steps.fitted import audit
from tosho.steps.measures import Measures
from tosho.steps.preparation import Prepared
from tosho.steps.retraining import PAGE, PAGES, SUMMARY
from tosho.steps.trial import Trial

TRIED = "tried"
"""Tag of a version: how many settings its own were chosen from."""


@dataclass(frozen=True)
class Outcome:
    """A finished run, all that is told of it.

    Args:
        name: The registered model's.
        parameters: Every setting.
        data: What it was given.
        result: Its trial.
        model: The final model.
        decision: Whether it is promoted, and why.
        bound: The attainable rank IC by horizon, where a synthetic market's truth is known.
        measures: What the scores are worth.
        held: Forecasts of sessions that calibration did not see; None where there are too few.
        checked: The final check, where one was asked for.
        ablations: What each block adds, where that was asked for.
        earned: What the figures alone would have decided.
    """

    name: str
    parameters: Mapping[str, object]
    data: Prepared
    result: Trial
    model: Forecaster
    decision: Decision
    bound: Mapping[int, float]
    measures: Measures
    held: HeldOut | None
    checked: FinalCheck | None
    ablations: Ablations | None
    earned: Decision

    def write(self, folder: Path, side_by_side: Comparison | None) -> dict[str, str]:
        """Write a run's artefacts but for its bundle, and return the pages among them.

        Raises:
            FittedOutsideError: Something was fitted on sessions that are not of the training span.
        """
        sessions = self.data.samples.sessions
        texts = {
            PAGE: report.render(self._content()),
            SUMMARY: _json(self.summary()),
            "fitted.json": _json(audit(self.result.parts, self.model, (sessions[0], sessions[-1]))),
            "decision.json": _json(asdict(self.decision) | {"tests": [asdict(test) for test in self.result.tests]}),
            "folds.txt": "\n".join(map(str, self.data.folds)) + "\n",
            "importance.json": _json(dict(self.model.importance())),
        }
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
        for name, data in to_files(self.measures.of(self.result)).items():
            (folder / name).write_bytes(data)
        if side_by_side:
            comparison_report.write(folder, side_by_side)
        found = {page: folder / page for page in PAGES.values()}
        return {page: path.read_text(encoding="utf-8") for page, path in found.items() if path.exists()}

    def metrics(self, seconds: float) -> dict[str, float]:
        """Return the figures that a run logs, by name."""
        overall = estimate(self.result.daily)
        found = {"rank_ic_overall": overall.mean, "t_overall": overall.t, "seconds": seconds}
        for r in self.result.results:
            names = ("rank_ic", "t", "ic", "icir", "hit_rate")
            found |= {f"{name}_h{r.horizon:02d}": getattr(r, name) for name in names}
        for fold, results in self.result.by_fold():
            found |= {f"fold_{fold.number}_rank_ic_h{r.horizon:02d}": r.rank_ic for r in results}
        found |= {f"attainable_h{h:02d}": value for h, value in self.bound.items()}
        if self.held:
            means = self.held.coverage().mean()
            found |= {f"coverage_h{h:02d}": float(mean) for h, mean in zip(HORIZONS, means, strict=True)}
        asked = (self.checked.metrics() if self.checked else {}) | (self.ablations.metrics() if self.ablations else {})
        return found | self.measures.metrics() | asked

    def tags(self, digest: str, made_from: str) -> dict[str, str]:
        """Return the tags of the run and of the version that it makes."""
        columns = self.data.samples.columns
        return {
            "name": f"{self.name} {self.data.samples.sessions[-1]}",
            "reasons": json.dumps(self.decision.reasons),
            "folds": "\n".join(map(str, self.data.folds)),
            "data_sha256": digest,
            MADE_FROM: made_from,
            TRIED: str(self.parameters["tried"]),
            "feature_set": f"{columns.feature_set}-{columns.number}",
        }

    def summary(self) -> dict[str, object]:
        """Return the run in short, as plain JSON."""
        samples = self.data.samples
        return {
            "promoted": self.decision.promoted,
            "awaits_approval": self.earned.promoted and not self.decision.promoted,
            "reasons": list(self.decision.reasons),
            "rank_ic": {
                str(r.horizon): {
                    "rank_ic": round(r.rank_ic, 5),
                    "t": round(r.t, 2),
                    "icir": round(r.icir, 3),
                    "sessions": r.sessions,
                    **({"attainable": round(self.bound[r.horizon], 5)} if self.bound else {}),
                }
                for r in self.result.results
            },
            "tests": {test.name: test.sentence for test in self.result.tests},
            **({"final_check": str(self.checked)} if self.checked else {}),
            **({"ablations": self.ablations.summary()} if self.ablations else {}),
            "folds": [str(fold) for fold in self.data.folds],
            "notes": list(self.data.notes),
            "sessions": len(samples.sessions),
            "rows": samples.rows,
            "known_until": samples.sessions[-1].isoformat(),
            "knew": self.data.knew.isoformat(),
        }

    def _content(self) -> report.Content:
        result, tested = self.result, self.result.tested
        title, subtitle = titled("Training", self.name, self.data)
        checked, held = self.checked, self.held
        return report.Content(
            title=title,
            subtitle=subtitle,
            decision=self.decision,
            daily=result.daily,
            folds=result.by_fold(),
            quantiles={
                h: quantile_returns(result.scores[:, i], tested.returns[:, i], tested.bounds)
                for i, h in enumerate(HORIZONS)
            },
            books=self.measures.books,
            groups=self.measures.groups,
            tests=result.tests,
            importance=self.model.importance(),
            settings=self.parameters,
            notes=(*self.data.notes, *self.measures.notes, *([str(checked)] if checked else [])),
            attainable=self.bound,
            calibration=calibration(held.quantiles, held.samples, QUANTILES) if held else None,
            coverage=held.coverage() if held else None,
            paths=checked.paths if checked else (),
        )


def titled(what: str, name: str, data: Prepared) -> tuple[str, str]:
    """Return title and subtitle of a page."""
    samples, columns = data.samples, data.samples.columns
    return (
        f"{what} of {name}, {samples.sessions[0]} to {samples.sessions[-1]}",
        (
            f"{samples.rows:,} rows of {len(samples.sessions)} sessions, feature set {columns.feature_set} "
            f"{columns.number} with {len(columns.names)} features. All figures are out of sample."
        ),
    )


def _json(content: object) -> str:
    return json.dumps(content, indent=1) + "\n"
