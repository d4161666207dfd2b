from datetime import date
from typing import ClassVar

import polars as pl
import pytest

from tosho import calendar
from tosho.contracts import SHARES
from tosho.quality.ledger import Ledger
from tosho.quality.listing import Listings
from tosho.storage import Files, Lake

DAYS = calendar.sessions(date(2024, 1, 4), date(2024, 6, 28))
NOTHING = SHARES.empty()


class Counting(Lake):
    """A lake that tells which manifests were read."""

    read_manifests: ClassVar[list[date]] = []

    def manifest(self, table, session):
        self.read_manifests.append(session)
        return super().manifest(table, session)


@pytest.fixture
def lake(tmp_path):
    Counting.read_manifests.clear()
    return Counting(Files(f"file://{tmp_path}"))


def stated(session):
    return pl.DataFrame([(session, "13010", calendar.cutoff(session), 1e6)], schema=SHARES.schema, orient="row")


def publish(lake, days, *, with_rows=()):
    for day in days:
        lake.publish("shares", day, stated(day) if day in with_rows else NOTHING)
    lake.read_manifests.clear()


def test_rows_before_are_those_of_partitions_that_have_some(lake):
    publish(lake, DAYS[:5], with_rows=DAYS[1:4])
    ledger = Ledger(lake)
    assert ledger.before("shares", DAYS[3], 20) == DAYS[1:3]
    assert ledger.before("shares", DAYS[3], 1) == [DAYS[2]]
    assert ledger.counts("shares", DAYS[1], 20) == [(DAYS[0], 0), (DAYS[1], 1)]


def test_the_newest_rows_are_found_however_long_ago_they_came(lake):
    publish(lake, DAYS, with_rows=DAYS[:1])
    assert Ledger(lake).newest("shares", DAYS[-1]) == DAYS[0]
    assert Ledger(lake).newest("shares", calendar.previous_session(DAYS[0])) is None


def test_a_table_that_never_had_rows_has_no_newest_ones(lake):
    publish(lake, DAYS[:3])
    assert Ledger(lake).newest("shares", DAYS[2]) is None
    assert Ledger(lake).newest("dividends", DAYS[2]) is None


def test_session_after_session_each_manifest_is_read_once(lake):
    publish(lake, DAYS[:40], with_rows=DAYS[:1])
    ledger = Ledger(lake)
    assert [ledger.newest("shares", day) for day in DAYS[:40]] == [DAYS[0]] * 40
    assert ledger.newest("shares", DAYS[7]) == DAYS[0]  # back again
    assert sorted(lake.read_manifests) == DAYS[:40]


def test_a_folder_that_no_manifest_makes_a_partition_counts_for_nothing(lake):
    publish(lake, DAYS[:3], with_rows=DAYS[:3])
    lake.files.delete(f"tables/shares/session={DAYS[2]}/manifest.json")
    ledger = Ledger(lake)
    assert ledger.rows("shares", DAYS[2]) is None
    assert ledger.newest("shares", DAYS[2]) == DAYS[1]
    assert ledger.earlier("shares", DAYS[3]) == DAYS[:2]


def listing(lake, days, codes):
    for day in days:
        named = {"session": day, "code": codes, "name": "A", "sector33": "1", "segment": "1"}
        blank = dict.fromkeys(("name_en", "sector17", "scale", "margin_class", "product"), "1")
        lake.publish("securities", day, pl.DataFrame(named).with_columns(**{k: pl.lit(v) for k, v in blank.items()}))


def test_a_code_that_left_before_the_first_listing_taken_is_known(lake):
    listing(lake, DAYS[:4], ["13010", "50000"])
    listing(lake, DAYS[4:8], ["13010"])
    listings = Listings(Ledger(lake))
    listings.take(DAYS[7], pl.Series(["13010"]))
    assert listings.unknown(["13010", "50000", "99990"]) == {"99990"}


def test_listings_of_before_are_read_only_for_an_unknown_code(lake):
    listing(lake, DAYS[:3], ["13010"])
    lake.read_manifests.clear()
    listings = Listings(Ledger(lake))
    listings.take(DAYS[2], pl.Series(["13010"]))
    assert listings.unknown(["13010"]) == frozenset()
    assert lake.read_manifests == []


def test_without_a_listing_every_code_is_unknown(lake):
    assert Listings(Ledger(lake)).unknown(["13010"]) == {"13010"}
