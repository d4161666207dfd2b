import pytest

from features.small_market import SmallMarket, small_market


@pytest.fixture(scope="session")
def market() -> SmallMarket:
    return small_market()
