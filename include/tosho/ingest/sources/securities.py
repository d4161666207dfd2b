"""equities/master to table `securities`: who is listed on a session, and as what."""

from __future__ import annotations

from typing import Final

import polars as pl

from tosho.contracts import SECURITIES as CONTRACT
from tosho.ingest import plans
from tosho.ingest.sources.columns import day, or_null, read, require, text
from tosho.ingest.sources.source import Source

_SENT: Final = {
    "code": "Code", "name": "CoName", "name_en": "CoNameEn", "sector17": "S17", "sector33": "S33",
    "scale": "ScaleCat", "segment": "Mkt", "margin_class": "Mrgn",
}  # fmt: skip
_PRODUCT: Final = "ProdCat"  # since 2026-05-26
KNOWN: Final = frozenset({"Date", *_SENT.values(), _PRODUCT, "S17Nm", "S33Nm", "MktNm", "MrgnNm"})


def to_securities(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows as sent, in the columns of `securities`; "" is null.

    Args:
        rows: Text columns. `ProdCat` may be absent, as it is before 2026-05-26.

    Raises:
        ContractError: A column is missing or unknown, or a value cannot be read.
    """
    if not rows.height:
        return CONTRACT.empty()
    require("master", rows, KNOWN - {_PRODUCT}, KNOWN)
    product = or_null(rows, _PRODUCT, text(_PRODUCT)).alias("product")
    columns = (text(sent).alias(name) for name, sent in _SENT.items())
    return CONTRACT.dated(read("master", rows, day("Date").alias("session"), *columns, product))


SECURITIES: Final = Source("securities", "master", plans.MASTER, to_securities, always=True)
