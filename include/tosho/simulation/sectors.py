"""The sectors and market segments of the TSE: official codes and names, and how many companies each holds.

Source: J-Quants' reference data (JPX Market Innovation & Research, MIT licence) for codes and names; TOPIX-17's
definition for which of the 33 sectors belong together. The counts are round figures near those of 2025.
"""

from __future__ import annotations

from datetime import date
from typing import Final, NamedTuple


class Sector(NamedTuple):
    """One of the 33 sectors, the TOPIX-17 series it belongs to, and roughly how many companies it holds."""

    code: str
    name: str
    series: str
    companies: int


SERIES_NAMES: Final = {
    "1": "食品",
    "2": "エネルギー資源",
    "3": "建設・資材",
    "4": "素材・化学",
    "5": "医薬品",
    "6": "自動車・輸送機",
    "7": "鉄鋼・非鉄",
    "8": "機械",
    "9": "電機・精密",
    "10": "情報通信・サービスその他",
    "11": "電気・ガス",
    "12": "運輸・物流",
    "13": "商社・卸売",
    "14": "小売",
    "15": "銀行",
    "16": "金融（除く銀行）",  # noqa: RUF001
    "17": "不動産",
    "99": "その他",
}

SECTORS: Final = (
    Sector("0050", "水産・農林業", "1", 12),
    Sector("1050", "鉱業", "2", 6),
    Sector("2050", "建設業", "3", 160),
    Sector("3050", "食料品", "1", 125),
    Sector("3100", "繊維製品", "4", 50),
    Sector("3150", "パルプ・紙", "4", 25),
    Sector("3200", "化学", "4", 215),
    Sector("3250", "医薬品", "5", 75),
    Sector("3300", "石油･石炭製品", "2", 10),
    Sector("3350", "ゴム製品", "6", 18),
    Sector("3400", "ガラス･土石製品", "3", 55),
    Sector("3450", "鉄鋼", "7", 40),
    Sector("3500", "非鉄金属", "7", 33),
    Sector("3550", "金属製品", "3", 90),
    Sector("3600", "機械", "8", 220),
    Sector("3650", "電気機器", "9", 240),
    Sector("3700", "輸送用機器", "6", 85),
    Sector("3750", "精密機器", "9", 50),
    Sector("3800", "その他製品", "10", 110),
    Sector("4050", "電気･ガス業", "11", 27),
    Sector("5050", "陸運業", "12", 62),
    Sector("5100", "海運業", "12", 11),
    Sector("5150", "空運業", "12", 6),
    Sector("5200", "倉庫･運輸関連業", "12", 35),
    Sector("5250", "情報･通信業", "10", 620),
    Sector("6050", "卸売業", "13", 310),
    Sector("6100", "小売業", "14", 340),
    Sector("7050", "銀行業", "15", 80),
    Sector("7100", "証券･商品先物取引業", "16", 40),
    Sector("7150", "保険業", "16", 14),
    Sector("7200", "その他金融業", "16", 40),
    Sector("8050", "不動産業", "17", 150),
    Sector("9050", "サービス業", "10", 560),
)
"""The 33 sectors, in the order of their codes."""

FUNDS: Final = Sector("9999", "その他", "99", 0)
"""Where ETFs and REITs are filed: outside the 33."""

SEGMENT_NAMES: Final = {
    "0101": "東証一部",
    "0102": "東証二部",
    "0104": "マザーズ",
    "0106": "JASDAQ スタンダード",
    "0109": "その他",
    "0111": "プライム",
    "0112": "スタンダード",
    "0113": "グロース",
}

SEGMENTS_CHANGED: Final = date(2022, 4, 4)
"""From this session on the segments are Prime, Standard and Growth."""

_FORMER: Final = {"0111": "0101", "0112": "0102", "0113": "0104", "0109": "0109"}


def segment_on(segment: str, session: date) -> str:
    """Return the market code that an issue of today's `segment` bears on a session.

    >>> segment_on("0111", date(2022, 4, 1)), segment_on("0111", date(2022, 4, 4))
    ('0101', '0111')
    """
    return segment if session >= SEGMENTS_CHANGED else _FORMER[segment]
