"""equities/master to table `securities`: who is listed on a session, and as what."""

from __future__ import annotations

from typing import Final

from tosho.contracts import SECURITIES as CONTRACT
from tosho.ingest import plans
from tosho.ingest.sources.columns import day, text
from tosho.ingest.sources.reading import Reading
from tosho.ingest.sources.source import Source

_SENT: Final = {
    "code": "Code", "name": "CoName", "name_en": "CoNameEn", "sector17": "S17", "sector33": "S33",
    "scale": "ScaleCat", "segment": "Mkt", "margin_class": "Mrgn",
}  # fmt: skip
_NAMES: Final = ("S17Nm", "S33Nm", "MktNm", "MrgnNm")
"""Of codes that have them."""
_PRODUCT: Final = "ProdCat"  # since 2026-05-26
KNOWN: Final = frozenset({"Date", *_SENT.values(), *_NAMES, _PRODUCT})

to_securities: Final = Reading(
    CONTRACT,
    "master",
    ("Date", *_SENT.values(), *_NAMES),
    (day("Date").alias("session"), *(text(sent).alias(name) for name, sent in _SENT.items())),
    CONTRACT.dated,
    later={_PRODUCT: text(_PRODUCT).alias("product")},
)

SECURITIES: Final = Source("securities", "master", plans.MASTER, to_securities, always=True)
