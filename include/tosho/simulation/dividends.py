"""Dividends as companies announce them, as fins/dividend gives them: forecast, decided, sometimes corrected."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

import polars as pl

from tosho.ingest import plans
from tosho.simulation.fields import FIELDS
from tosho.simulation.reports import drawn, on_or_after, sessions_around
from tosho.simulation.streams import Streams

CORRECTED: Final = 0.02
"""Share of the announcements that are corrected a session later."""
PAID_AFTER: Final = timedelta(days=85)
EARLIEST, LATEST = "12:00", "19:00"
"""Announcements are let out once an hour between these."""
_BLANK: Final = ("DistAmt", "RetEarn", "DeemDiv", "DeemCapGains", "NetAssetDecRatio", "CommDivRate", "SpecDivRate")
_NEW, _CORRECTION = "1", "2"
_INTERIM, _FINAL = "1", "2"
_DECIDED, _FORECAST = "1", "2"


def dividends_table(
    streams: Streams, reports: pl.DataFrame, statements: pl.DataFrame, sessions: list[date]
) -> pl.DataFrame:
    """Return one row an announcement: what a statement decides for its half-year or year, and what a 3Q one foresees.

    Args:
        streams: The market's random numbers.
        reports: As `reports.draw_reports` returns them.
        statements: The market's documents; a report that is not among them announced nothing.
        sessions: The market's sessions.
    """
    chance, _ = drawn(streams, "dividends", reports)
    known = sessions_around(reports, sessions)
    held = pl.col("ShOutFY") - pl.col("TrShFY")
    whole = pl.max_horizontal(0.3 * pl.col("FNP") / held, pl.lit(0.0)).round(1)
    interim = (pl.col("number") == 2) & ~pl.col("is_year")  # noqa: PLR2004 - the second quarter
    disclosed = statements.select("Code", pl.col("DiscDate").str.to_date(), CurPerEn=pl.col("CurPerEn").str.to_date())
    rows = (
        reports.with_columns(chance.alias("chance"))
        .filter(interim | (pl.col("number") == 3) | pl.col("is_year"))  # noqa: PLR2004 - the third
        .join(disclosed.unique(), on=["Code", "DiscDate", "CurPerEn"], how="semi", maintain_order="left")
        .with_columns(
            pl.when(interim).then(pl.lit(_INTERIM)).otherwise(pl.lit(_FINAL)).alias("IFCode"),
            pl.when(interim | pl.col("is_year")).then(pl.lit(_DECIDED)).otherwise(pl.lit(_FORECAST)).alias("FRCode"),
            pl.when(interim).then("CurPerEn").otherwise("CurFYEn").alias("RecDate"),
            pl.when(interim)
            .then((whole / 2).round(1))
            .otherwise((whole - (whole / 2).round(1)).round(1))
            .alias("DivRate"),
            pl.col("DiscDate").alias("PubDate"),
            pl.lit(_NEW).alias("StatCode"),
        )
    )
    following = known.gather((known.search_sorted(rows["PubDate"]) + 1).clip(0, len(known) - 1))
    corrected = rows.with_columns(
        following.alias("PubDate"), (pl.col("DivRate") + 1).alias("DivRate"), pl.lit(_CORRECTION).alias("StatCode")
    ).filter(pl.col("chance") < CORRECTED)
    return _official(pl.concat([rows, corrected]).filter(pl.col("PubDate") <= sessions[-1]), known)


def _official(rows: pl.DataFrame, known: pl.Series) -> pl.DataFrame:
    """Return the rows under the official names. The ex-date is the session before the day of record."""
    after = known.search_sorted(rows["RecDate"].cast(pl.Date), side="right")
    record, ex = (known.gather((after - back).clip(0, len(known) - 1)) for back in (1, 2))
    reference = pl.format(
        "{}{}{}{}", pl.col("Code").str.head(4), pl.col("RecDate").dt.strftime("%Y%m"), "IFCode", "FRCode"
    )
    hour = pl.col("DiscTime").str.head(5)
    early = pl.when(hour < EARLIEST).then(pl.lit(EARLIEST)).otherwise(hour)
    return (
        rows.with_columns(
            pl.when(early > LATEST).then(pl.lit(LATEST)).otherwise(early).alias("PubTime"),
            reference.alias("RefNo"),
            reference.alias("CARefNo"),
            pl.col("DiscDate").alias("BoardDate"),
            pl.col("RecDate").dt.strftime("%Y-%m").alias("IFTerm"),
            ex.alias("ExDate"),
            record.alias("ActRecDate"),
            on_or_after((rows["RecDate"] + PAID_AFTER).alias("PayDate"), known).alias("PayDate"),
            pl.lit("0").alias("CommSpecCode"),
            *(pl.lit("").alias(name) for name in _BLANK),
        )
        .sort("PubDate", "PubTime", "Code", "RefNo", "StatCode")
        .select(FIELDS[plans.DIVIDENDS])
    )
