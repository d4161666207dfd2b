"""Ten thousand payloads that nobody should send, pages and files, through the real reading path of every source.

Whatever comes, the outcome is a typed error, or partitions that keep their contract and hold what was sent. A case is
known by source and number: the same bytes come again. `TOSHO_FUZZ_CASES` asks for another count.
"""

import json
import os
from collections import Counter
from dataclasses import replace

import polars as pl
import pytest

from services.mutations import mutated
from services.official_rows import official_rows, page_of
from tosho.contracts import ContractError
from tosho.ingest import NotYetPublishedError, PayloadError, payload
from tosho.ingest.sources import SOURCES
from tosho.simulation.fields import FIELDS
from tosho.storage import Files, Lake

CASES = int(os.environ.get("TOSHO_FUZZ_CASES", "10000"))
WIDE = 25
IN_TURN = [source for source in SOURCES for _ in range(1 if len(FIELDS[source.endpoint]) > WIDE else 2)]
"""Sources with many columns take longest, and come up half as often."""

TYPED = (PayloadError, ContractError, NotYetPublishedError)
GZIP = b"\x1f\x8b"


def as_sent(body):
    """Return rows read by another reader, each value as the characters that were sent; maps and lists as None."""
    rows = json.loads(body, parse_float=str, parse_int=str)["data"]
    return [{name: _characters(sent) for name, sent in row.items()} for row in rows]


def _characters(sent):
    return str(sent).lower() if isinstance(sent, bool) else sent if isinstance(sent, str) else None


def differs(rows, body):
    """Tell whether a frame holds anything but what was sent."""
    for found, sent in zip(rows.to_dicts(), as_sent(body), strict=True):
        nested = {name for name, text in found.items() if str(text).startswith(("{", "["))}
        if any(found[name] != sent.get(name) for name in {*found, *sent} - nested):
            return True
    return False


class Reader:
    """The path from a page's bytes to the lake, each case in a lake of its own."""

    def __init__(self, folder):
        self.folder, self.published = folder, Counter()
        self._seen = set()

    def read(self, source, body, number):
        """Return what comes of a body: `published`, or the name of a typed error; anything else is a defect."""
        try:
            good = source.check(source.read(self.rows(source, body))).good
            for (session,), part in good.partition_by("session", as_dict=True).items():
                self.publish(source, session, part, Lake(Files(f"file://{self.folder}/{source.table}-{number}")))
        except TYPED as error:
            return type(error).__name__
        return "published" if good.height else "nothing good"

    def rows(self, source, body):
        if body.startswith(GZIP):
            return payload.csv_frame(payload.unpack(body, source.name), source.name)
        rows = payload.rows_frame(payload.read_json(body, source.endpoint).rows)
        assert not differs(rows, body), "what was read is not what was sent"
        return rows

    def publish(self, source, session, part, lake):
        """Publish rows and look at what stands there then; rows that were published before end as they did."""
        rows = hash((source.table, tuple(part.rows())))
        if rows in self._seen:
            return
        lake.publish(source.table, session, part, contract=source.contract)
        again = lake.read(source.table, session)
        assert source.contract.conform(again).equals(again)
        assert again.height == part.height
        assert again["session"].to_list() == [session] * again.height
        odd = [name for name, sent in again.select(pl.col(pl.Float64)).to_dict().items() if not sent.is_finite().all()]
        assert not odd, f"a number that is none was published in {odd}"
        self.published[source.table] += 1
        self._seen.add(rows)


@pytest.fixture
def reader(tmp_path, monkeypatch):
    """What is written need not reach the disk here."""
    monkeypatch.setattr(os, "fsync", lambda _: None)
    return Reader(tmp_path)


@pytest.mark.parametrize("source", SOURCES, ids=str)
def test_what_is_mutated_is_good_before(source, reader):
    assert reader.read(source, page_of(official_rows(source.endpoint)), 0) == "published"


@pytest.mark.parametrize(
    ("table", "name", "sent"),
    [
        ("indices", "Date", '"9999-12-31"'),
        ("indices", "C", '"NaN"'),
        ("indices", "C", "1e999"),
        ("securities", "CoName", '"\\ud800"'),
        ("securities", "CoName", '{"a":1}'),
        ("margin_alerts", "Code", "[" * 20_000),
        ("statements", "DiscDate", '"0001-01-01"'),
        ("bars", "Code", '"","Code":"13010'),
    ],
)
def test_single_values_that_readers_have_stumbled_over(table, name, sent, reader):
    source = next(source for source in SOURCES if source.table == table)
    body = page_of([row | {name: sent} for row in official_rows(source.endpoint)])
    assert reader.read(source, body, 0) in {"PayloadError", "ContractError", "nothing good", "published"}


def fuzz(reader, sources, cases):
    """Return how often each outcome was, and of each kind of defect the smallest example."""
    outcomes, defects = Counter(), {}
    for number in range(cases):
        source = sources[number % len(sources)]
        body = mutated(source, number)
        try:
            outcomes[reader.read(source, body, number)] += 1
        except BaseException as error:  # a panic of the engine is no Exception
            if isinstance(error, KeyboardInterrupt):
                raise
            kind = f"{source.table}: {type(error).__name__}: {str(error)[:40]}"
            smallest = defects.get(kind, (number, body))
            defects[kind] = min(smallest, (number, body), key=lambda case: len(case[1]))
    return outcomes, defects


def test_mutated_payloads_end_in_typed_errors_or_sound_partitions(reader):
    outcomes, defects = fuzz(reader, IN_TURN, CASES)
    assert {kind: (number, body[:300]) for kind, (number, body) in defects.items()} == {}
    assert set(reader.published) == {source.table for source in SOURCES}
    assert min(outcomes[kind] for kind in ("published", "PayloadError", "ContractError")) > CASES // 10


def test_a_reader_that_is_careless_is_found_out(reader):
    def careless(rows):
        return source.contract.dated(
            rows.select(pl.col("Date").str.to_date().alias("session"), pl.lit("0000").alias("index_code"),
                        *(pl.col(sent).cast(pl.Float64).alias(name) for sent, name in
                          zip("OHLC", ("open", "high", "low", "close"), strict=True)))
        )  # fmt: skip

    source = next(source for source in SOURCES if source.table == "indices")
    _, defects = fuzz(reader, [replace(source, read=careless)], 200)
    assert {kind.split(": ")[1] for kind in defects} >= {"ColumnNotFoundError", "InvalidOperationError"}
