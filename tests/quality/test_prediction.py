from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from quality.sound_market import CODES, SESSION
from tosho.contracts import HORIZONS
from tosho.quality import after_prediction


def predictions():
    draw = np.random.default_rng(3)
    parts = [
        pl.DataFrame({"session": SESSION, "horizon": h, "code": CODES, "score": draw.normal(size=len(CODES))})
        for h in HORIZONS
    ]
    return ranked(pl.concat(parts))


def ranked(frame):
    return frame.with_columns(rank=pl.col("score").rank("ordinal", descending=True).over("horizon").cast(pl.Int32))


def failed(frame, rows=300, horizons=HORIZONS):
    return [v.gate for v in after_prediction(frame, rows, horizons) if not v.passed]


def test_sound_predictions_pass_every_gate():
    assert failed(predictions()) == []


def test_a_horizon_that_is_missing():
    assert failed(predictions().filter(pl.col("horizon") != 10)) == ["predictions.horizons"]


def test_codes_that_were_not_scored():
    short = ranked(predictions().filter(pl.col("code") < CODES[250]))
    assert failed(short) == ["predictions.count"]


def test_one_horizon_alone_is_short():
    short = ranked(predictions().filter((pl.col("horizon") != 5) | (pl.col("code") < CODES[250])))
    assert failed(short) == ["predictions.count"]


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), None])
def test_a_score_that_is_no_number(wrong):
    frame = predictions().with_columns(
        score=pl.when(pl.col("rank") == 300).then(pl.lit(wrong, pl.Float64)).otherwise(pl.col("score"))
    )
    assert "predictions.not_finite" in failed(frame)


def test_one_score_for_all():
    flat = ranked(
        predictions().with_columns(score=pl.when(pl.col("horizon") == 1).then(0.5).otherwise(pl.col("score")))
    )
    assert failed(flat) == ["predictions.flat", "predictions.distinct"]


def test_two_scores_for_all():
    two = ranked(predictions().with_columns(score=(pl.col("score") > 0).cast(pl.Float64)))
    assert failed(two) == ["predictions.distinct"]


def test_ranks_the_wrong_way_round():
    frame = predictions().with_columns(rank=301 - pl.col("rank"))
    assert failed(frame) == ["predictions.ranks"]


def test_ranks_that_do_not_begin_at_one():
    assert failed(predictions().with_columns(rank=pl.col("rank") + 1)) == ["predictions.ranks"]


def test_tied_ranks_are_ranks():
    tied = predictions().with_columns(score=pl.col("score").round(1))
    tied = tied.with_columns(rank=pl.col("score").rank("min", descending=True).over("horizon").cast(pl.Int32))
    assert failed(tied) == []


def test_two_models_in_one_table():
    assert failed(pl.concat([predictions(), predictions()])) == ["predictions.surplus"]


def test_two_sessions_in_one_table():
    frame = predictions().with_columns(
        session=pl.when(pl.col("code") == CODES[0]).then(SESSION - timedelta(days=1)).otherwise(pl.col("session"))
    )
    assert failed(frame) == ["predictions.surplus"]


@pytest.mark.parametrize("frame", [None, predictions().clear(), predictions().drop("score")])
def test_nothing_passes_when_there_is_nothing(frame):
    assert failed(frame) == ["predictions.horizons"]


def test_no_features_rows_and_no_horizons_are_no_pass():
    assert "predictions.count" in failed(predictions(), rows=0)
    assert failed(predictions(), horizons=()) == ["predictions.horizons"]
