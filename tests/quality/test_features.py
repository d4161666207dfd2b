from datetime import date

import numpy as np
import polars as pl
import pytest

from quality.sound_market import SESSION
from tosho import calendar
from tosho.quality import after_features

CODES = [f"{code}0" for code in range(1301, 2501)]
NAMES = ("ret_1", "turnover", "is_up", "mkt_ret", *(f"noise_{k}" for k in range(16)))
LOOKBACKS = dict.fromkeys(NAMES, 20) | {"ret_1": 1}


def features_of(session, seed, crash=0.0):
    draw = np.random.default_rng(seed)
    n = len(CODES)
    returns = draw.standard_t(4, n) * 0.02 + crash
    columns = {
        "ret_1": returns,
        "turnover": np.exp(draw.normal(18, 2, n)),
        "is_up": (returns > 0).astype(float),
        "mkt_ret": np.full(n, returns.mean()),
    } | {f"noise_{k}": draw.normal(size=n) for k in range(16)}
    frame = pl.DataFrame({"session": session, "code": CODES} | columns)
    return frame.with_columns(pl.col(NAMES).cast(pl.Float32))


HISTORY = pl.DataFrame({"code": CODES, "rows": [300] * len(CODES)})
BEFORE = pl.concat(features_of(calendar.offset(SESSION, -k), 10 + k) for k in range(1, 6))
SOUND = {
    "frame": features_of(SESSION, 1),
    "names": NAMES,
    "lookbacks": LOOKBACKS,
    "history": HISTORY,
    "reference": BEFORE,
}


def failed(**changed):
    return [v.gate for v in after_features(**(SOUND | changed)) if not v.passed]


def verdict(gate, **changed):
    return next(v for v in after_features(**(SOUND | changed)) if v.gate == gate)


def changed(**columns):
    return SOUND["frame"].with_columns(**columns)


def test_a_sound_session_passes_every_gate():
    assert failed() == []


def test_a_crash_is_no_drift():
    assert failed(frame=features_of(SESSION, 1, crash=-0.1)) == []


def test_a_code_without_features_and_one_too_many():
    assert failed(frame=SOUND["frame"][1:]) == ["features.rows"]
    assert failed(history=HISTORY[1:]) == ["features.rows"]
    assert failed(frame=pl.concat([SOUND["frame"], SOUND["frame"][:1]])) == ["features.rows"]


def test_two_sessions_in_one_frame():
    other = SOUND["frame"][:1].with_columns(session=date(2018, 11, 15))
    assert "features.rows" in failed(frame=pl.concat([SOUND["frame"][1:], other]))


def test_a_column_of_nulls():
    assert "features.nulls" in failed(frame=changed(noise_3=pl.lit(None, pl.Float32)))
    assert "noise_3 1.000" in verdict("features.nulls", frame=changed(noise_3=pl.lit(None, pl.Float32))).detail


def test_what_only_some_codes_have_may_be_null_for_most_but_not_for_all():
    few = changed(noise_3=pl.when(pl.int_range(pl.len()) < 3).then("noise_3"))
    assert "features.nulls" in failed(frame=few)
    assert not {"features.nulls", "features.of_nobody"}.intersection(failed(frame=few, of_some=["noise_3"]))
    nobody = changed(noise_3=pl.lit(None, pl.Float32))
    assert "features.of_nobody" in failed(frame=nobody, of_some=["noise_3"])


def test_nulls_of_codes_without_enough_history_do_not_count():
    young = HISTORY.with_columns(rows=pl.when(pl.int_range(pl.len()) < 1000).then(20).otherwise(300))
    blank = [pl.when(pl.int_range(pl.len()) >= 1000).then(pl.col(n)).alias(n) for n in NAMES if n != "ret_1"]
    frame, reference = SOUND["frame"].with_columns(blank), None
    assert failed(frame=frame, history=young, reference=reference) == []
    assert "features.nulls" in failed(frame=frame, reference=reference)


def test_one_row_more_than_the_lookback_is_enough_to_be_judged():
    frame = changed(noise_3=pl.lit(None, pl.Float32))
    assert "features.nulls" in failed(frame=frame, history=HISTORY.with_columns(rows=21))
    assert "features.nulls" not in failed(frame=frame, history=HISTORY.with_columns(rows=20))


def test_features_without_a_judged_row_are_reported():
    found = verdict("features.judged", lookbacks=LOOKBACKS | {"noise_0": 300})
    assert found.passed
    assert "1 of 20 features have no row with enough history: noise_0" in found.detail


def test_a_set_that_cannot_be_judged_fails():
    assert {"features.judged", "features.nulls"} <= set(failed(history=HISTORY.with_columns(rows=1)))


def test_a_part_of_the_source_is_lost():
    blank = [pl.when(pl.int_range(pl.len()) >= 240).then(pl.col(n)).alias(n) for n in NAMES]
    assert failed(frame=SOUND["frame"].with_columns(blank)) == ["features.nulls_risen"]


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), float("-inf")])
def test_a_value_that_is_not_finite(wrong):
    frame = changed(noise_0=pl.when(pl.col("code") == CODES[0]).then(wrong).otherwise(pl.col("noise_0")))
    assert failed(frame=frame) == ["features.finite"]
    assert "{'noise_0': 1}" in verdict("features.finite", frame=frame).detail


@pytest.mark.parametrize(
    "fault",
    [
        pl.col("turnover") / 1000,
        pl.col("turnover") * 0 + 1,
        pl.col("turnover").log(),
        pl.col("turnover") + 1e12,
    ],
    ids=["another unit", "constant", "logarithm", "shifted"],
)
def test_a_feature_that_is_not_what_it_was(fault):
    assert failed(frame=changed(turnover=fault.cast(pl.Float32))) == ["features.changed"]
    assert "turnover (PSI" in verdict("features.changed", frame=changed(turnover=fault.cast(pl.Float32))).detail


def test_many_drifted_features_stop_the_run():
    frame = SOUND["frame"].with_columns(pl.col(NAMES[-4:]) ** 2)
    assert failed(frame=frame) == ["features.drift"]


def test_without_an_earlier_session_drift_is_recorded_as_such():
    assert failed(reference=None) == []
    assert verdict("features.drift", reference=None).detail.startswith("no reference")


@pytest.mark.parametrize("codes", [30, 50, 100])
def test_chance_in_a_small_universe_is_no_drift(codes):
    small = {"frame": SOUND["frame"][:codes], "history": HISTORY[:codes]}
    for sessions in (1, 5):
        before = BEFORE.filter(pl.col("code").is_in(CODES[:codes]))[: codes * sessions]
        assert failed(**small, reference=before) == []


def test_an_empty_reference_is_not_the_same_as_none():
    assert {"features.drift", "features.nulls_risen"} <= set(failed(reference=BEFORE.clear()))


def test_a_missing_column_and_a_missing_lookback():
    assert failed(frame=SOUND["frame"].drop("ret_1")) == ["features.missing"]
    assert failed(lookbacks={}) == ["features.missing"]


def test_nothing_passes_when_there_is_nothing():
    assert failed(frame=None) == ["features.missing"]
    assert {"features.rows", "features.judged", "features.nulls"} <= set(failed(frame=SOUND["frame"].clear()))
    assert failed(names=()) == ["features.missing"]


def test_a_feature_without_its_source_is_let_through_by_name_only():
    frame = changed(noise_3=pl.lit(None, pl.Float32))
    assert failed(frame=frame, without_source={"noise_3"}) == []
    assert failed(without_source={"noise_3"}) == ["features.without_source"]
