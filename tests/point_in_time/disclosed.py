"""Documents as companies disclose them, and plain code that says what was known after each."""

from datetime import UTC, date, datetime, time, timedelta

import polars as pl

from tosho.point_in_time.forecasts import FORECASTS
from tosho.point_in_time.statements import BALANCES, FLOWS

DATES = ("period_end", "year_start", "year_end", "next_year_end")
SAID = [
    f"{whose}_{name}{half}" for half in ("", "_2q") for whose in ("forecast", "next_forecast") for name in FORECASTS
]
SCHEMA = {
    "session": pl.Date, "code": pl.String, "disclosed_on": pl.Date, "disclosed_at": pl.Time, "number": pl.String,
    "document": pl.String, "period": pl.String, **dict.fromkeys(DATES, pl.Date),
    **dict.fromkeys((*FLOWS, *BALANCES, *SAID), pl.Float64), "known_at": pl.Datetime("us", "UTC"),
}  # fmt: skip


def document(day, kind, period, period_end, year, *, code="13010", at=time(15), **figures):
    """Return a document of `kind`, disclosed on a day of 2024 (counted from its first) and known at 18:00 in Japan."""
    on = date(2024, 1, 1) + timedelta(days=day)
    start, end = year
    return {
        **dict.fromkeys(SCHEMA),
        "session": on,
        "code": code,
        "disclosed_on": on,
        "disclosed_at": at,
        "number": f"{day:04d}{at}",
        "document": kind,
        "period": period,
        "period_end": period_end,
        "year_start": start,
        "year_end": end,
        "next_year_end": months_on(end, 12),
        "known_at": datetime(on.year, on.month, on.day, 9, tzinfo=UTC),
        **figures,
    }


def statement(day, period, period_end, year, basis="Consolidated_JP", **rest):
    """Return a statement of a period; `year` is the first and last day of its fiscal year."""
    return document(day, f"{period}FinancialStatements_{basis}", period, period_end, year, **rest)


def frame(documents):
    return pl.DataFrame(documents, schema=SCHEMA)


def last_of_month(year, month):
    return date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)


def months_on(day, months):
    """Return the last day of the month so many months after that of a last day."""
    number = day.year * 12 + day.month - 1 + months
    return last_of_month(number // 12, number % 12 + 1)


def flow_between(sums, first_eve, end):
    """Return the flow from the day after `first_eve` to `end`: a walk over known sums, each a step from eve to end."""
    steps = {}
    for day, (eve, value) in sums.items():
        if value is not None:
            steps.setdefault(eve, []).append((day, value))
            steps.setdefault(day, []).append((eve, -value))
    found, waiting = {first_eve: 0.0}, [first_eve]
    while waiting:
        here = waiting.pop()
        for there, value in steps.get(here, ()):
            if there not in found:
                found[there] = found[here] + value
                waiting.append(there)
    return found.get(end)


def known_after(documents, flow):
    """Return for each of a company's documents, in order, five figures of a flow, by plain code."""
    for count in range(1, len(documents) + 1):
        stated = [d for d in documents[:count] if "FinancialStatements" in d["document"]]
        if not stated:
            yield (None,) * 5
            continue
        newest = max(stated, key=lambda d: d["period_end"])["period_end"]
        basis = [d["document"] for d in stated if d["period_end"] == newest][-1].split("_", 1)[1]
        sums = {
            d["period_end"]: (d["year_start"] - timedelta(days=1), d[flow])
            for d in stated if d["document"].endswith(basis)
        }  # fmt: skip
        eve, value = sums[newest]
        ago = months_on(newest, -12)
        alike = ago in sums and sums[ago][0] == months_on(eve, -12)
        yield (
            value,
            sums[ago][1] if alike else None,
            flow_between(sums, months_on(newest, -3), newest) if value is not None else None,
            flow_between(sums, months_on(ago, -3), ago) if ago in sums else None,
            flow_between(sums, ago, newest) if value is not None else None,
        )
