"""The server over the real market, where it is at hand. Figures of the folder only, none of its rows."""

from datetime import date
from pathlib import Path

import pytest

from tosho.simulation.market_folder import load_market

FOLDER = Path(__file__).parents[3] / "shared/data/tse_2014_2018"
LAST = date(2018, 11, 16)

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the real market is not on this machine")


@pytest.fixture(scope="module")
def market():
    return load_market(FOLDER)


def test_a_session_is_whole(market):
    rows = market.bars_of([LAST], LAST)
    assert rows.height > market.traded(LAST).height > 3_600
    assert rows["C"].null_count() == rows.height - market.traded(LAST).height


def test_codes_without_a_master_are_in_the_bars_alone(market):
    strangers = set(market.listed(LAST)["Code"]) - set(market.master_of(LAST)["Code"])
    assert 30 < len(strangers) < 50


def test_segments_and_sectors_that_the_folder_lacks_are_told(market):
    master = market.master_of(LAST)
    assert set(master["Mkt"]) == {"0101", "0102", "0104", "0106", "0107", "0109"}
    assert "-" not in set(master["S33"])
    assert set(master["ProdCat"]) == {"011", "013", "014", "021", ""}
    assert set(master["Mrgn"]) == set(master["MrgnNm"]) == {"-"}


def test_limit_flags_that_the_folder_lacks_are_told_of_each_listed_code(market):
    rows = market.bars_of([LAST], LAST)
    assert rows.select("UL", "LL").null_count().row(0) == (0, 0)
    assert set(rows["UL"]) == set(rows["LL"]) == {"0", "1"}
    assert set(rows.filter(rows["C"].is_null())["UL"]) == {"0"}
