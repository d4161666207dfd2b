import pytest
from services.jquants import KEY, serving, write_market

from tosho.config import JQuants
from tosho.ingest import JQuantsClient
from tosho.simulation.server import create_app
from tosho.storage import Files, Lake


@pytest.fixture(scope="session")
def market(tmp_path_factory):
    return write_market(tmp_path_factory.mktemp("market"))


@pytest.fixture(scope="session")
def url(market):
    with serving(create_app(market, api_key=KEY, plan="light", page_rows=4, rate_per_minute=None)) as address:
        yield f"{address}/v2"


@pytest.fixture
def client(url):
    with JQuantsClient(JQuants(url, KEY, "light")) as client:
        yield client


@pytest.fixture(scope="session")
def free_url(market):
    """The same market under the free plan: no TOPIX, no files, and old enough for it."""
    with serving(create_app(market, api_key=KEY, plan="free", page_rows=4, rate_per_minute=None, clock=_spring)) as at:
        yield f"{at}/v2"


@pytest.fixture
def free_client(free_url):
    with JQuantsClient(JQuants(free_url, KEY, "free")) as client:
        yield client


@pytest.fixture
def lake(tmp_path):
    return Lake(Files(f"file://{tmp_path}/lake"))


@pytest.fixture
def other_lake(tmp_path):
    return Lake(Files(f"file://{tmp_path}/other"))


def _spring():
    from datetime import UTC, datetime

    return datetime(2019, 3, 1, 3, tzinfo=UTC)
