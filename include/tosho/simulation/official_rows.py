"""How the columns of a market folder become the rows that J-Quants V2 sends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import polars as pl

from tosho.simulation.fields import STATEMENTS

_MASTER_COLUMNS: Final = {
    "CoName": "CompanyName", "CoNameEn": "CompanyNameEnglish", "S17": "Sector17Code", "S17Nm": "Sector17CodeName",
    "S33": "Sector33Code", "S33Nm": "Sector33CodeName", "ScaleCat": "ScaleCategory", "Mkt": "MarketCode",
    "MktNm": "MarketCodeName", "Mrgn": "MarginCode", "ProdCat": "ProductCategory",
}  # fmt: skip

_MARKETS: Final = {
    "市場第一部": "0101", "市場第二部": "0102", "マザーズ": "0104", "PRO Market": "0105", "JASDAQ(スタンダード": "0106",
    "JASDAQ(グロース": "0107", "プライム": "0111", "スタンダード": "0112", "グロース": "0113",
}  # fmt: skip
"""How JPX's own list of issues begins a market's name, and J-Quants' code for it; anything else is 0109, others."""

_PRODUCTS: Final = {"内国株": "011", "外国株": "021", "ETF": "014", "REIT": "013"}
_MARGIN_NAMES: Final = {"1": "信用", "2": "貸借", "3": "その他"}
_NOT_RECORDED: Final = "-"
_NO_SECTOR: Final = {"S17": "99", "S33": "9999"}


def master_rows(master: pl.DataFrame) -> pl.DataFrame:
    """Return a folder's master under official names, all text, "" where nothing is known.

    Market and product codes that the folder lacks are read off the market's name; issues without a sector
    ("-" in JPX's list) get J-Quants' codes for others. J-Quants sends an English name and a margin class of every
    issue: where no name was recorded, one stands in its place that says so, and where no class was, "-".
    """
    absent = [name for name in _MASTER_COLUMNS.values() if name not in master.columns]
    filled = master.with_columns(pl.lit(None, pl.String).alias(name) for name in absent)
    rows = filled.select(
        "Code", *(pl.col(old).cast(pl.String).str.strip_chars().alias(new) for new, old in _MASTER_COLUMNS.items())
    )
    rows = rows.with_columns(
        pl.coalesce("Mkt", _by_name(_MARKETS, "^{}", pl.lit("0109"))),
        pl.coalesce("ProdCat", _by_name(_PRODUCTS, "{}", pl.lit(""))),
        pl.coalesce("CoNameEn", pl.format("Issue {} (English name not recorded)", "Code")),
        pl.col("Mrgn").fill_null(_NOT_RECORDED),
        pl.col("Mrgn").replace_strict(_MARGIN_NAMES, default=_NOT_RECORDED).alias("MrgnNm"),
        *(pl.col(name).replace("-", other) for name, other in _NO_SECTOR.items()),
    )
    return rows.with_columns(pl.col(pl.String).fill_null(""))


def statement_rows(statements: pl.DataFrame) -> pl.DataFrame:
    """Return statements as V2 sends them: every field text, numbers plainly written, "" for none, by disclosure."""
    names = [name for name in statements.columns if name in STATEMENTS]
    rows = statements.select(as_text(name, statements.schema[name]) for name in names)
    rows = rows.with_columns(pl.lit("").alias(name) for name in STATEMENTS if name not in names)
    return rows.select(STATEMENTS).sort("DiscDate", "DiscTime", "DiscNo", "Code")


def as_text(name: str, dtype: pl.DataType) -> pl.Expr:
    """Return a column as the text that V2 sends, "" for null."""
    column = pl.col(name)
    if dtype.is_float():  # whole numbers without ".0", as the vendor writes them
        whole = (column == column.round()) & (column.abs() < 2**53)  # exact in a float up to here
        text = (
            pl.when(whole).then(column.cast(pl.Int64, strict=False).cast(pl.String)).otherwise(column.cast(pl.String))
        )
    else:
        text = column.cast(pl.String)
    return text.fill_null("").alias(name)


def _by_name(codes: dict[str, str], pattern: str, otherwise: pl.Expr) -> pl.Expr:
    found = otherwise
    for part, code in codes.items():
        begins = pattern.format(part.replace("(", r"\("))
        found = pl.when(pl.col("MktNm").str.contains(begins)).then(pl.lit(code)).otherwise(found)
    return found


def table_rows(table: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Return a folder's table under the official names, days as text; a column that the folder lacks is null."""
    days = [name for name, dtype in table.schema.items() if dtype == pl.Date]
    absent = [pl.lit(None, pl.String).alias(name) for name in names if name not in table.columns]
    return table.with_columns(pl.col(days).cast(pl.String), *absent).select(names)
