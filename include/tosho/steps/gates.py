"""The gates of a session, over what the lake holds of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

import polars as pl

from tosho import quality
from tosho.calendar import sessions_between
from tosho.contracts import HORIZONS
from tosho.features.columns import KEY
from tosho.features.panel import rows_of
from tosho.features.plan import Plan
from tosho.features.records import Grain
from tosho.observability.log import logger
from tosho.quality.ledger import Ledger
from tosho.quality.verdict import at_most
from tosho.storage import Lake

_log = logger(__name__)
SHARES = "shares_outstanding"
STATEMENT_ROWS = 65
"""Sessions until every code has made a statement in a lake that begins without any: a quarter."""

STATEMENTS_AT_MOST = 65
"""Sessions without a statement of any code that a sound source can have: every code makes one each quarter."""

DEFECTIVE_AT_MOST = 0.01
"""Share of a long range's sessions that may fail a gate: years of real data hold a few defects, each named."""

_SEEN_AT_ONCE = 64
"""Sessions whose keys are in memory at once."""


def judge_data(lake: Lake, session: date) -> list[quality.Verdict]:
    """Return the verdicts on what was ingested for a session."""
    return quality.DataJudge(lake).judge(session)


def report_data(lake: Lake, session: date, verdicts: Sequence[quality.Verdict], ledger: Ledger | None = None) -> str:
    """Write the page that shows what came in for a session and what the gates found; return where it is."""
    path = quality.write_report(lake, session, verdicts, ledger)
    _log.info("what came in for %s, and what the gates found: %s", session, path)
    return path


def judge_predictions(lake: Lake, session: date, predictions: pl.DataFrame) -> list[quality.Verdict]:
    """Return the verdicts on the predictions of a session."""
    rows = lake.manifest("features", session).rows
    return quality.after_prediction(predictions=predictions, feature_rows=rows, horizons=HORIZONS)


@dataclass
class FeatureJudge:
    """Judges the features of sessions one after the other, each against the one before it.

    `seen` counts the rows of each code's present run: a feature is judged only where a code has enough of them. The
    rows are those of the panel, and a code without one ends its run.
    """

    lake: Lake
    passes: Plan
    seen: dict[str, int] = field(default_factory=dict)
    previous: pl.DataFrame | None = None
    _rows_stated: dict[date, int] = field(default_factory=dict)

    @cached_property
    def without_source(self) -> list[str]:
        """Features of the set that need what the lake never had: no share count, no limit flag in its first session.

        They are null, and must be. A source that was there and is lost is another matter, for the other gates.
        """
        shares = any(self._share_rows(session) for session in self._share_sessions)
        first = self.lake.read("bars", self.lake.sessions("bars")[0])
        absent = [] if shares else [SHARES]
        absent += [flag for flag in ("upper_limit_hit", "lower_limit_hit") if first[flag].is_null().all()]
        return sorted({name for column in absent for name in reading(column, self.passes)})

    @cached_property
    def of_some(self) -> list[str]:
        """Features of the set that are made of records about codes: not every code has one."""
        given = {name for kind in self.passes.records(Grain.CODE) for name in kind.given}
        return sorted({name for column in given for name in reading(column, self.passes)})

    @cached_property
    def _rows_needed(self) -> dict[str, int]:
        stated = set(reading(SHARES, self.passes))
        return {name: rows + (STATEMENT_ROWS if name in stated else 0) for name, rows in self.passes.lookback.items()}

    def read_history(self, sessions: Iterable[date]) -> None:
        """Count the rows of sessions that came before; the last one's features are the first reference."""
        days = list(sessions)
        for begin in range(0, len(days), _SEEN_AT_ONCE):
            self._see(days[begin : begin + _SEEN_AT_ONCE])
        self.previous = _optional(self.lake, "features", days[-1]) if days else None

    def judge(self, session: date) -> list[quality.Verdict]:
        """Return the verdicts on a session's features."""
        self._see([session])
        frame = self.lake.read("features", session)
        verdicts = quality.after_features(
            frame=frame,
            names=self.passes.names,
            lookbacks=self._rows_needed,
            history=pl.DataFrame({"code": list(self.seen), "rows": list(self.seen.values())}),
            reference=self.previous,
            without_source=self.without_source,
            of_some=self.of_some,
        )
        self.previous = frame
        return verdicts + self._statements(session)

    def _see(self, days: Sequence[date]) -> None:
        """Count the rows of sessions that follow each other: of each code those since it was last away."""
        listed = [day for day in days if self.lake.has("securities", day)]
        securities = self.lake.read_many("securities", listed, KEY) if listed else None
        back = pl.col("session").replace_strict(days, range(len(days), 0, -1))  # 1 is the newest
        rows = rows_of(self.lake.read_many("bars", days, KEY), securities).select("code", back=back)
        nth = pl.int_range(1, pl.len() + 1).over("code")
        unbroken = rows.sort("code", "back").filter(pl.col("back") == nth).group_by("code").len().sort("code")
        before = self.seen
        self.seen = {code: rows + (before.get(code, 0) if rows == len(days) else 0) for code, rows in unbroken.rows()}

    def _statements(self, session: date) -> list[quality.Verdict]:
        """Judge the age of the newest statement; where there never was one, `without_source` tells."""
        earlier = (known for known in reversed(self._share_sessions) if known <= session)
        newest = next((known for known in earlier if self._share_rows(known)), None)
        if newest is None:
            return []
        return [
            at_most(
                "features.statements_stale",
                sessions_between(newest, session),
                STATEMENTS_AT_MOST,
                f"The newest statement of shares outstanding that is known at {session} is of {newest}.",
                "Ingest the statements of the sessions since; if the source ended, name what takes its place.",
            )
        ]

    @cached_property
    def _share_sessions(self) -> list[date]:
        return self.lake.sessions("shares")

    def _share_rows(self, session: date) -> int:
        if session not in self._rows_stated:
            self._rows_stated[session] = self.lake.manifest("shares", session).rows
        return self._rows_stated[session]


def judge_later(judge: FeatureJudge, session: date) -> dict[str, Any]:
    """Judge the features of the sessions after one, up to the newest: a repair built again those that depend on it.

    Their defects are named and stop nothing: a day that was defective before must not keep an earlier one from repair.

    Args:
        judge: It has just judged `session`.
        session: The repaired one. Later ones with another feature set are another judge's.
    """
    lake = judge.lake
    name = lake.manifest("features", session).facts.get("feature_set")
    later = [known for known in lake.sessions("features") if known > session]
    alike = [known for known in later if lake.manifest("features", known).facts.get("feature_set") == name]
    failed = {known: [verdict for verdict in judge.judge(known) if not verdict.passed] for known in alike}
    return {"later_sessions": len(alike), "later_defects": _named_defects(failed)}


def settle(found: Mapping[date, Sequence[quality.Verdict]]) -> dict[str, str]:
    """Return the sessions of a range that failed a gate, each with the first failure's sentence, if they are few.

    Warnings are in the log: they make no session a defective one.

    Raises:
        GateFailedError: More than DEFECTIVE_AT_MOST of the sessions failed.
    """
    defects = _named_defects(found)
    allowed = DEFECTIVE_AT_MOST * len(found)
    if len(defects) > allowed:
        name, told = next(iter(defects.items()))
        raise quality.GateFailedError(
            f"{len(defects)} of {len(found)} sessions failed a gate, the bound is {allowed:.1f}. The first: "
            f"{name}, {told} The log names them all.",
            [verdict for verdicts in found.values() for verdict in quality.stopping(verdicts)],
        )
    return defects


def _named_defects(found: Mapping[date, Sequence[quality.Verdict]]) -> dict[str, str]:
    failed = {session: quality.stopping(verdicts) for session, verdicts in found.items()}
    defects = {session.isoformat(): str(verdicts[0]) for session, verdicts in failed.items() if verdicts}
    for name, told in defects.items():
        _log.error("session %s is defective: %s", name, told)
    for day, verdicts in found.items():
        warnings = [verdict for verdict in verdicts if not (verdict.passed or verdict.stops)]
        if warnings:
            _log.warning("session %s: %d warnings, the first: %s", day, len(warnings), warnings[0])
    return defects


def reading(column: str, passes: Plan) -> list[str]:
    """Return the features of a plan that read a column of the panel, directly or through other features."""
    tainted = {column}
    for level in (*passes.market, *passes.sector, *passes.series, *passes.session):
        tainted |= {feature.name for feature in level if tainted.intersection(feature.inputs)}
    return [name for name in passes.names if name in tainted]


def _optional(lake: Lake, table: str, session: date, columns: Sequence[str] | None = None) -> pl.DataFrame | None:
    return lake.read(table, session, columns) if lake.has(table, session) else None
