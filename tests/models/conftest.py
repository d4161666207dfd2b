import pytest

from planted.market import QUICK, draw, samples
from tosho.dataset.splits import WalkForward
from tosho.models.walk import walk


@pytest.fixture(scope="session")
def market():
    return samples(draw(strength=0.5))


@pytest.fixture(scope="session")
def fold(market):
    return WalkForward().fitted(len(market.sessions)).folds(market.sessions)[-1]


@pytest.fixture(scope="session")
def walked(market, fold):
    told = []
    (part,) = walk(QUICK, market, [fold], told.append)
    return part, told
