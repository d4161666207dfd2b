"""Which endpoint serves which file of a market folder, and which questions it takes: one line each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

import polars as pl

from tosho.ingest import plans
from tosho.simulation.publication import Published

Visible = Callable[[Published, "Table"], pl.Expr]
"""Tells which rows of a table have been published."""

PRELIMINARY: Final = "18:00:00"
"""Statements disclosed up to here are in the evening's first edition; later ones in that of half past midnight."""
_CODE: Final = MappingProxyType({"code": "Code"})
_NONE: Final[Mapping[str, str]] = MappingProxyType({})


def by_day(published: Published, table: Table) -> pl.Expr:
    """Rows that bear the day whose publication has passed."""
    return pl.col(table.dated) <= str(published.newest(table.source))


def by_week(published: Published, table: Table) -> pl.Expr:
    """Rows that bear the last session of a week that has been published."""
    return pl.col(table.dated) <= str(published.last(table.source))


def by_hour(published: Published, table: Table) -> pl.Expr:
    """Rows that bear day and time, published at the next full hour."""
    if (moment := published.now()) is None:
        return pl.lit(value=True)
    today = pl.col(table.dated) == str(moment.date())
    return (pl.col(table.dated) < str(moment.date())) | (today & (pl.col("PubTime") <= f"{moment.hour:02d}:00"))


def by_edition(published: Published, _: Table) -> pl.Expr:
    """Documents: in the evening those up to 18:00, half an hour after midnight the day's later ones too."""
    first, second = (pl.lit(str(published.newest(source))) for source in ("fins_summary", "fins_summary_final"))
    early = (pl.col("DiscTime") <= PRELIMINARY) & (pl.col("DiscDate") <= first)
    return early | (pl.col("DiscDate") <= second)


@dataclass(frozen=True)
class Table:
    """An endpoint whose answers are rows of one file.

    Attributes:
        endpoint: Its path.
        file: The file's name without suffix.
        source: Its name in the table of publication times.
        dated: The column that the plan's window, `from` and `to` speak of.
        asks: Parameters of which one must be given; empty where a question may name none.
        equal: Parameters, each with the column that must equal it.
        issues: Those of them that are codes of issues, which may be given with four characters.
        day: The parameter that names one day of `dated`; "" where there is none.
        span: The parameters of a first and a last day of `dated`.
        span_needs: Parameters of which one must stand beside a span; empty where a span may stand alone.
        one_only: Whether exactly one of `asks` may be given.
        visible: Which rows have been published.
    """

    endpoint: str
    file: str
    source: str
    dated: str = "Date"
    asks: tuple[str, ...] = ("code", "date")
    equal: Mapping[str, str] = field(default_factory=lambda: _CODE)
    issues: tuple[str, ...] = ("code",)
    day: str = "date"
    span: tuple[str, ...] = ("from", "to")
    span_needs: tuple[str, ...] = ("code",)
    one_only: bool = False
    visible: Visible = by_day


TABLES: Final = (
    Table(plans.TOPIX, "topix", "topix", asks=(), equal=_NONE, day="", span_needs=()),
    Table(plans.INDICES, "indices", "indices", issues=()),
    Table(
        plans.INVESTORS, "investor_types", "investor_types", "PubDate",
        asks=(), equal={"section": "Section"}, day="", span_needs=(),
    ),
    Table(plans.FINS, "statements", "fins_summary", "DiscDate", span=(), visible=by_edition),
    Table(plans.FINS_DETAILS, "details", "fins_summary", "DiscDate", span=(), visible=by_edition),
    Table(plans.DIVIDENDS, "dividends", "dividends", "PubDate", visible=by_hour),
    Table(
        plans.MARGIN_INTEREST, "margin_interest", "margin_interest",
        asks=("code", "date", "published_date"), equal={"code": "Code", "published_date": "PubDate"}, visible=by_week,
    ),
    Table(plans.MARGIN_ALERT, "margin_alert", "margin_alert", "PubDate"),
    Table(plans.SHORT_RATIO, "short_ratio", "short_ratio", asks=("s33", "date"), equal={"s33": "S33"},
          span_needs=("s33",)),
    Table(
        plans.SHORT_SALE_REPORT, "short_sale_report", "short_sale_report", "DiscDate",
        asks=("code", "disc_date", "calc_date"), equal={"code": "Code", "calc_date": "CalcDate"}, day="disc_date",
        span=("disc_date_from", "disc_date_to"),
    ),
    Table(plans.EARNINGS_DATE, "earnings_date", "earnings_date", "PubDate",
          asks=("code", "date", "scheduled_date"), span=(), one_only=True),
    Table(plans.OPTIONS_225, "options_225", "derivatives", asks=("date",), equal=_NONE, span=()),
    Table(plans.FUTURES, "futures", "derivatives", asks=("date",), span=(),
          equal={"category": "ProdCat", "contract_flag": "CCMFlag"}),
    Table(plans.OPTIONS, "options", "derivatives", asks=("date",), span=(),
          equal={"category": "ProdCat", "contract_flag": "CCMFlag", "code": "UndSSO"}),
)  # fmt: skip
