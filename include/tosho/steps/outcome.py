"""What a training run leaves: its report and the comparison, the files behind them, its figures, tags and summary."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from tosho.contracts import HORIZONS, QUANTILES
from tosho.evaluation import comparison_report, report
from tosho.evaluation.calibration import calibration
from tosho.evaluation.candidate_files import to_files
from tosho.evaluation.comparison import Comparison
from tosho.evaluation.ic import estimate
from tosho.evaluation.portfolio import quantile_returns
from tosho.models.registry import MADE_FROM
from tosho.steps.findings import Findings
from tosho.steps.fitted import audit
from tosho.steps.judgement import TRIED, Judgement
from tosho.steps.origin import Origin
from tosho.steps.preparation import Prepared
from tosho.steps.retraining import PAGE, PAGES, SUMMARY


@dataclass(frozen=True)
class Outcome:
    """A finished run, all that is told of it.

    Args:
        name: The registered model's.
        origin: What it was made from.
        data: What it was given.
        found: Its models, and what they showed.
        judged: What that is worth.
    """

    name: str
    origin: Origin
    data: Prepared
    found: Findings
    judged: Judgement

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader has to know of the data and of the intervals."""
        return (*self.data.notes, *self.judged.notes)

    def write(self, folder: Path, side_by_side: Comparison | None) -> dict[str, str]:
        """Write a run's artefacts but for its bundle, and return the pages among them.

        Raises:
            FittedOutsideError: Something was fitted on sessions that are not of the training span.
        """
        sessions, result, model = self.data.samples.sessions, self.found.result, self.found.model
        decision = asdict(self.judged.decision) | {"tests": [asdict(test) for test in result.tests]}
        texts = {
            PAGE: report.render(self._content()),
            SUMMARY: _json(self.summary()),
            "fitted.json": _json(audit(result.parts, model, (sessions[0], sessions[-1]))),
            "decision.json": _json(decision),
            "folds.txt": "\n".join(map(str, self.data.folds)) + "\n",
            "importance.json": _json(dict(model.importance())),
        }
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
        for name, data in to_files(self.judged.measures.of(result)).items():
            (folder / name).write_bytes(data)
        if side_by_side:
            comparison_report.write(folder, side_by_side)
        found = {page: folder / page for page in PAGES.values()}
        return {page: path.read_text(encoding="utf-8") for page, path in found.items() if path.exists()}

    def metrics(self, seconds: float) -> dict[str, float]:
        """Return the figures that a run logs, by name."""
        result, held, asked = self.found.result, self.found.held, (self.found.checked, self.found.ablated)
        overall = estimate(result.daily)
        figures = {"rank_ic_overall": overall.mean, "t_overall": overall.t, "seconds": seconds}
        for r in result.results:
            names = ("rank_ic", "t", "ic", "icir", "hit_rate")
            figures |= {f"{name}_h{r.horizon:02d}": getattr(r, name) for name in names}
        for fold, results in result.by_fold():
            figures |= {f"fold_{fold.number}_rank_ic_h{r.horizon:02d}": r.rank_ic for r in results}
        figures |= {f"attainable_h{h:02d}": value for h, value in self.judged.bound.items()}
        if held:
            means = held.coverage().mean()
            figures |= {f"coverage_h{h:02d}": float(mean) for h, mean in zip(HORIZONS, means, strict=True)}
        for told in (self.judged.measures, *(each for each in asked if each)):
            figures |= told.metrics()
        return figures

    def tags(self) -> dict[str, str]:
        """Return the tags of the run and of the version that it makes."""
        columns = self.data.samples.columns
        return {
            "name": f"{self.name} {self.data.samples.sessions[-1]}",
            "reasons": json.dumps(self.judged.decision.reasons),
            "folds": "\n".join(map(str, self.data.folds)),
            "data_sha256": self.origin.data,
            MADE_FROM: self.origin.digest,
            TRIED: str(self.origin.parameters["tried"]),
            "feature_set": f"{columns.feature_set}-{columns.number}",
        }

    def summary(self) -> dict[str, object]:
        """Return the run in short, as plain JSON."""
        samples, judged, found = self.data.samples, self.judged, self.found
        return {
            "promoted": judged.decision.promoted,
            "awaits_approval": judged.earned.promoted and not judged.decision.promoted,
            "reasons": list(judged.decision.reasons),
            "rank_ic": {
                str(r.horizon): {
                    "rank_ic": round(r.rank_ic, 5),
                    "t": round(r.t, 2),
                    "icir": round(r.icir, 3),
                    "sessions": r.sessions,
                    **({"attainable": round(judged.bound[r.horizon], 5)} if judged.bound else {}),
                }
                for r in found.result.results
            },
            "tests": {test.name: test.sentence for test in found.result.tests},
            **({"final_check": str(found.checked)} if found.checked else {}),
            **({"ablations": found.ablated.summary()} if found.ablated else {}),
            "folds": [str(fold) for fold in self.data.folds],
            "notes": list(self.notes),
            "sessions": len(samples.sessions),
            "rows": samples.rows,
            "known_until": samples.sessions[-1].isoformat(),
            "knew": self.data.knew.isoformat(),
        }

    def _content(self) -> report.Content:
        found, measures = self.found, self.judged.measures
        result, tested, checked, held = found.result, found.result.tested, found.checked, found.held
        title, subtitle = titled("Training", self.name, self.data)
        return report.Content(
            title=title,
            subtitle=subtitle,
            decision=self.judged.decision,
            daily=result.daily,
            folds=result.by_fold(),
            quantiles={
                h: quantile_returns(result.scores[:, i], tested.returns[:, i], tested.bounds)
                for i, h in enumerate(HORIZONS)
            },
            books=measures.books,
            groups=measures.groups,
            tests=result.tests,
            importance=found.model.importance(),
            settings=self.origin.parameters,
            notes=(*self.notes, *measures.notes, *([str(checked)] if checked else [])),
            attainable=self.judged.bound,
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
