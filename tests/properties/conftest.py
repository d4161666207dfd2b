from dataclasses import replace

import pytest

from features.record_tables import record_tables
from features.small_market import SmallMarket, small_market


@pytest.fixture(scope="session")
def market(tmp_path_factory: pytest.TempPathFactory) -> SmallMarket:
    """The small market, with a table for each of the records."""
    bare = small_market()
    codes, sectors = (bare.securities[name].unique().sort().to_list() for name in ("code", "sector33"))
    told = record_tables(tmp_path_factory.mktemp("simulated"), bare.sessions, codes, sectors)
    return replace(bare, tables={**told, "shares": bare.shares})
