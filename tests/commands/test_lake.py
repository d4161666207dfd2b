"""What an operator sees of the lake: versions, faults, orphans, stale features, and what a purge takes."""

import os
from datetime import date

import polars as pl
import pytest
from typer.testing import CliRunner

from tosho.__main__ import app
from tosho.contracts import features_contract
from tosho.features.inputs import FACT, Published
from tosho.storage import Files, Lake, Source, raw

SESSION = date(2025, 3, 31)


@pytest.fixture
def home(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("TOSHO_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TOSHO_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def lake(home):
    return Lake(Files(f"file://{home}/lake"))


def run(*arguments, status=0):
    told = CliRunner().invoke(app, list(arguments))
    assert told.exit_code == status, told.output
    return told.output + str(told.exception or "")


def bars(close):
    prices = dict.fromkeys(("open", "high", "low", "close"), close)
    row = {"session": SESSION, "code": "13010", **prices, "volume": 1.0, "turnover_yen": close, "adj_factor": 1.0}
    flags = dict.fromkeys(("upper_limit_hit", "lower_limit_hit"))
    return pl.DataFrame([row | flags], schema_overrides=dict.fromkeys(flags, pl.Boolean))


def features(lake, facts):
    frame = pl.DataFrame({"session": [SESSION], "code": ["13010"], "mom_5": [0.5]})
    lake.publish("features", SESSION, frame, contract=features_contract(("mom_5",)), facts=facts)


def test_a_repaired_partition_shows_its_versions_and_their_payloads(lake):
    first = lake.publish(
        "bars", SESSION, bars(100.0), sources=[Source("date=2025-03-31", "a" * 64, "2025-03-31T08:00")]
    )
    second = lake.publish("bars", SESSION, bars(101.0))
    told = run("lake", "versions", "bars", "2025-03-31").splitlines()
    assert [told[0][:16], told[2][:16]] == [first.sha256[:16], second.sha256[:16]]
    assert told[1].split() == ["2025-03-31T08:00", "a" * 16, "date=2025-03-31"]
    assert "1 earlier" in run("lake", "ls", "bars")


def test_orphans_are_listed_by_verify_and_removed_by_sweep_when_told_to(lake):
    lake.publish("bars", SESSION, bars(100.0))
    orphan = lake.stage("bars", SESSION, bars(101.0)).file
    told = run("lake", "verify", "--table", "bars", "--from", "2025-03-31", "--to", "2025-03-31")
    assert "1 partitions checked, 0 faults." in told
    assert f"{orphan}: no manifest names it" in told
    assert "0 files, 0 bytes would go" in run("lake", "sweep")  # a task may need it still
    assert f"{orphan}  " in run("lake", "sweep", "--hours", "0")
    assert "1 files" in run("lake", "sweep", "--hours", "0", "--execute")
    assert "0 files" in run("lake", "sweep", "--hours", "0")
    assert lake.read("bars", SESSION)["close"].item() == 100.0


def test_a_table_that_is_not_there_is_named(lake):
    lake.publish("bars", SESSION, bars(100.0))
    told = run("lake", "verify", "--table", "bras", status=2)
    assert "has no table bras" in " ".join(
        told.replace("│", " ").split()
    )  # a frame of the terminal's width is around it


def test_stale_features_are_listed_with_the_reason(lake):
    lake.publish("bars", SESSION, bars(100.0))
    features(lake, {FACT: Published.of(lake, SESSION).made_from(SESSION, 5)})
    assert run("lake", "stale") == "0 of 1 sessions are stale.\n"
    lake.publish("bars", SESSION, bars(101.0))
    told = run("lake", "stale").splitlines()
    assert told[0].startswith("2025-03-31  bars of 2025-03-31 was ")
    assert told[1] == "1 of 1 sessions are stale."


def test_a_purge_lists_first_and_deletes_when_told_to(lake, home):
    raw.keep(lake, "bars_daily", "date=2025-03-31", b"{}")
    lake.publish("bars", SESSION, bars(100.0))
    lake.files.write("tables/predictions/session=2025-03-31/manifest.json", b"ours")
    (home / "mlflow.db").write_bytes(b"models")
    before = lake.files.tree("")
    told = run("purge", "--source", "jquants")
    assert ["raw/bars_daily" in told, "tables/bars" in told, "Nothing was deleted" in told] == [True] * 3
    assert told.index("Stays in the lake") < told.index("tables/predictions")
    assert f"models (with samples of features) in sqlite:///{home}/mlflow.db" in told
    assert lake.files.tree("") == before
    assert "4 files deleted." in run("purge", "--source", "jquants", "--yes")
    assert [entry.path for entry in lake.files.tree("")] == ["tables/predictions/session=2025-03-31/manifest.json"]
    run("purge", "--source", "jquants", "--derived", "--execute")
    assert lake.files.tree("") == []
    assert (home / "mlflow.db").exists()


def test_a_purge_asks_whose_data():
    assert "--source" in run("purge", status=2)
    assert "edinet" in run("purge", "--source", "edinet", status=2)
