import json
import os
import subprocess
import sys
from datetime import UTC, date, datetime

import polars as pl
import pytest
from typer.testing import CliRunner

from tosho.__main__ import app
from tosho.calendar import offset
from tosho.config import Settings
from tosho.contracts import PREDICTIONS
from tosho.predictions import open_store
from tosho.storage import Files, Lake

SESSION = date(2025, 3, 31)


@pytest.fixture
def home(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("TOSHO_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TOSHO_HOME", str(tmp_path))
    return tmp_path


def run(*arguments, status=0):
    told = CliRunner().invoke(app, list(arguments))
    assert told.exit_code == status, told.output
    return told.output + str(told.exception or "")  # `main` prints an error's sentence


def test_sessions_are_iso_dates_one_a_line():
    told = run("sessions", "--from", "2024-12-30", "--to", "2025-01-07").splitlines()
    assert told == ["2024-12-30", "2025-01-06", "2025-01-07"]


def test_a_question_beyond_the_calendar_gets_a_sentence_and_no_traceback():
    command = [sys.executable, "-m", "tosho", "sessions", "--from", "2050-01-01", "--to", "2050-02-01"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.returncode == 1
    assert told.stderr.startswith("CalendarBoundError: 2050-01-01 was asked for; the TSE calendar is known from")
    assert "Traceback" not in told.stderr


def test_a_feature_set_is_listed_as_json():
    listed = json.loads(run("features", "list", "--set", "core", "--format", "json"))
    assert {"name", "family", "scope", "lookback", "inputs"} <= set(listed[0])
    by_name = {entry["name"]: entry for entry in listed}
    assert by_name["ret_5"]["lookback"] == 5
    assert by_name["ret_5"]["inputs"] == ["close"]
    assert by_name["csr_ret_20"]["scope"] == "cross_section"


def bars(codes=12, sessions=60):
    last = [offset(SESSION, -n) for n in range(sessions)][::-1]
    rows = [
        {"session": session, "code": f"{1300 + i}0", "close": 100.0 + (i * 7 + n * 13) % 17}
        for n, session in enumerate(last)
        for i in range(codes)
    ]
    close = pl.col("close")
    return pl.DataFrame(rows).select(
        "session",
        "code",
        open=close - 1,
        high=close + 2,
        low=close - 2,
        close=close,
        volume=close * 100,
        turnover_yen=close * close * 100,
        adj_factor=pl.lit(1.0),
        upper_limit_hit=pl.lit(value=False),
        lower_limit_hit=pl.lit(value=False),
    )


def test_features_of_a_file_are_computed_alike_by_both_engines(tmp_path):
    bars().write_parquet(tmp_path / "bars.parquet")
    made = {}
    for engine in ("local", "spark"):
        output = tmp_path / f"{engine}.parquet"
        where = ["--input", str(tmp_path / "bars.parquet"), "--output", str(output)]
        run("features", "compute", "--set", "core", "--engine", engine, *where, "--from", "2025-03-28")
        made[engine] = pl.read_parquet(output)
    assert made["local"].equals(made["spark"])
    assert made["local"]["session"].unique().sort().to_list() == [date(2025, 3, 28), SESSION]
    assert made["local"].columns[:2] == ["session", "code"]
    assert made["local"].schema["ret_5"] == pl.Float32


def predictions(codes=30):
    names = [f"{1300 + i}0" for i in range(codes)]
    ranks = list(range(1, codes + 1))
    frame = pl.concat(
        pl.DataFrame({"code": names, "rank": ranks, "score": [1 - r / 100 for r in ranks]}).with_columns(
            horizon=pl.lit(horizon), target_session=pl.lit(offset(SESSION, 1 + horizon))
        )
        for horizon in (1, 5)
    )
    constant = {
        "session": SESSION,
        "model": "tosho-lightgbm",
        "model_version": "1",
        "feature_set": "core",
        "flags": "",
        "run_id": "r",
        "predicted_at": datetime(2025, 3, 31, 9, 30, tzinfo=UTC),
    }
    frame = frame.with_columns(**{name: pl.lit(value) for name, value in constant.items()})
    missing = [name for name in PREDICTIONS.schema if name not in frame.columns]
    return frame.with_columns(pl.lit(None).alias(name) for name in missing).select(PREDICTIONS.schema.names())


def test_the_ranking_is_printed_best_first(home):
    open_store(Settings.from_environment().store).load(SESSION, predictions())
    told = run("predictions", "top", "--session", "2025-03-31", "--horizon", "5", "-n", "3").splitlines()
    assert [line.split()[:2] for line in told] == [["1", "13000"], ["2", "13010"], ["3", "13020"]]
    assert run("predictions", "count", "--session", "2025-03-31").split() == ["2025-03-31", "60"]


def test_a_session_without_predictions_says_so(home):
    told = run("predictions", "top", "--session", "2025-03-28", status=1)
    assert "2025-03-28" in told
    assert "2025-03-28" in told


def test_the_lake_is_listed_and_a_flipped_byte_is_found(home):
    lake = Lake(Files(f"file://{home}/lake"))
    frame = bars(sessions=1)
    manifest = lake.publish("bars", SESSION, frame)
    assert "bars              1 sessions  2025-03-31 .. 2025-03-31" in run("lake", "ls")
    assert "1 partitions checked, 0 faults." in run("lake", "verify")
    data = home / "lake/tables/bars/session=2025-03-31" / manifest.file
    spoilt = bytearray(data.read_bytes())
    spoilt[100] ^= 1
    data.write_bytes(spoilt)
    assert "1 partitions checked, 1 faults." in run("lake", "verify", status=1)


def test_help_loads_no_engine(home):
    """Every command starts with it: a third of a second of imports would be waited for by all."""
    heavy = (
        "import sys, tosho.__main__; print([n for n in ('polars', 'numpy', 'pyarrow', 'httpx') if n in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", heavy], capture_output=True, text=True, check=True).stdout == "[]\n"
