"""How rows are joined with what was told, whatever the kind of records."""

from datetime import date

import polars as pl

from tosho.features.records import Grain, Records, with_records

KIND = Records("told", Grain.CODE, ("margin_interest",), ("told_value",), lambda tables: tables["margin_interest"])
MADE = {"told": pl.DataFrame({"session": [date(2024, 4, 1)], "code": ["13010"], "told_value": [2.0]})}


def test_no_rows_have_the_columns_too() -> None:
    """A code that left before what is looked at begins is alone in its bucket."""
    rows = pl.DataFrame(schema={"session": pl.Date, "code": pl.String})
    joined = with_records(rows, [KIND], MADE)
    assert joined.schema == {**rows.schema, "told_value": pl.Float64(), "told_age": pl.Float64()}


def test_rows_before_the_first_record_have_nulls_and_age_counts_sessions() -> None:
    rows = pl.DataFrame({"session": [date(2024, 3, 29), date(2024, 4, 1), date(2024, 4, 8)], "code": ["13010"] * 3})
    joined = with_records(rows, [KIND], MADE)
    assert joined["told_value"].to_list() == [None, 2.0, 2.0]
    assert joined["told_age"].to_list() == [None, 0.0, 5.0]
