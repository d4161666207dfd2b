"""Rows as J-Quants V2 would send them, of every endpoint, under its official names: good ones, and no two alike."""

import json
import re
from functools import cache

from tosho.ingest import plans
from tosho.simulation.fields import FIELDS, HALF_DAY_BLOCKS

DAY = "2018-11-13"
ONE_A_DAY = frozenset({plans.TOPIX, plans.CALENDAR})
_DAYS = {"StDate", "EnDate", "LTD", "SQD", "CurPerSt", "CurPerEn", "CurFYSt", "CurFYEn", "NxtFYSt", "NxtFYEn"}
_FLAGS = ("MatChgSub", "SigChgInC", "ChgByASRev", "ChgNoASRev", "ChgAcEst", "RetroRst")
_REASONS = ("Restricted", "DailyPublication", "Monitoring", "RestrictedByJSF", "PrecautionByJSF", "UnclearOrSecOnAlert")
_PRICES = {"H": 9.5, "L": 1.5, "UL": "0", "LL": "0"}
_PRICE = re.compile(r"[EAM]?(?:Adj)?(H|L|UL|LL)")
_FIXED = {
    "DiscTime": "15:00:00", "PubTime": "15:00", "HolDiv": "1", "CurPerType": "FY", "DocType": "FYFinancialStatements",
    "AdjFactor": 1.0, "CM": "2018-12", "FY": "3月31日", "FQ": "第2四半期", "TrShFY": 1, "EmMrgnTrgDiv": "002",
    "PubReason": dict.fromkeys(_REASONS, "0"), "FS": {"売上高": "1"}, "PCDiv": "1", "CCMFlag": "1",
    "ProdCat": "TOPIXF", "UndSSO": "-", "TSEMrgnRegCls": "001", **dict.fromkeys(_FLAGS, "false"),
}  # fmt: skip


@cache
def official_rows(endpoint):
    """Return rows of one day, each value written in JSON; one row where a day has one, else three."""
    names = FIELDS[endpoint] + (HALF_DAY_BLOCKS if endpoint == plans.BARS else ())
    rows = 1 if endpoint in ONE_A_DAY else 3
    return [{name: json.dumps(_value(name, n), ensure_ascii=False) for name in names} for n in range(rows)]


def page_of(rows, gap="", rest=""):
    """Return an answer with rows whose values are written in JSON already, well or badly."""
    objects = ("{" + f",{gap}".join(f'"{name}":{gap}{sent}' for name, sent in row.items()) + "}" for row in rows)
    return encoded('{"data":[' + f",{gap}".join(objects) + f"]{rest}}}")


def encoded(text):
    return text.encode("utf-8", "surrogatepass")


def _value(name, n):
    if name in _DAYS or name.endswith("Date"):
        return DAY
    if price := _PRICE.fullmatch(name):
        return _PRICES[price[1]]
    return {"Code": f"{1301 + n}0", "Section": f"TSE{n}", **_FIXED}.get(name, 3 + n)
