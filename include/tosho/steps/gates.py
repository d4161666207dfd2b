"""The gates of a session, over what the lake holds of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

import polars as pl

from tosho import quality
from tosho.calendar import previous_session
from tosho.contracts import HORIZONS
from tosho.features.plan import Plan
from tosho.storage import Lake

SHARES = "shares_outstanding"


def judge_data(lake: Lake, session: date) -> list[quality.Verdict]:
    """Return the verdicts on what was ingested for a session."""
    return quality.after_ingest(
        bars=lake.read("bars", session),
        securities=lake.read("securities", session),
        indices=_optional(lake, "indices", session),
        previous_bars=_optional(lake, "bars", previous_session(session)),
        quarantined=lake.manifest("bars", session).quarantined,
        session=session,
    )


def judge_predictions(lake: Lake, session: date, predictions: pl.DataFrame) -> list[quality.Verdict]:
    """Return the verdicts on the predictions of a session."""
    rows = lake.manifest("features", session).rows
    return quality.after_prediction(predictions=predictions, feature_rows=rows, horizons=HORIZONS)


@dataclass
class FeatureJudge:
    """Judges the features of sessions one after the other, each against the one before it.

    `seen` counts the rows of each code so far: a feature is judged only where a code has enough of them.
    """

    lake: Lake
    passes: Plan
    seen: dict[str, int] = field(default_factory=dict)
    previous: pl.DataFrame | None = None

    @cached_property
    def without_source(self) -> list[str]:
        """Features of the set that need a source of which the lake has no row; they are null, and must be."""
        fed = any(self.lake.manifest("shares", session).rows for session in self.lake.sessions("shares"))
        return [] if fed else reading(SHARES, self.passes)

    def read_history(self, sessions: Iterable[date]) -> None:
        """Count the rows of sessions that came before; the last one's features are the first reference."""
        last = None
        for last in sessions:
            for code in self.lake.read("bars", last, ["code"])["code"]:
                self.seen[code] = self.seen.get(code, 0) + 1
        self.previous = _optional(self.lake, "features", last) if last else None

    def judge(self, session: date) -> list[quality.Verdict]:
        """Return the verdicts on a session's features."""
        codes = self.lake.read("bars", session, ["code"])["code"]
        for code in codes:
            self.seen[code] = self.seen.get(code, 0) + 1
        frame = self.lake.read("features", session)
        verdicts = quality.after_features(
            frame=frame,
            names=self.passes.names,
            lookbacks=self.passes.lookback,
            history=pl.DataFrame({"code": codes, "rows": [self.seen[code] for code in codes]}),
            reference=self.previous,
            without_source=self.without_source,
        )
        self.previous = frame
        return verdicts


def reading(column: str, passes: Plan) -> list[str]:
    """Return the features of a plan that read a column of the panel, directly or through other features."""
    tainted = {column}
    for level in (*passes.market, *passes.series, *passes.session):
        tainted |= {feature.name for feature in level if tainted.intersection(feature.inputs)}
    return [name for name in passes.names if name in tainted]


def _optional(lake: Lake, table: str, session: date) -> pl.DataFrame | None:
    return lake.read(table, session) if lake.has(table, session) else None
