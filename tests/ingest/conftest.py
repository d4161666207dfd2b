from datetime import UTC, datetime

import polars as pl
import pytest

from services.jquants import FIRST, KEY, LAST, Tampering, serving, write_market
from tosho.calendar import sessions
from tosho.config import JQuants
from tosho.ingest import JQuantsClient
from tosho.simulation.server import create_app
from tosho.storage import Files, Lake


@pytest.fixture(scope="session")
def market(tmp_path_factory):
    """Companies disclose something on every session, so that files of statements hold each."""
    folder = write_market(tmp_path_factory.mktemp("market"))
    stated = pl.read_parquet(folder / "statements.parquet")
    plain = stated.filter(pl.col("ShOutFY").is_null()).head(1)
    daily = [plain.with_columns(DiscDate=pl.lit(str(day)), DiscNo=pl.lit(f"{day}x")) for day in sessions(FIRST, LAST)]
    pl.concat([stated, *daily]).write_parquet(folder / "statements.parquet")
    return folder


@pytest.fixture(scope="session")
def _between(market):
    return Tampering(create_app(market, api_key=KEY, plan="light", page_rows=4, rate_per_minute=None))


@pytest.fixture(scope="session")
def url(_between):
    with serving(_between) as address:
        yield f"{address}/v2"


@pytest.fixture
def tampering(_between):
    """What stands between the server and the client; honest until told otherwise."""
    _between.honest()
    yield _between
    _between.honest()


@pytest.fixture
def waits():
    """The seconds that the client would have waited."""
    return []


@pytest.fixture
def client(url, tampering, waits):
    with JQuantsClient(JQuants(url, KEY, "light"), sleep=waits.append) as client:
        yield client


@pytest.fixture(scope="session")
def free_url(market):
    """The same market a spring later, on the free plan: no TOPIX, no files."""
    spring = datetime(2019, 3, 1, 3, tzinfo=UTC)
    app = create_app(market, api_key=KEY, plan="free", page_rows=4, rate_per_minute=None, clock=lambda: spring)
    with serving(app) as address:
        yield f"{address}/v2"


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


@pytest.fixture
def data_files(tmp_path):
    """Return path and bytes of every Parquet file of a lake."""

    def read(lake):
        root = tmp_path.__class__(lake.files.root.removeprefix("file://"))
        return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*.parquet"))}

    return read
