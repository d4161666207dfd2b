"""Alpha158: mode `qlib` against Qlib's own answers, production mode against plain Python, column by column."""

import json
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from features import alpha158_oracle, oracle
from features.small_market import CODES, FLAT, THIN, SmallMarket
from tosho.commands.features import app
from tosho.features import local, qlib, several
from tosho.features.files import UnknownModeError, compute_file
from tosho.features.input_files import InputFileError
from tosho.features.panel import build_panel
from tosho.features.plan import plan
from tosho.features.sets import feature_set

ALPHA158 = feature_set("alpha158")
ANSWERS = Path(__file__).resolve().parents[3] / "shared" / "golden" / "alpha158_qlib.parquet"
FIRST = date(2016, 3, 1)


@pytest.fixture(scope="module")
def answers() -> pl.DataFrame:
    if not ANSWERS.exists():
        pytest.skip("Qlib's answers are not at hand: ../shared/golden/alpha158_qlib.parquet")
    return pl.read_parquet(ANSWERS).sort("session", "code")


@pytest.fixture(scope="module")
def inputs(answers: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("alpha158") / "inputs.parquet"
    answers.select("session", "code", *(pl.col(f"in_{name}").alias(name) for name in qlib.INPUTS)).write_parquet(path)
    return path


@pytest.fixture(scope="module")
def as_qlib(inputs: Path) -> pl.DataFrame:
    compute_file(inputs, inputs.parent / "qlib.parquet", "alpha158", mode="qlib")
    return pl.read_parquet(inputs.parent / "qlib.parquet")


def test_the_columns_are_qlibs_in_name_and_order(answers: pl.DataFrame) -> None:
    assert list(ALPHA158.names) == [n for n in answers.columns if not n.startswith("in_")][2:]


def test_every_row_of_qlib_has_an_answer(answers: pl.DataFrame, as_qlib: pl.DataFrame) -> None:
    assert as_qlib.select("session", "code").equals(answers.select("session", "code"))


@pytest.mark.parametrize("name", ALPHA158.names)
def test_mode_qlib_is_qlib(name: str, answers: pl.DataFrame, as_qlib: pl.DataFrame) -> None:
    tolerance = 1e-3 if name.startswith("CORD") else 1e-4
    got, expected = as_qlib[name].to_numpy(), answers[name].to_numpy()
    np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance, equal_nan=True)


def test_mode_qlib_does_not_depend_on_chunks_or_order(
    inputs: Path, as_qlib: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(qlib, "_CODES_ROWS", 900)
    monkeypatch.setattr(qlib, "_CHUNK_ROWS", 300)
    shuffled = pl.read_parquet(inputs).sample(fraction=1, shuffle=True, seed=1)
    assert qlib.compute(shuffled, ALPHA158.features).equals(as_qlib)


def test_a_halt_without_a_row_is_a_row_of_nulls(inputs: Path, as_qlib: pl.DataFrame, tmp_path: Path) -> None:
    pl.read_parquet(inputs).drop_nulls("close").write_parquet(tmp_path / "in.parquet")
    compute_file(tmp_path / "in.parquet", tmp_path / "out.parquet", "alpha158", mode="qlib")
    assert pl.read_parquet(tmp_path / "out.parquet").equals(as_qlib)


def test_the_command_writes_the_same_file(inputs: Path, as_qlib: pl.DataFrame, tmp_path: Path) -> None:
    command = f"compute --set alpha158 --mode qlib --engine local --input {inputs} --output {tmp_path / 'out.parquet'}"
    done = CliRunner().invoke(app, command.split())
    assert json.loads(done.stdout)["features"] == 158
    assert pl.read_parquet(tmp_path / "out.parquet").equals(as_qlib)


def test_from_a_session_on_the_values_are_the_same(inputs: Path, as_qlib: pl.DataFrame, tmp_path: Path) -> None:
    first, last = as_qlib["session"].unique().sort()[[200, 250]]
    compute_file(inputs, tmp_path / "out.parquet", "alpha158", mode="qlib", first=first, last=last)
    wanted = as_qlib.filter(pl.col("session").is_between(first, last))
    assert pl.read_parquet(tmp_path / "out.parquet").equals(wanted)


@pytest.mark.parametrize(("name", "engine"), [("core", "local"), ("alpha158", "spark")])
def test_mode_qlib_of_another_set_or_engine_is_refused(name: str, engine: str, tmp_path: Path) -> None:
    with pytest.raises(UnknownModeError, match=f"with set '{name}' and engine '{engine}'; it is what Qlib"):
        compute_file(tmp_path / "none.parquet", tmp_path / "out.parquet", name, engine=engine, mode="qlib")


def test_an_unknown_mode_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownModeError, match="Mode 'exact' was asked for"):
        compute_file(tmp_path / "none.parquet", tmp_path / "out.parquet", "alpha158", mode="exact")


def test_a_row_given_twice_is_refused(inputs: Path, tmp_path: Path) -> None:
    rows = pl.read_parquet(inputs)
    pl.concat([rows, rows[:2]]).write_parquet(tmp_path / "in.parquet")
    with pytest.raises(InputFileError, match="2 of 3842 rows repeat"):
        compute_file(tmp_path / "in.parquet", tmp_path / "out.parquet", "alpha158", mode="qlib")


def test_production_mode_takes_the_same_file(inputs: Path, as_qlib: pl.DataFrame, tmp_path: Path) -> None:
    """Where windows are full and nothing is quirky, both modes agree."""
    compute_file(inputs, tmp_path / "out.parquet", "alpha158")
    made = pl.read_parquet(tmp_path / "out.parquet").filter(pl.col("code") == "13010")
    other = as_qlib.filter(pl.col("code") == "13010")
    assert made.columns == other.columns
    for name in ALPHA158.names:
        full = made[name].is_not_null().to_numpy()
        assert full.sum() > 150
        np.testing.assert_allclose(made[name].to_numpy()[full], other[name].to_numpy()[full], rtol=1e-3, atol=1e-3)


def produced(market: SmallMarket) -> pl.DataFrame:
    passes = plan(ALPHA158)
    panel = build_panel(market.bars, None, market.securities)
    index = local.compute_market(None, passes, panel["session"].unique())
    return local.compute_series(panel, index, passes, stored_as=pl.Float64())


@pytest.fixture(scope="module")
def production(market: SmallMarket) -> pl.DataFrame:
    return produced(market.since(FIRST))


@pytest.fixture(scope="module")
def expected(market: SmallMarket) -> dict[str, dict[str, np.ndarray]]:
    since = market.since(FIRST)
    return {code: alpha158_oracle.columns(oracle.rows_of(since, code)) for code in CODES}


@pytest.mark.parametrize("name", ALPHA158.names)
def test_production_mode_is_the_formula(name: str, production: pl.DataFrame, expected: dict) -> None:
    for code in CODES:
        got = production.filter(pl.col("code") == code)[name].to_numpy()
        assert np.flatnonzero(np.isnan(got) != np.isnan(expected[code][name])).tolist() == [], code
        np.testing.assert_allclose(got, expected[code][name], rtol=1e-7, atol=1e-8, err_msg=code)


def test_production_mode_has_the_same_bits_wherever_the_rows_begin(
    market: SmallMarket, production: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And in whichever chunks and blocks they are computed. THIN never splits, so its prices have one level."""
    monkeypatch.setattr(local, "CHUNK_ROWS", 500)
    monkeypatch.setattr(several, "BLOCK_ROWS", 73)
    sessions = market.since(FIRST).sessions
    thin = pl.col("code") == THIN
    later = produced(market.since(sessions[211])).filter(thin & (pl.col("session") >= sessions[211 + 60]))
    assert later.height > 300
    assert later.equals(production.filter(thin & (pl.col("session") >= sessions[211 + 60])))


def test_prices_that_stand_still_have_flat_windows(production: pl.DataFrame) -> None:
    still = production.filter((pl.col("code") == FLAT) & (pl.col("STD60") == 0) & (pl.col("MAX60") == 1))
    assert still.height > 20
    flat = dict.fromkeys(("MA60", "MIN60", "QTLU60", "QTLD60"), 1.0)
    flat |= dict.fromkeys(("BETA60", "RESI60", "CNTP60", "CNTN60", "SUMP60", "SUMN60", "RSV60", "WVMA60"), 0.0)
    for name, value in flat.items():
        assert still[name].unique().to_list() == [value], name
    assert still["RANK60"].unique().to_list() == [30.5 / 60]
    assert still.select("RSQR60", "CORR60", "CORD60").null_count().row(0) == (still.height,) * 3
