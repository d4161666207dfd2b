from datetime import date

import polars as pl
import pytest

from tosho.simulation.market import simulate

LAST = date(2025, 3, 31)


@pytest.fixture(scope="session")
def synthetic(tmp_path_factory):
    """A synthetic market of 300 codes over 150 sessions."""
    folder = tmp_path_factory.mktemp("synthetic")
    simulate(folder, codes=300, sessions=150, last=LAST)
    return folder


@pytest.fixture(scope="session")
def read(synthetic):
    return lambda name: pl.read_parquet(synthetic / f"{name}.parquet")


@pytest.fixture(scope="session")
def failure(tmp_path_factory):
    """A synthetic market that spans the day on which the exchange stood still."""
    folder = tmp_path_factory.mktemp("failure")
    simulate(folder, codes=60, sessions=30, last=date(2020, 10, 16))
    return folder
