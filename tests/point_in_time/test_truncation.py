"""Nothing that comes later changes what was visible at a cutoff: on records of every table, and on ingested lakes.

Two worlds are compared. One holds everything, the other ends at the cutoff: in frames the records published later are
taken out; over HTTP the server's clock stands at the cutoff of each session while that session is ingested.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from functools import cache, partial
from random import Random

import polars as pl
import pytest

from point_in_time.records import KEYS, PUBLISHED, records_of
from point_in_time.world import FIRST, LAST, write_world
from services.jquants import KEY, serving
from tosho import calendar
from tosho.config import JQuants
from tosho.contracts import INGESTED
from tosho.ingest import JQuantsClient
from tosho.ingest.session import ingest_session, ingest_sources
from tosho.ingest.sources import SOURCES
from tosho.ingest.sources.source import by_date, same_day
from tosho.point_in_time.asof import as_of, with_cutoffs
from tosho.point_in_time.facts import FACTS, UnknownTableError, fact_of, newest, visible
from tosho.point_in_time.prices import adjusted_as_known, splits_of
from tosho.point_in_time.statements import as_disclosed
from tosho.point_in_time.universe import universe_at
from tosho.simulation.server import create_app
from tosho.storage import Files, Lake

DAYS = calendar.sessions(FIRST, LAST)
PAIRS = Random(4).sample([(day, table) for day in DAYS for table in sorted(INGESTED)], 200)
OF_THE_MOMENT = {source.table for source in SOURCES if source.of_the_moment}
LIVE, FULL = 0, 1
AT = pl.Datetime("us", "UTC")


def test_every_ingested_table_says_what_its_records_are_about():
    assert set(FACTS) == set(INGESTED)
    for table, (by, of, _) in FACTS.items():
        assert set(by) | set(of) <= set(INGESTED[table].schema)


def test_a_table_that_is_not_ingested_is_refused():
    with pytest.raises(UnknownTableError, match="Nobody says what a record of 'labels' is about"):
        fact_of("labels")


class TestRecords:
    def views(self, table, world, cutoff):
        """Return what is seen of a table at a cutoff: every fact, and the newest one of each key."""
        records, (by, _, _) = world.drop(PUBLISHED), fact_of(table)
        rows = pl.DataFrame([dict.fromkeys(by, key) | {"cutoff": cutoff} for key in KEYS])
        return visible(table, records, cutoff), newest(table, rows.cast({"cutoff": AT}), records)

    def differs(self, look, world, cutoff):
        """Tell whether what is seen is another thing where the world ends at the cutoff."""
        ended = world.filter(pl.col(PUBLISHED) <= cutoff)
        return not all(a.equals(b) for a, b in zip(look(world, cutoff), look(ended, cutoff), strict=True))

    def test_what_comes_later_changes_nothing_that_was_visible(self):
        later = corrected = 0
        for seed, (day, table) in enumerate(PAIRS):
            world, cutoff = records_of(table, DAYS, seed), calendar.cutoff(day)
            assert not self.differs(partial(self.views, table), world, cutoff), (day, table)
            later += bool((world[PUBLISHED] > cutoff).any())
            corrected += self.views(table, world, cutoff)[0].height < (world[PUBLISHED] <= cutoff).sum()
        assert (later, corrected > 100) == (len(PAIRS), True)

    @pytest.mark.parametrize("table", sorted(INGESTED))
    def test_a_record_that_says_it_was_known_earlier_is_caught(self, table):
        world, cutoff = records_of(table, DAYS, 1), calendar.cutoff(DAYS[5])
        late = world.with_row_index().filter(pl.col(PUBLISHED) > cutoff)["index"][0]
        falsified = pl.when(pl.int_range(pl.len()) == late).then(pl.lit(cutoff, AT)).otherwise("known_at")
        assert self.differs(partial(self.views, table), world.with_columns(falsified.alias("known_at")), cutoff)

    @pytest.mark.parametrize("table", ["margin_interest", "margin_alerts", "investor_flows", "short_positions"])
    def test_a_join_by_the_day_that_a_record_is_of_is_caught(self, table):
        by, (day_of,), _ = fact_of(table)

        def by_reference(world, cutoff):
            records = world.drop(PUBLISHED, "session").sort("known_at").unique([*by, day_of], keep="last")
            rows = pl.DataFrame([dict.fromkeys(by, key) | {"session": DAYS[5]} for key in KEYS])
            return [as_of(rows, records, by=by, cutoff="session", known_at=day_of)]

        assert self.differs(by_reference, records_of(table, DAYS, 1), calendar.cutoff(DAYS[5]))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def serve(folder):
    """Return what ingests each session with the server's clock at its cutoff, or, without a clock, with all data."""

    def ingest(root, ingest_one, days, *, clock):
        lake, now = Lake(Files(f"file://{root}")), [calendar.cutoff(days[0])]
        app = create_app(
            folder, api_key=KEY, plan="premium", rate_per_minute=None, clock=(lambda: now[-1]) if clock else None
        )
        with serving(app) as address, JQuantsClient(JQuants(f"{address}/v2", KEY, "premium")) as client:
            for day in days:
                now.append(calendar.cutoff(day))
                ingest_one(day, lake, client)
        return lake

    return ingest


class TestLakes:
    @pytest.fixture(scope="class")
    def lakes(self, serve, tmp_path_factory):
        """Return the lake that was filled evening by evening, and the one filled when all was there."""
        with ThreadPoolExecutor(2) as pool:
            filled = [
                pool.submit(serve, tmp_path_factory.mktemp(name), ingest_session, DAYS, clock=name == "live")
                for name in ("live", "full")
            ]
            live, full = (lake.result() for lake in filled)
        return live, full

    @pytest.fixture(scope="class")
    def tables(self, lakes):
        """Return a function that reads a table of one of the lakes up to a session, or all of it."""

        @cache
        def whole(which, table):
            return lakes[which].read_many(table, lakes[which].sessions(table))

        return lambda which, table, last=LAST: whole(which, table).filter(pl.col("session") <= last)

    def test_every_table_has_rows_before_and_after(self, tables):
        for table in INGESTED:
            partitions = tables(LIVE, table)["session"].n_unique()
            assert partitions >= 2, table

    def test_a_partition_of_the_evening_is_the_one_of_history(self, lakes):
        """Also of a session whose records were corrected, and whose companies were restated, since."""
        live, full = lakes
        compared = [(day, table) for day, table in PAIRS if table not in OF_THE_MOMENT]
        for day, table in compared:
            assert live.has(table, day) == full.has(table, day)
            assert not live.has(table, day) or live.read(table, day).equals(full.read(table, day)), (day, table)
        assert len(compared) > 170

    def test_what_only_the_moment_shows_is_never_there_too_early(self, lakes, tables):
        for table in OF_THE_MOMENT:
            had = [day for day in lakes[FULL].sessions(table, last=DAYS[-1]) if lakes[FULL].read(table, day).height]
            assert had == []
            assert with_cutoffs(tables(LIVE, table)).filter(pl.col("known_at") > pl.col("cutoff")).height == 0

    def test_known_at_alone_tells_what_was_visible(self, tables):
        """The whole table at a cutoff, against the lake that ends there."""
        for day, table in PAIRS:
            history, cutoff = tables(LIVE if table in OF_THE_MOMENT else FULL, table), calendar.cutoff(day)
            assert visible(table, history, cutoff).equals(visible(table, tables(LIVE, table, day), cutoff)), (
                day,
                table,
            )

    def test_adjusted_prices_statements_and_universe_of_a_session_are_those_of_its_evening(self, tables):
        for day in DAYS:
            bars, statements, listings = (tables(LIVE, name, day) for name in ("bars", "statements", "securities"))
            assert adjusted_as_known(tables(FULL, "bars"), day).equals(adjusted_as_known(bars, day))
            told = as_disclosed(tables(FULL, "statements")).filter(pl.col("known_at") <= calendar.cutoff(day))
            assert told.equals(as_disclosed(statements))
            history = tables(FULL, "securities").partition_by("session", maintain_order=True)
            evening = listings.partition_by("session", maintain_order=True)
            assert universe_at(history, day).equals(universe_at(evening, day))

    def test_restatements_and_corrections_are_among_what_came_later(self, tables):
        assert tables(FULL, "statements")["restated"].sum() > 5
        assert splits_of(tables(FULL, "bars")).height > 0
        flows = tables(FULL, "investor_flows")
        assert flows.height > flows.select("week_end", "section").n_unique() > 5
        alerts = tables(FULL, "margin_alerts")
        assert alerts.height > alerts.select("code", "applied_on").n_unique() > 10
        notices = tables(FULL, "dividends")
        assert set(notices["status"]) == {"1", "2"}

    def test_a_source_that_takes_a_week_as_known_at_its_end_is_caught(self, serve, tmp_path):
        """The planted leak: a join by the day that the figures are of, and a `known_at` made to fit."""
        honest = next(source for source in SOURCES if source.table == "margin_interest")

        def known_at_week_end(rows):
            found = honest.read(rows).with_columns(pl.col("applied_on").alias("session"))
            return with_cutoffs(found.drop("known_at"), cutoff="known_at").select(honest.contract.schema.names())

        leaky = replace(honest, read=known_at_week_end, ask=by_date, days=same_day, day=pl.col("applied_on"))
        friday = [date(2024, 11, 1)]
        live, full = (
            serve(tmp_path / name, lambda day, *rest: ingest_sources(day, [leaky], *rest), friday, clock=name == "live")
            for name in ("live", "full")
        )
        assert live.read("margin_interest", *friday).height == 0
        assert full.read("margin_interest", *friday).height > 40
