"""A market in which much is said late: simulated, with restatements, notices and derivatives that are added here."""

import json
from datetime import date, timedelta

import polars as pl

from tosho.calendar import next_session, sessions
from tosho.ingest import plans
from tosho.simulation.fields import FIELDS
from tosho.simulation.market import simulate

FIRST, LAST = date(2024, 10, 29), date(2024, 11, 12)
"""The sessions that are ingested; the market goes on after them."""
MARKET_LAST = date(2024, 11, 29)
_DAYS = ("Date", "PubDate", "SchDate", "RecDate", "ExDate", "ActRecDate", "PayDate", "BoardDate", "LTD", "SQD")


def write_world(folder):
    simulate(folder, codes=50, sessions=40, last=MARKET_LAST, seed=11)
    codes = _split(folder / "bars.parquet")
    _restate(folder / "statements.parquet")
    _correct(folder / "investor_types.parquet")
    _alert(folder / "margin_alert.parquet", codes)
    days = sessions(FIRST, MARKET_LAST)
    numbered = [(day, n, code) for day in days for n, code in enumerate(codes)]
    contracts = [_contract(day, n) for day in days for n in range(3)]
    tables = {
        "earnings_date": (plans.EARNINGS_DATE, [_schedule(*about) for about in numbered]),
        "dividends": (plans.DIVIDENDS, [notice for about in numbered for notice in _notices(*about)]),
        "details": (plans.FINS_DETAILS, [_details(*about) for about in numbered]),
        "options_225": (plans.OPTIONS_225, contracts),
        "futures": (plans.FUTURES, contracts),
        "options": (plans.OPTIONS, contracts),
    }
    for name, (endpoint, rows) in tables.items():
        official = [{field: row.get(field, _blank(field)) for field in FIELDS[endpoint]} for row in rows]
        pl.DataFrame(official).write_parquet(folder / f"{name}.parquet")
    return folder


def _split(path):
    """Let the first code split in two on a session of the middle; return it and three others."""
    bars = pl.read_parquet(path)
    middle = sessions(FIRST, LAST)[5]
    codes = bars.filter(pl.col("Date") == middle)["Code"].sort().head(4).to_list()
    after = (pl.col("Code") == codes[0]) & (pl.col("Date") >= middle)
    half = [pl.when(after).then(pl.col(name) / 2).otherwise(name).alias(name) for name in ("O", "H", "L", "C")]
    factor = pl.when(after & (pl.col("Date") == middle)).then(0.5).otherwise("AdjFactor").alias("AdjFactor")
    bars.with_columns(*half, factor).write_parquet(path)
    return codes


def _restate(path):
    """Say every statement of the sessions again, two days later with other sales, at an hour after the cutoff."""
    stated = pl.read_parquet(path)
    day = pl.col("DiscDate").cast(pl.String).str.to_date()
    again = stated.filter(day.is_between(FIRST, LAST)).with_columns(
        (day + timedelta(days=2)).cast(pl.String).alias("DiscDate"),
        pl.lit("19:30:00").alias("DiscTime"),
        pl.format("{}9", "DiscNo").alias("DiscNo"),
        pl.lit("123000000").alias("Sales"),
        pl.lit("true").alias("RetroRst"),
    )
    assert again.height > 10
    text = stated.with_columns(pl.col("DiscDate").cast(pl.String))
    pl.concat([text, again.select(text.columns).cast(text.schema)]).write_parquet(path)


def _correct(path):
    """Publish every week's flows again a week later, with other purchases from abroad."""
    flows = pl.read_parquet(path)
    later = pl.col("PubDate").cast(pl.String).str.to_date() + timedelta(days=7)
    again = flows.with_columns(later.cast(flows.schema["PubDate"]).alias("PubDate"), (pl.col("FrgnBuy") + 1))
    both = pl.concat([flows, again.cast(flows.schema)])
    both.unique(["PubDate", "StDate", "Section"], keep="first", maintain_order=True).write_parquet(path)


def _alert(path, codes):
    """Watch some codes; each day's balances come again with other figures two sessions after they were published."""
    days = sessions(FIRST, MARKET_LAST)
    numbers = {field: "1" for field in FIELDS[plans.MARGIN_ALERT] if "Out" in field or field == "SLRatio"}
    reasons = dict.fromkeys(("Restricted", "DailyPublication", "Monitoring", "RestrictedByJSF", "PrecautionByJSF"), "0")
    rows = [
        numbers | {"PubDate": str(days[n + 1 + late]), "AppDate": str(day), "Code": code, "LongOut": f"{late + 5}"}
        | {"PubReason": json.dumps(reasons | {"UnclearOrSecOnAlert": "0"}), "TSEMrgnRegCls": "001"}
        for n, day in enumerate(days[:-3]) for code in codes for late in (0, 2)
    ]  # fmt: skip
    pl.DataFrame(rows).select(FIELDS[plans.MARGIN_ALERT]).write_parquet(path)


def _schedule(day, n, code):
    """The first code always reports tomorrow, so that the calendar of earnings has it; the others put it off daily."""
    on = day + timedelta(days=7 + n) if n else next_session(day)
    said = {"PubDate": str(day), "Code": code, "SchDate": str(on), "FYE": "2025-03-31", "FQName": "2Q"}
    return said | {"CoName": "A", "CoNameEn": "A"}


def _notices(day, n, code):
    """A notice before the cutoff, and its correction after it."""
    number = f"{day:%Y%m%d}{n}"
    new = {"PubDate": str(day), "PubTime": f"1{n + 2}:10", "Code": code, "RefNo": number, "DivRate": f"{n + 1}"}
    new |= {"CARefNo": number, "StatCode": "1"}
    return new, new | {"PubTime": "18:40", "RefNo": f"{number}9", "StatCode": "2", "DivRate": "7"}


def _details(day, n, code):
    kind = {"DocType": "2QFinancialStatements_Consolidated_JP", "FS": '{"Net sales": "1"}'}
    about = {"DiscDate": str(day), "DiscTime": f"1{n + 5}:30:00", "Code": code, "DiscNo": f"{day:%Y%m%d}{n}"}
    return about | kind


def _contract(day, n):
    return {"Date": str(day), "Code": f"1000{n}", "EmMrgnTrgDiv": "002", "CM": "2024-12", "Vo": f"{day.day}"}


def _blank(field):
    return str(MARKET_LAST) if field in _DAYS else "1"
