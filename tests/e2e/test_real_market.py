"""The steps over a real market's last months, without a scheduler: defects are named, the last session is scored."""

import os
import sys
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from tosho.calendar import sessions
from tosho.features.build import build
from tosho.features.spark.job import build_window
from tosho.features.spark.session import running_session
from tosho.local import market
from tosho.local.environment import Workplace
from tosho.local.processes import Processes
from tosho.predictions import open_store
from tosho.steps import daily, history, scoring, training

PROJECT = Path(__file__).parents[2]
REAL = PROJECT.parent / "shared" / "data" / "tse_2014_2018"
FIRST, LAST = date(2018, 3, 1), date(2018, 11, 16)

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(not REAL.is_dir(), reason="the real market is not on this machine"),
]


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    """An installation whose J-Quants serves the market from FIRST on."""
    folder = tmp_path_factory.mktemp("real")
    bars = pl.scan_parquet(REAL / "bars.parquet").filter(pl.col("Date") >= FIRST)
    (folder / "market").mkdir()
    bars.collect().write_parquet(folder / "market/bars.parquet")
    for name in ("topix.parquet", "master_2019-09-30.parquet"):
        (folder / "market" / name).symlink_to(REAL / name)
    place, processes = Workplace(PROJECT, folder / "home"), Processes(folder / "home/processes")
    market.serve(place, processes, folder / "market")
    yield place.settings()
    processes.stop_all()


@pytest.fixture(scope="module")
def taken_in(settings):
    before = sessions(FIRST, LAST)[-2]
    history.ingest(FIRST, before, settings)
    return before


def test_history_names_the_real_defects_and_passes_the_rest(settings, taken_in, monkeypatch):
    monkeypatch.setattr("tosho.steps.gates.DEFECTIVE_AT_MOST", 0.02)  # two of 176 sessions; of five years, under 0.01
    judged = history.check_data(FIRST, taken_in, settings)
    assert set(judged["defects"]) == {"2018-10-29", "2018-10-31"}
    assert all("ingest.traded" in told for told in judged["defects"].values())


def test_the_last_session_ends_with_predictions_of_the_market(settings, taken_in):
    with running_session("test", "local[2]"):
        os.environ["PYSPARK_PYTHON"] = sys.executable
        build(settings, "core", FIRST, taken_in, engine=build_window)
        training.train(settings, FIRST, taken_in)
        daily.ingest(LAST, settings)
        daily.check_data(LAST, settings)
        build(settings, "core", LAST, LAST, engine=build_window)
    daily.check_features(LAST, settings)
    scoring.score(settings, LAST)
    daily.load(LAST, settings)
    stored = open_store(settings.store).read(LAST, horizon=5)
    assert stored["code"].n_unique() >= 3000
    assert stored["rank"].min() == 1
