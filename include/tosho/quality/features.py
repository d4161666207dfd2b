"""Gates after features: is every row there, is enough of it known, finite, and like yesterday?

Bounds on nulls come from the real market of 2014-2018: with windows that are null where one session is (FEATURES.md),
252-session features are null for 19 to 32 % of codes with enough history, and a session on which the source lost
29 % of its rows raises every feature's share by 8 to 27 points.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import polars as pl

from tosho.quality.drift import Distance, distances
from tosho.quality.verdict import NOT_MEASURED, Verdict, at_least, at_most, share, some

JUDGED_AT_LEAST = 0.25
NULLS_AT_MOST = 0.6
RISE_AT_MOST = 0.15
RISEN_AT_MOST = 0.05
SHAPE_AT_MOST = 1.0
PLACE_AT_MOST = 1.0
DRIFTED_AT_MOST = 0.15
CHANGED_SHAPE = 5.0
CHANGED_PLACE = 5.0
"""So far no market moves a feature, but a changed unit or a column turned constant does: one such feature is enough.

Below about 600 codes an index of 5 may not be reached; there only many drifted features together are seen.
"""
NO_REFERENCE = "no reference"


def after_features(  # noqa: PLR0913 - one argument a fact
    frame: pl.DataFrame | None,
    names: Sequence[str],
    lookbacks: Mapping[str, int],
    history: pl.DataFrame,
    reference: pl.DataFrame | None,
    *,
    without_source: Collection[str] = (),
    of_some: Collection[str] = (),
) -> list[Verdict]:
    """Return the verdicts on one session's features.

    Args:
        frame: session, code and one column a feature; None when there is no partition.
        names: The feature set's columns, in order.
        lookbacks: Rows before its own that each feature needs.
        history: code, rows: one row for each code that must have features, with the number of its panel's rows up to
            the session, that one included.
        reference: Features of one or more sessions before; None when there are none yet, which is recorded.
        without_source: Features whose source the installation does not have. They must be null throughout.
        of_some: Features of what only some codes have, as an announced day or a reported position. How many is no
            matter, that none has is: their source is lost.
    """
    frame = pl.DataFrame(schema={"session": pl.Date, "code": pl.String}) if frame is None else frame
    missing = _missing(frame, names, lookbacks)
    if not missing.passed:
        return [missing]
    fed = [name for name in names if name not in without_source]
    nulls = _null_shares(frame, history, fed, lookbacks)
    return [
        missing,
        _rows(frame, history),
        _sourceless(frame, without_source),
        _judged(nulls, fed),
        _nulls({name: share for name, share in nulls.items() if name not in of_some}),
        _of_nobody({name: share for name, share in nulls.items() if name in of_some}),
        _risen(nulls, reference, history, lookbacks),
        _finite(frame, names),
        *_drift(frame, reference, fed),
    ]


def _missing(frame: pl.DataFrame, names: Sequence[str], lookbacks: Mapping[str, int]) -> Verdict:
    absent = [name for name in ("session", "code", *names) if name not in frame.columns]
    unknown = [name for name in names if name not in lookbacks]
    detail = f"Columns absent: {some(absent)}; features without a lookback: {some(unknown)}; asked for: {len(names)}."
    value = float(len(absent) + len(unknown)) if names else NOT_MEASURED
    return at_most("features.missing", value, 0, detail, "Compute the features again with the set that is asked for.")


def _rows(frame: pl.DataFrame, history: pl.DataFrame) -> Verdict:
    have, wanted = set(frame["code"]), set(history["code"])
    odd = (have ^ wanted) or set(frame.filter(pl.col("code").is_duplicated())["code"])
    return at_most(
        "features.rows",
        float(len(odd) + frame["session"].n_unique() - 1) if frame.height and wanted else NOT_MEASURED,
        0,
        f"{frame.height} rows for {len(wanted)} listed codes; one side only, or twice: {some(odd)}.",
        "Compute the session's features again from the bars that are in the lake now.",
    )


def _sourceless(frame: pl.DataFrame, without_source: Collection[str]) -> Verdict:
    filled = [name for name in without_source if name in frame.columns and frame[name].count()]
    detail = f"Features said to have no source: {some(without_source)}; with values all the same: {some(filled)}."
    return at_most(
        "features.without_source", len(filled), 0, detail, "Ask for them to be judged: their source is there."
    )


def _null_shares(
    frame: pl.DataFrame, history: pl.DataFrame, names: Sequence[str], lookbacks: Mapping[str, int]
) -> dict[str, float]:
    """Return, by feature, the share of nulls among rows with enough history; no entry where there is no such row."""
    rows = frame.join(history.select("code", "rows"), on="code", how="left")
    judged = {name: pl.col("rows") >= lookbacks[name] + 1 for name in names}
    parts = [
        part
        for name, enough in judged.items()
        for part in ((enough & pl.col(name).is_null()).sum().alias(f"{name}|null"), enough.sum().alias(f"{name}|all"))
    ]
    counts = rows.select(parts).row(0, named=True)
    return {name: counts[f"{name}|null"] / counts[f"{name}|all"] for name in names if counts[f"{name}|all"]}


def _judged(nulls: Mapping[str, float], fed: Sequence[str]) -> Verdict:
    young = [name for name in fed if name not in nulls]
    return at_least(
        "features.judged",
        share(len(nulls), len(fed)),
        JUDGED_AT_LEAST,
        f"{len(young)} of {len(fed)} features have no row with enough history: {some(young)}.",
        "Ingest more history: most of the set cannot have a value yet.",
    )


def _nulls(nulls: Mapping[str, float]) -> Verdict:
    worst = sorted(nulls, key=lambda name: (-nulls[name], name))[:5]
    return at_most(
        "features.nulls",
        max(nulls.values(), default=NOT_MEASURED),
        NULLS_AT_MOST,
        f"Largest shares of nulls: {', '.join(f'{name} {nulls[name]:.3f}' for name in worst) or 'none judged'}.",
        "A source of these features is missing or late; see the gates after ingest.",
    )


def _of_nobody(nulls: Mapping[str, float]) -> Verdict:
    lost = [name for name, share in nulls.items() if share == 1]
    detail = f"{len(nulls)} features are of what only some codes have; null for every code: {some(lost)}."
    return at_most(
        "features.of_nobody", len(lost), 0, detail, "The source of these features is missing; ingest it again."
    )


def _risen(
    nulls: Mapping[str, float], reference: pl.DataFrame | None, history: pl.DataFrame, lookbacks: Mapping[str, int]
) -> Verdict:
    gate, advice = "features.nulls_risen", "Part of a source was lost since the session before; ingest it again."
    if reference is None:
        return at_most(gate, 0, RISEN_AT_MOST, f"{NO_REFERENCE}: no session before this one has features.", advice)
    shared = [name for name in nulls if name in reference.columns]
    earlier = reference.filter(pl.col("session") == pl.col("session").max())
    before = _null_shares(earlier, history.with_columns(pl.col("rows") - 1), shared, lookbacks) if shared else {}
    risen = [name for name in before if nulls[name] - before[name] > RISE_AT_MOST]
    detail = f"{len(risen)} of {len(before)} features are null for {RISE_AT_MOST:.0%} more codes: {some(risen)}."
    return at_most(gate, share(len(risen), len(before)), RISEN_AT_MOST, detail, advice)


def _finite(frame: pl.DataFrame, names: Sequence[str]) -> Verdict:
    counts = frame.select((~pl.col(name).is_finite()).sum() for name in names).row(0, named=True)
    wrong = {name: count for name, count in counts.items() if count}
    return at_most(
        "features.finite",
        float(sum(wrong.values())) if frame.height else NOT_MEASURED,
        0,
        f"Values that are NaN or infinite, by feature: {wrong or 'none'}.",
        "A definition divides by what may be zero; it must give null there.",
    )


def _drift(frame: pl.DataFrame, reference: pl.DataFrame | None, names: Sequence[str]) -> list[Verdict]:
    if reference is None:
        told = f"{NO_REFERENCE}: no session before this one has features."
        return [_drifted(0, told), _changed(0, told)]
    moved = distances(frame, reference, [name for name in names if name in reference.columns])
    drifted = {n: d for n, d in moved.items() if d.shape > SHAPE_AT_MOST or d.place > PLACE_AT_MOST}
    changed = {n: d for n, d in drifted.items() if d.shape > CHANGED_SHAPE or d.place > CHANGED_PLACE}
    return [
        _drifted(share(len(drifted), len(moved)), f"{len(drifted)} of {len(moved)} judged: {_told(drifted)}."),
        _changed(float(len(changed)) if moved else NOT_MEASURED, f"Another quantity than before: {_told(changed)}."),
    ]


def _told(moved: Mapping[str, Distance]) -> str:
    return some(f"{name} ({distance})" for name, distance in moved.items())


def _drifted(value: float, detail: str) -> Verdict:
    advice = "Look into the inputs that the named features share: unit, adjustment, a session repeated or skipped."
    return at_most("features.drift", value, DRIFTED_AT_MOST, detail, advice)


def _changed(value: float, detail: str) -> Verdict:
    advice = "Look for a changed unit, a constant or the wrong column in the named features."
    return at_most("features.changed", value, 0, detail, advice)
