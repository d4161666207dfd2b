"""One official row of each endpoint, as J-Quants sends it, and the vendor's own list of fields."""

import json
from pathlib import Path

from tosho.ingest import plans
from tosho.ingest.sources.statements import KNOWN, NUMBERS

OFFICIAL = Path(__file__).parents[3] / "shared/jquants/endpoints.json"

_OHLC = {"O": 100.0, "H": 110.0, "L": 90.0, "C": 105.0}
_BAR = {"Date": "2018-11-16", "Code": "13010", **_OHLC, "UL": "0", "LL": "0", "Vo": 1000, "Va": 105_000, "AdjFactor": 1}
_STATEMENT = {
    **dict.fromkeys(KNOWN, ""), **dict.fromkeys(NUMBERS, "12.5"),
    "DiscDate": "2018-11-16", "DiscTime": "15:00:00", "Code": "13010", "DiscNo": "20181116000001", "CurPerType": "2Q",
    "DocType": "2QFinancialStatements_Consolidated_JP", "CurPerSt": "2018-04-01", "CurPerEn": "2018-09-30",
    "CurFYSt": "2018-04-01", "CurFYEn": "2019-03-31", "ShOutFY": "1000", "TrShFY": "10",
    "NxtFYSt": "2019-04-01", "NxtFYEn": "2020-03-31",
    **dict.fromkeys(("MatChgSub", "ChgByASRev", "ChgNoASRev", "ChgAcEst", "RetroRst"), "false"),
}  # fmt: skip
_DERIVED = {
    "Date": "2018-11-15", "Code": "160120018", **_OHLC, **{f"{b}{n}": v for b in "EA" for n, v in _OHLC.items()},
    "Vo": 12, "OI": 34, "Va": 5600, "CM": "2018-12", "VoOA": 1, "EmMrgnTrgDiv": "002", "LTD": "2018-12-13",
    "SQD": "2018-12-14", "Settle": 101.0,
}  # fmt: skip
_OPTION = {"Strike": 21000, "PCDiv": "1", "Theo": 99.5, "BaseVol": 18.2, "UnderPx": 21680.3, "IV": 19.0, "IR": 0.01}
_MORNING = {f"M{name}": value for name, value in _OHLC.items()}
_CENTRAL = {**_MORNING, "ProdCat": "NK225F", "CCMFlag": "1"}
_HALF = {"UL": "0", "LL": "0", "Vo": 500, "Va": 52_500, **{f"Adj{name}": 1.0 for name in ("O", "H", "L", "C", "Vo")}}
_INVESTORS = "Prop Brk Tot Ind Frgn SecCo InvTr BusCo OthCo InsCo Bank TrstBnk OthFin".split()  # noqa: SIM905
_BALANCES = ("Shrt", "Long", "ShrtNeg", "ShrtStd", "LongNeg", "LongStd")
_REASONS = ("Restricted", "DailyPublication", "Monitoring", "RestrictedByJSF", "PrecautionByJSF", "UnclearOrSecOnAlert")

ROWS = {
    plans.MASTER: {
        "Date": "2018-11-16", "Code": "13010", "CoName": "極洋", "CoNameEn": "KYOKUYO", "S17": "1", "S17Nm": "食品",
        "S33": "0050", "S33Nm": "水産・農林業", "ScaleCat": "TOPIX Small 2", "Mkt": "0101", "MktNm": "東証一部",
        "Mrgn": "2", "MrgnNm": "貸借", "ProdCat": "011",
    },
    plans.BARS: {
        **_BAR, **{f"Adj{name}": 1.0 for name in ("O", "H", "L", "C", "Vo")},
        **{f"{half}{name}": value for half in "MA" for name, value in {**_OHLC, **_HALF}.items()},
    },
    plans.BARS_AM: {"Date": "2018-11-16", "Code": "13010", **_MORNING, "MVo": 500, "MVa": 52_500},
    plans.INVESTORS: {
        "PubDate": "2018-11-15", "StDate": "2018-11-05", "EnDate": "2018-11-09", "Section": "TSE1st",
        **{f"{who}{flow}": 1000.0 for who in _INVESTORS for flow in ("Sell", "Buy", "Tot", "Bal")},
    },
    plans.EARNINGS_CALENDAR: {
        "Date": "2018-11-19", "Code": "13010", "CoName": "極洋", "FY": "3月31日", "SectorNm": "水産・農林業",
        "FQ": "第2四半期", "Section": "市場第一部",
    },
    plans.TOPIX: {"Date": "2018-11-16", **_OHLC},
    plans.INDICES: {"Date": "2018-11-16", "Code": "0028", **_OHLC},
    plans.FINS: _STATEMENT,
    plans.FINS_DETAILS: {
        **{name: _STATEMENT[name] for name in ("DiscDate", "DiscTime", "Code", "DiscNo", "DocType")},
        "FS": {"Goodwill, IFRS": "25", "Net sales": "1000"},
    },
    plans.DIVIDENDS: {
        "PubDate": "2018-11-16", "PubTime": "09:21", "Code": "13010", "RefNo": "201811160001", "StatCode": "1",
        "BoardDate": "2018-11-16", "IFCode": "2", "FRCode": "2", "IFTerm": "2019-03", "DivRate": "-",
        "RecDate": "2019-03-31", "ExDate": "2019-03-27", "ActRecDate": "2019-03-31", "PayDate": "-",
        "CARefNo": "201811160001", "DistAmt": "", "RetEarn": "", "DeemDiv": "", "DeemCapGains": "",
        "NetAssetDecRatio": "", "CommSpecCode": "0", "CommDivRate": "", "SpecDivRate": "",
    },
    plans.EARNINGS_DATE: {
        "PubDate": "2018-11-16", "SchDate": "2019-02-08", "FQName": "第3四半期", "FYE": "2019-03", "Code": "13010",
        "CoName": "極洋", "CoNameEn": "KYOKUYO",
    },
    plans.CALENDAR: {"Date": "2018-11-16", "HolDiv": "1"},
    plans.MARGIN_INTEREST: {
        "Date": "2018-11-09", "Code": "13010", "ShrtVol": 4100, "LongVol": 27600, "ShrtNegVol": 1300,
        "LongNegVol": 7600, "ShrtStdVol": 2800, "LongStdVol": 20000, "IssType": "2",
    },
    plans.MARGIN_ALERT: {
        "PubDate": "2018-11-16", "Code": "13010", "AppDate": "2018-11-15",
        "PubReason": dict.fromkeys(_REASONS, "0") | {"DailyPublication": "1"},
        **{f"{name}Out": 100 for name in _BALANCES}, **{f"{name}OutChg": "-" for name in _BALANCES},
        "ShrtOutRatio": "*", "LongOutRatio": 1.5, "SLRatio": 75.0, "TSEMrgnRegCls": "001",
    },
    plans.SHORT_RATIO: {
        "Date": "2018-11-16", "S33": "0050", "SellExShortVa": 1.3e9, "ShrtWithResVa": 7e8, "ShrtNoResVa": 1e8,
    },
    plans.SHORT_SALE_REPORT: {
        "DiscDate": "2018-11-16", "CalcDate": "2018-11-14", "Code": "13010", "SSName": "個人", "SSAddr": "",
        "DICName": "", "DICAddr": "", "FundName": "", "ShrtPosToSO": 0.0053, "ShrtPosShares": 140_000,
        "ShrtPosUnits": 140, "PrevRptDate": "2018-11-01", "PrevRptRatio": 0.0043, "Notes": "",
    },
    plans.BREAKDOWN: {
        "Date": "2018-11-16", "Code": "13010",
        **{
            f"{kind}{unit}": 100.0 for unit in ("Va", "Vo") for kind in
            ("LongSell", "ShrtNoMrgn", "MrgnSellNew", "MrgnSellClose", "LongBuy", "MrgnBuyNew", "MrgnBuyClose")
        },
    },
    plans.OPTIONS_225: {**_DERIVED, **_OPTION},
    plans.FUTURES: {**_DERIVED, **_CENTRAL},
    plans.OPTIONS: {**_DERIVED, **_CENTRAL, **_OPTION, "UndSSO": "-"},
}  # fmt: skip

USUAL = {
    plans.MARGIN_ALERT: {**{f"{name}OutChg": 5 for name in _BALANCES}, "ShrtOutRatio": 0.4},
    plans.SHORT_SALE_REPORT: {"SSAddr": "London"},
    plans.DIVIDENDS: {"DivRate": 25.0, "PayDate": "2019-06-10"},
}
"""What the official row has not and most rows have."""


def official_fields(path):
    """Return the names that the vendor's own list gives an endpoint; none where the list does not have it."""
    endpoints = json.loads(OFFICIAL.read_text())["endpoints"]
    return {field["name"] for e in endpoints if e["path"] == path for field in e["response"]["fields"]}
