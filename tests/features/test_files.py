from datetime import date
from pathlib import Path

import polars as pl
import pytest

from features.small_market import SmallMarket
from tosho.features import local
from tosho.features.files import InputFileError, compute_file
from tosho.features.panel import build_panel
from tosho.features.sets import feature_set

CORE = feature_set("core")
FIRST, LAST = date(2018, 5, 1), date(2018, 6, 29)


@pytest.fixture
def folder(tmp_path: Path, market: SmallMarket) -> Path:
    for name in ("bars", "indices", "shares"):
        getattr(market, name).write_parquet(tmp_path / f"{name}.parquet")
    listing = market.securities.with_columns(pl.lit("a name").alias("name"))
    listing.write_parquet(tmp_path / "securities.parquet")
    return tmp_path


def test_a_file_gives_what_the_engine_gives(folder: Path, market: SmallMarket) -> None:
    report = compute_file(
        folder / "bars.parquet",
        folder / "new" / "out.parquet",
        "core",
        securities=folder / "securities.parquet",
        indices=folder / "indices.parquet",
        shares=folder / "shares.parquet",
        first=FIRST,
        last=LAST,
    )
    made = pl.read_parquet(folder / "new" / "out.parquet")
    panel = build_panel(market.bars, market.shares, market.securities)
    sessions = [s for s in market.sessions if FIRST <= s <= LAST]
    assert made.equals(local.compute(panel, market.indices, CORE, sessions))
    assert report == {
        "rows": made.height,
        "codes": 6,
        "sessions": len(sessions),
        "features": 192,
        "feature_set": "core",
        "number": 1,
    }


def test_text_sessions_any_code_and_absent_flags_are_taken(folder: Path) -> None:
    bars = pl.read_parquet(folder / "bars.parquet").filter(pl.col("session") < date(2015, 6, 1))
    bars = bars.drop("adj_factor", "upper_limit_hit", "lower_limit_hit")
    bars = bars.with_columns(
        pl.col("session").cast(pl.String), ("株-" + pl.col("code")).alias("code"), pl.col("volume").cast(pl.Int64)
    )
    bars.write_parquet(folder / "plain.parquet")
    compute_file(folder / "plain.parquet", folder / "out.parquet", "core")
    made = pl.read_parquet(folder / "out.parquet")
    assert made.schema["session"] == pl.Date
    assert made["code"][0].startswith("株-")
    assert made["ret_5"].null_count() < made.height
    assert made["limit_up_cnt_20"].null_count() == made["mkt_natr14"].null_count() == made.height
    assert made["mkt_ret_1"].null_count() == made.filter(pl.col("session") == made["session"].min()).height


def test_a_missing_column_is_named(folder: Path) -> None:
    pl.read_parquet(folder / "bars.parquet").drop("close").write_parquet(folder / "bad.parquet")
    with pytest.raises(InputFileError, match=r"bad.parquet lacks the column\(s\) \['close'\] of table bars"):
        compute_file(folder / "bad.parquet", folder / "out.parquet", "core")


def test_a_session_that_is_no_date_is_named(folder: Path) -> None:
    bars = pl.read_parquet(folder / "bars.parquet").with_columns(pl.lit("yesterday").alias("session"))
    bars.write_parquet(folder / "bad.parquet")
    with pytest.raises(InputFileError, match="a column cannot take its type"):
        compute_file(folder / "bad.parquet", folder / "out.parquet", "core")


def test_a_file_that_is_no_parquet_is_named(folder: Path) -> None:
    (folder / "bad.parquet").write_text("session,code")
    with pytest.raises(InputFileError, match=r"bad\.parquet cannot be read as Parquet"):
        compute_file(folder / "bad.parquet", folder / "out.parquet", "core")


def test_a_range_without_sessions_is_refused(folder: Path) -> None:
    with pytest.raises(InputFileError, match="no session from 2030-01-01"):
        compute_file(folder / "bars.parquet", folder / "out.parquet", "core", first=date(2030, 1, 1))


def test_an_unknown_engine_is_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match="Engine 'dask' was asked for"):
        compute_file(folder / "bars.parquet", folder / "out.parquet", "core", engine="dask")


def test_a_halt_may_be_a_row_of_nulls_or_no_row(tmp_path):
    from datetime import date, timedelta

    days = [date(2018, 10, 1) + timedelta(days=n) for n in range(30)]
    rows = [
        {"session": day, "code": code, "close": 100.0 + (n * 7 + int(code[3])) % 11}
        for n, day in enumerate(days)
        for code in ("13010", "13020")
    ]
    close = pl.col("close")
    prices = {"open": close, "high": close, "low": close, "volume": close * 100, "turnover_yen": close * close * 100}
    without_row = (
        pl.DataFrame(rows).with_columns(**prices).filter((close.is_not_null()) & (pl.col("session") != days[20]))
    )
    halted = pl.DataFrame({"session": [days[20]], "code": ["13010"]})
    other = (
        pl.DataFrame(rows).with_columns(**prices).filter((pl.col("session") == days[20]) & (pl.col("code") == "13020"))
    )
    without_row = pl.concat([without_row, other])
    with_row = pl.concat([without_row, halted], how="diagonal")
    made = []
    for name, frame in (("without", without_row), ("with", with_row)):
        frame.write_parquet(tmp_path / f"{name}.parquet")
        compute_file(tmp_path / f"{name}.parquet", tmp_path / f"{name}.out", "core")
        made.append(pl.read_parquet(tmp_path / f"{name}.out"))
    assert made[0].equals(made[1])
    after = made[0].filter((pl.col("code") == "13010") & (pl.col("session") == days[22]))
    assert after["ret_5"].item() is not None  # the window spans the halt, and neither of its ends is in it
    assert after["ret_2"].item() is None
