from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tosho.point_in_time import asof
from tosho.point_in_time.asof import AsOfError, as_of, known_by, with_cutoffs

NOON = datetime(2024, 4, 1, 3, tzinfo=UTC)
AT = pl.Datetime("us", "UTC")


def hours(n):
    return NOON + timedelta(hours=n)


def rows_of(*rows):
    return pl.DataFrame(rows, schema={"code": pl.String, "cutoff": AT}, orient="row")


def records_of(*records):
    """Records of key, fact, hour of publication and value."""
    schema = {"code": pl.String, "week_end": pl.Int64, "known_at": AT, "value": pl.Float64}
    return pl.DataFrame([(k, f, hours(h), v) for k, f, h, v in records], schema=schema, orient="row")


def joined(rows, records, **how):
    return as_of(rows, records, by=("code",), **({"fact": ("week_end",)} | how))["value"].to_list()


def test_a_record_counts_from_its_publication_on():
    records = records_of(("13010", 1, 5, 1.0))
    rows = rows_of(("13010", hours(5) - timedelta(microseconds=1)), ("13010", hours(5)), ("13010", hours(6)))
    assert joined(rows, records) == [None, 1.0, 1.0]


def test_the_correction_of_the_newest_fact_replaces_it():
    records = records_of(("13010", 1, 1, 1.0), ("13010", 2, 3, 2.0), ("13010", 2, 5, 2.5))
    assert joined(rows_of(("13010", hours(4)), ("13010", hours(5))), records) == [2.0, 2.5]


def test_the_correction_of_an_old_fact_does_not_push_the_newest_aside():
    records = records_of(("13010", 1, 1, 1.0), ("13010", 2, 3, 2.0), ("13010", 1, 5, 1.5))
    assert joined(rows_of(("13010", hours(6))), records) == [2.0]
    assert joined(rows_of(("13010", hours(6))), records, fact=()) == [1.5]


def test_of_two_facts_published_at_once_the_newer_holds():
    records = records_of(("13010", 2, 1, 2.0), ("13010", 1, 1, 1.0))
    assert joined(rows_of(("13010", hours(1))), records) == [2.0]


def test_rows_keep_their_order_and_number_and_repeat_freely():
    rows = rows_of(
        ("B", hours(9)), ("A", hours(1)), ("B", hours(0)), ("B", hours(9)), (None, hours(9)), ("C", hours(9))
    )
    records = records_of(("A", 1, 1, 1.0), ("B", 1, 1, 2.0))
    result = as_of(rows, records, by=("code",), fact=("week_end",))
    assert result.select(rows.columns).equals(rows)
    assert result["value"].to_list() == [2.0, 1.0, None, 2.0, None, None]
    assert result.columns == ["code", "cutoff", "week_end", "known_at", "value"]


def test_nothing_to_join_gives_nulls_and_nothing_to_join_to_gives_nothing():
    rows, records = rows_of(("A", hours(1))), records_of(("A", 1, 1, 1.0))
    assert as_of(rows, records.clear(), by=("code",)).row(0) == ("A", hours(1), None, None, None)
    assert as_of(rows.clear(), records, by=("code",)).height == 0


def test_a_table_with_one_record_at_a_time_has_no_key():
    records = records_of(("x", 1, 1, 1.0), ("x", 2, 3, 2.0), ("x", 1, 4, 1.5)).drop("code")
    rows = rows_of(("A", hours(4)), ("B", hours(2)), ("C", hours(0)))
    assert as_of(rows, records, by=(), fact=("week_end",))["value"].to_list() == [2.0, 1.0, None]


def test_sessions_serve_as_instants_where_both_sides_have_them():
    days = [date(2024, 4, n) for n in (1, 2, 3)]
    rows = pl.DataFrame({"session": days, "code": "A"})
    records = pl.DataFrame({"session": [days[1]], "code": ["A"], "value": [1.0]})
    result = as_of(rows, records, by=("code",), cutoff="session", known_at="session")
    assert result.columns == ["session", "code", "value"]
    assert result["value"].to_list() == [None, 1.0, 1.0]


def test_cutoffs_are_those_of_the_sessions():
    rows = pl.DataFrame({"session": [date(2024, 4, 2), date(2024, 4, 1), date(2024, 4, 2)]})
    evening = datetime(2024, 4, 2, 9, 30, tzinfo=UTC)
    assert with_cutoffs(rows)["cutoff"].to_list() == [evening, evening - timedelta(days=1), evening]


class TestRefusals:
    def test_two_records_of_one_fact_at_one_time(self):
        records = records_of(("13010", 1, 1, 1.0), ("13010", 1, 1, 2.0), ("86970", 1, 1, 2.0))
        with pytest.raises(AsOfError, match=r"1 of 3 records share .* the first with .*code=13010, week_end=1"):
            joined(rows_of(("A", hours(1))), records)

    def test_two_facts_at_one_time_whose_order_nobody_gave(self):
        records = records_of(("A", 1, 1, 1.0), ("A", 2, 1, 2.0))
        with pytest.raises(AsOfError, match="Name what tells them apart in `fact`"):
            joined(rows_of(("A", hours(1))), records, fact=())

    @pytest.mark.parametrize("name", ["code", "week_end", "known_at"])
    def test_a_record_that_cannot_be_placed(self, name):
        records = records_of(("A", 1, 1, 1.0)).with_columns(pl.when(pl.lit(value=False)).then(name).alias(name))
        with pytest.raises(AsOfError, match=f"Of 1 records .*'{name}': 1"):
            joined(rows_of(("A", hours(1))), records)

    def test_a_row_without_a_cutoff(self):
        with pytest.raises(AsOfError, match=r"Of 1 rows .*'cutoff': 1"):
            joined(rows_of(("A", None)), records_of(("A", 1, 1, 1.0)))

    def test_a_column_on_both_sides(self):
        rows = rows_of(("A", hours(1))).with_columns(value=pl.lit(1.0))
        with pytest.raises(AsOfError, match=r"\['value'\] stand in rows and records"):
            joined(rows, records_of(("A", 1, 1, 1.0)))

    def test_a_column_that_is_not_there(self):
        with pytest.raises(AsOfError, match=r"records lack the column\(s\) \['week_end'\]"):
            joined(rows_of(("A", hours(1))), records_of(("A", 1, 1, 1.0)).drop("week_end"))

    def test_an_instant_beside_a_session(self):
        rows = pl.DataFrame({"code": ["A"], "cutoff": [date(2024, 4, 1)]})
        with pytest.raises(AsOfError, match="both must be instants in UTC, or both sessions"):
            joined(rows, records_of(("A", 1, 1, 1.0)))


class TestPromises:
    """Faults of the join itself, planted in it."""

    ROWS, RECORDS = (("A", 1), ("A", 5)), (("A", 1, 3, 1.0), ("A", 2, 7, 2.0))

    def join_with(self, monkeypatch, faulty):
        honest = asof._places_of_newest
        monkeypatch.setattr(asof, "_places_of_newest", lambda *args: faulty(honest, *args))
        return joined(rows_of(*((key, hours(hour)) for key, hour in self.ROWS)), records_of(*self.RECORDS))

    def test_a_record_from_after_the_cutoff_is_caught(self, monkeypatch):
        with pytest.raises(AsOfError, match="2 rows were given records published after their cutoff"):
            self.join_with(monkeypatch, lambda honest, *args: (honest(*args).fill_null(0) + 1).clip(0, 1))

    def test_a_row_lost_or_doubled_is_caught(self, monkeypatch):
        with pytest.raises(AsOfError, match="2 rows became 1 in an as-of join"):
            self.join_with(monkeypatch, lambda honest, *args: honest(*args).head(1))


RECORDS = st.lists(
    st.tuples(st.sampled_from("AB"), st.integers(0, 3), st.integers(0, 6), st.floats(0, 1)),
    max_size=12, unique_by=lambda record: record[:3],
)  # fmt: skip
ROWS = st.lists(st.tuples(st.sampled_from("ABC"), st.integers(-1, 7)), max_size=8)


@settings(max_examples=200, deadline=None)
@given(ROWS, RECORDS)
def test_plain_code_gives_the_same(rows, records):
    def newest(key, cutoff):
        known = [(fact, hour, value) for code, fact, hour, value in records if code == key and hour <= cutoff]
        return max(known)[2] if known else None

    frame = rows_of(*((key, hours(hour)) for key, hour in rows))
    assert joined(frame, records_of(*records)) == [newest(*row) for row in rows]


@settings(max_examples=100, deadline=None)
@given(RECORDS, st.integers(-1, 7))
def test_what_is_visible_at_an_instant_is_each_facts_last_version(records, hour):
    seen = {}
    for code, fact, at, value in sorted(records, key=lambda record: record[2]):
        if at <= hour:
            seen[code, fact] = value
    found = known_by(records_of(*records), hours(hour), key=("code", "week_end"))
    assert {(code, fact): value for code, fact, _, value in found.rows()} == seen
    assert found.select("code", "week_end").rows() == sorted(seen)


def test_an_instant_needs_a_time_zone():
    with pytest.raises(ValueError, match="no time zone"):
        known_by(records_of(), NOON.replace(tzinfo=None), key=("code",))
