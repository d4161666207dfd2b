"""Each field of each source, served without any value: the run stops with the name of what is lost, nothing published.

What a whole payload may rightly be without is declared, with the reason, and is the business of the gate `emptied`.
"""

from datetime import date
from itertools import count

import polars as pl
import pytest

from services.jquants import KEY, Tampering, serving
from tosho.config import JQuants
from tosho.contracts import ContractError
from tosho.ingest import JQuantsClient
from tosho.ingest.fetch import Answers
from tosho.ingest.plans import PLANS
from tosho.ingest.session import ingest_session, ingest_sources
from tosho.ingest.sources import SOURCES
from tosho.simulation.market import simulate
from tosho.simulation.server import create_app
from tosho.storage import Files, Lake

SESSION = date(2026, 10, 29)
"""A day of the season on which every table has rows."""
ROWS = 60
NAMED = r"without \w+|sent no value of \['\w+'\] \(\w+"
EACH = pytest.mark.parametrize(
    "source",
    [source.under(PLANS["premium"]) for source in SOURCES if source.table != "shares"],
    ids=lambda source: source.table,
)
"""Shares are made of the answer that statements read whole."""


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    folder = tmp_path_factory.mktemp("market")
    simulate(folder, codes=300, sessions=60, last=SESSION)
    between = Tampering(create_app(folder, api_key=KEY, plan="premium", page_rows=100_000, rate_per_minute=None))
    with serving(between) as address:
        between.address, between.of_years = f"{address}/v2", last_of_years(folder)
        yield between


@pytest.fixture(scope="module")
def client(service):
    with JQuantsClient(JQuants(service.address, KEY, "premium")) as client:
        yield client


def last_of_years(folder):
    stated = pl.read_parquet(folder / "statements.parquet").filter(pl.col("DocType").str.starts_with("FY"))
    return date.fromisoformat(stated.filter(pl.col("DiscTime") < "18:00")["DiscDate"].max())


def of_a_whole_exchange(_, rows):
    """Return as many rows as a real evening has, at least ROWS of each kind of document, under codes of their own."""
    if not rows or "Code" not in rows[0]:
        return rows
    of_kind = {}
    for row in rows:
        of_kind.setdefault(row.get("DocType"), []).append(row)
    number = count(10_000)
    return [
        row if round_ == 0 else row | {"Code": f"{next(number)}"}
        for same in of_kind.values()
        for round_ in range(-(-ROWS // len(same)))
        for row in same
    ]


def without(field):
    def blank(path, rows):
        return [row | ({field: None} if field in row else {}) for row in of_a_whole_exchange(path, rows)]

    return blank


def taken(source, session, lake, client):
    ingest_sources(session, [source], lake, client)
    return lake.read(source.table, lake.sessions(source.table)[-1])


def answered(source, session, lake, client):
    pages = [page.rows for query in source.ask(session) for page, _ in Answers(lake, client).pages(source, query)]
    return pl.concat([rows for rows in pages if rows.height])


def filled(rows):
    return {name for name in rows.columns if rows[name].count()}


def lost_by(source, rows, field):
    """Return the columns that are without a value for want of a field; None where reading alone finds it out."""
    try:
        return filled(source.read(rows)) - filled(source.read(rows.with_columns(pl.lit(None, pl.String).alias(field))))
    except ContractError:
        return None


def session_of(source, service):
    """Return the session on which a source is looked at: of statements one on which years are reported, too."""
    return service.of_years if source.name.startswith("fins_") else SESSION


@EACH
def test_a_field_without_any_value_stops_the_run_by_name_unless_it_is_declared_sparse(
    source, service, client, tmp_path
):
    session, sparse = session_of(source, service), {c.name for c in source.contract.columns if c.may_be_empty}
    service.rows, honest = of_a_whole_exchange, Lake(Files(f"file://{tmp_path}/honest"))
    whole, rows = taken(source, session, honest, client), answered(source, session, honest, client)
    assert whole.height
    for field in set(rows.columns):
        service.rows, lake = without(field), Lake(Files(f"file://{tmp_path}/{field}"))
        lost = lost_by(source, rows, field)
        if lost is None or lost - sparse:
            with pytest.raises(ContractError, match="|".join(f"'{name}'" for name in lost) if lost else NAMED):
                taken(source, session, lake, client)
            assert not lake.sessions(source.table), field
        else:
            assert taken(source, session, lake, client).drop(lost).equals(whole.drop(lost)), field


@pytest.mark.parametrize(("plan", "tells"), [("light", False), ("standard", True)])
def test_margin_classes_may_be_blank_on_the_plans_that_need_not_tell_them(plan, tells, service, tmp_path):
    """From the first session on, where nothing of before can tell that they are lost."""
    service.rows, lake = without("Mrgn"), Lake(Files(f"file://{tmp_path}"))
    with JQuantsClient(JQuants(service.address, KEY, plan)) as client:
        if tells:
            with pytest.raises(ContractError, match=r"securities: the column\(s\) \['margin_class'\] are null"):
                ingest_session(SESSION, lake, client)
            assert not lake.sessions("securities")
            assert not lake.sessions("bars")
        else:
            ingest_session(SESSION, lake, client)
            assert lake.read("securities", SESSION)["margin_class"].count() == 0
