"""Balance sheet and income statement item by item, as fins/details gives them: a map by English label, as JSON text."""

from __future__ import annotations

from typing import Final

import polars as pl

from tosho.ingest import plans
from tosho.simulation.fields import FIELDS

_ITEMS: Final = {
    "JP": {
        "Net sales": "Sales", "Operating profit (loss)": "OP", "Ordinary profit (loss)": "OdP",
        "Profit (loss) attributable to owners of parent": "NP", "Assets": "TA", "Net assets": "Eq",
        "Cash and cash equivalents": "CashEq",
    },
    "IFRS": {
        "Revenue (IFRS)": "Sales", "Operating profit (loss) (IFRS)": "OP",
        "Profit (loss) attributable to owners of parent (IFRS)": "NP", "Assets (IFRS)": "TA", "Equity (IFRS)": "Eq",
        "Cash and cash equivalents (IFRS)": "CashEq",
    },
}  # fmt: skip
"""Labels by accounting standard. Those who report by the American one file no such table."""


def details_table(statements: pl.DataFrame) -> pl.DataFrame:
    """Return one row a document that states results, with the figures of that document. `FS` has no empty items."""
    parts = [_of(statements, standard, items) for standard, items in _ITEMS.items()]
    return pl.concat(parts).sort("DiscDate", "DiscTime", "DiscNo").select(FIELDS[plans.FINS_DETAILS])


def _of(statements: pl.DataFrame, standard: str, items: dict[str, str]) -> pl.DataFrame:
    rows = statements.filter(pl.col("DocType").str.ends_with(f"_{standard}"))
    told = {
        "Accounting standards, DEI": pl.lit("Japan GAAP" if standard == "JP" else standard),
        "Security code, DEI": pl.col("Code"),
        "Type of current period, DEI": pl.col("CurPerType"),
        "Current period end date, DEI": pl.col("CurPerEn"),
        **{label: pl.when(pl.col(name) != "").then(name) for label, name in items.items()},
    }
    texts = pl.concat_str(
        [pl.format('"{}":"{}"', pl.lit(label), value) for label, value in told.items()],
        separator=",", ignore_nulls=True,
    )  # fmt: skip
    return rows.with_columns(pl.concat_str(pl.lit("{"), texts, pl.lit("}")).alias("FS"))
