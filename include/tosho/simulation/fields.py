"""J-Quants V2's field names, by endpoint, in the order in which they are served: the project's own copy.

Source: the vendor's documentation server (JPX Market Innovation & Research, MIT licence, state of 2026-01); what came
later stands in ADDED, with where it is told.
"""

# ruff: noqa: SIM905 - a hundred names are easier to compare with the vendor's page as words than as quoted items

from __future__ import annotations

from typing import Final

from tosho.ingest import plans

BARS: Final = tuple("Date Code O H L C UL LL Vo Va AdjFactor AdjO AdjH AdjL AdjC AdjVo".split())
_HALF = "O H L C UL LL Vo Va AdjO AdjH AdjL AdjC AdjVo".split()
HALF_DAY_BLOCKS: Final = tuple(f"{half}{name}" for half in "MA" for name in _HALF)
"""The morning's and the afternoon's columns, on the premium plan only."""

MASTER: Final = tuple("Date Code CoName CoNameEn S17 S17Nm S33 S33Nm ScaleCat Mkt MktNm Mrgn MrgnNm ProdCat".split())
TOPIX: Final = tuple("Date O H L C".split())
INVESTORS: Final = tuple(
    f"{name}{side}"
    for name in "Prop Brk Tot Ind Frgn SecCo InvTr BusCo OthCo InsCo Bank TrstBnk OthFin".split()
    for side in ("Sell", "Buy", "Tot", "Bal")
)


def _forecasts(prefix: str, profit: str = "NP", half: str = "") -> list[str]:
    return [f"{prefix}{name}{half}" for name in ("Sales", "OP", "OdP", profit, "EPS")]


def _dividends(prefix: str, *tail: str) -> list[str]:
    return [f"{prefix}Div{name}" for name in ("1Q", "2Q", "3Q", "FY", "Ann", "Unit", *tail)]


STATEMENTS: Final = (
    *"DiscDate DiscTime Code DiscNo DocType CurPerType CurPerSt CurPerEn CurFYSt CurFYEn NxtFYSt NxtFYEn".split(),
    *"Sales OP OdP NP EPS DEPS TA Eq EqAR BPS CFO CFI CFF CashEq".split(),
    *_dividends("", "TotalAnn"), "PayoutRatioAnn", *_dividends("F", "TotalAnn"), "FPayoutRatioAnn",
    *_dividends("NxF"), "NxFPayoutRatioAnn",
    *_forecasts("F", half="2Q"), *_forecasts("NxF", "Np", "2Q"), *_forecasts("F"), *_forecasts("NxF", "Np"),
    *"MatChgSub SigChgInC ChgByASRev ChgNoASRev ChgAcEst RetroRst ShOutFY TrShFY AvgSh".split(),
    *(f"NC{name}" for name in "Sales OP OdP NP EPS TA Eq EqAR BPS".split()),
    *_forecasts("FNC", half="2Q"), *_forecasts("NxFNC", half="2Q"), *_forecasts("FNC"), *_forecasts("NxFNC"),
    *"ShEq NCShEq ROE NCROE".split(),
)  # fmt: skip

_SESSIONS = "EO EH EL EC AO AH AL AC Vo OI Va CM"
"""Night and day session, then what both add up to."""

FIELDS: Final[dict[str, tuple[str, ...]]] = {
    plans.MASTER: MASTER,
    plans.BARS: BARS,
    plans.BARS_AM: tuple("Date Code MO MH ML MC MVo MVa".split()),
    plans.TOPIX: TOPIX,
    plans.INDICES: tuple("Date Code O H L C".split()),
    plans.INVESTORS: ("PubDate", "StDate", "EnDate", "Section", *INVESTORS),
    plans.FINS: STATEMENTS,
    plans.FINS_DETAILS: tuple("DiscDate DiscTime Code DiscNo DocType FS".split()),
    plans.DIVIDENDS: tuple(
        "PubDate PubTime Code RefNo StatCode BoardDate IFCode FRCode IFTerm DivRate RecDate ExDate ActRecDate PayDate "
        "CARefNo DistAmt RetEarn DeemDiv DeemCapGains NetAssetDecRatio CommSpecCode CommDivRate SpecDivRate".split()
    ),
    plans.EARNINGS_DATE: tuple("PubDate SchDate FQName FYE Code CoName CoNameEn".split()),
    plans.EARNINGS_CALENDAR: tuple("Date Code CoName FY SectorNm FQ Section".split()),
    plans.CALENDAR: ("Date", "HolDiv"),
    plans.MARGIN_INTEREST: tuple(
        "PubDate Date Code IssType ShrtVol LongVol ShrtNegVol LongNegVol ShrtStdVol LongStdVol "
        "ShrtVal LongVal ShrtNegVal LongNegVal ShrtStdVal LongStdVal".split()
    ),
    plans.MARGIN_ALERT: tuple(
        "PubDate Code AppDate PubReason ShrtOut ShrtOutChg ShrtOutRatio LongOut LongOutChg LongOutRatio SLRatio "
        "ShrtNegOut ShrtNegOutChg ShrtStdOut ShrtStdOutChg LongNegOut LongNegOutChg LongStdOut LongStdOutChg "
        "TSEMrgnRegCls".split()
    ),
    plans.SHORT_RATIO: tuple("Date S33 SellExShortVa ShrtWithResVa ShrtNoResVa".split()),
    plans.SHORT_SALE_REPORT: tuple(
        "DiscDate CalcDate Code SSName SSAddr DICName DICAddr FundName ShrtPosToSO ShrtPosShares ShrtPosUnits "
        "PrevRptDate PrevRptRatio Notes".split()
    ),
    plans.BREAKDOWN: (
        "Date",
        "Code",
        *(
            f"{name}{unit}"
            for unit in ("Va", "Vo")
            for name in "LongSell ShrtNoMrgn MrgnSellNew MrgnSellClose LongBuy MrgnBuyNew MrgnBuyClose".split()
        ),
    ),
    plans.OPTIONS_225: tuple(
        f"Date Code O H L C {_SESSIONS} Strike VoOA EmMrgnTrgDiv PCDiv LTD SQD Settle Theo BaseVol UnderPx IV "
        "IR".split()
    ),
    plans.FUTURES: tuple(
        f"Code ProdCat Date O H L C MO MH ML MC {_SESSIONS} VoOA EmMrgnTrgDiv LTD SQD Settle CCMFlag".split()
    ),
    plans.OPTIONS: tuple(
        f"Code ProdCat UndSSO Date O H L C MO MH ML MC {_SESSIONS} Strike VoOA EmMrgnTrgDiv PCDiv LTD SQD Settle "
        "Theo BaseVol UnderPx IV IR CCMFlag".split()
    ),
}

_CLIENT = "the official client's constants"
_NOTICE = "the vendor's notice of 2026-05-26"
_NOT_IN_2026_01 = f"{_CLIENT}; not in the documentation server's list of 2026-01"
ADDED: Final[dict[str, dict[str, str]]] = {
    plans.MASTER: {"ProdCat": f"{_NOTICE}; {_CLIENT}"},
    plans.FINS: dict.fromkeys(("SigChgInC", "ShEq", "NCShEq", "ROE", "NCROE"), _NOT_IN_2026_01),
    plans.MARGIN_INTEREST: dict.fromkeys(
        ("PubDate", "ShrtVal", "LongVal", "ShrtNegVal", "LongNegVal", "ShrtStdVal", "LongStdVal"),
        f"{_CLIENT}: release of 2026-09-28, null for what was applied for before 2026-09-25",
    ),
    plans.EARNINGS_DATE: dict.fromkeys(
        FIELDS[plans.EARNINGS_DATE], f"{_CLIENT}; the endpoint is younger than the documentation server's list"
    ),
}
"""Fields that came after 2026-01, by endpoint, each with where it is told."""

MAPS: Final = frozenset({"PubReason", "FS"})
"""Fields that hold a map. A folder keeps them as JSON text; so do the files of months."""

MARKS: Final = dict.fromkeys(
    (name for name in FIELDS[plans.MARGIN_ALERT] if name.endswith("Chg")), "-"
) | dict.fromkeys(("MO", "MH", "ML", "MC", "EO", "EH", "EL", "EC"), "")
"""Number fields in which text stands for nothing, in some endpoints: see `marked`."""


def marked(endpoint: str) -> dict[str, str]:
    """Return the fields of an endpoint in which a missing number is text, "-" or "", with that text."""
    if endpoint == plans.MARGIN_ALERT or endpoint.startswith("/derivatives/"):
        return {name: MARKS[name] for name in FIELDS[endpoint] if name in MARKS}
    return {}
