import pytest

from features.small_market import SmallMarket, small_market
from tosho.features import folding  # noqa: F401 - so that small frames meet the compiled loops, as in a worker


@pytest.fixture(scope="session")
def market() -> SmallMarket:
    return small_market()
